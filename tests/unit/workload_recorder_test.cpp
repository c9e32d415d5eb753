#include "model/workload/recorder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "model/workload/trace_error.h"
#include "model/workload/trace_reader.h"
#include "model/workload/trace_regions.h"
#include "tests/unit/workload_temp.h"

namespace nestwalk {
namespace {

bool has_valgrind() {
  return ::access("/usr/bin/valgrind", X_OK) == 0;
}

RecordOptions options_of(const TempFolder& folder, std::vector<std::string> command) {
  RecordOptions options;
  options.command = std::move(command);
  options.output_path = folder.file("t.nwt");
  return options;
}

std::string problem_of(const RecordOptions& options) {
  try {
    record_program(options, {});
  } catch (const TraceError& error) {
    return error.what();
  }
  return "no problem";
}

bool permits(const Region& region, AccessType type) {
  return type == AccessType::kRead    ? region.rights.read
         : type == AccessType::kWrite ? region.rights.write
                                      : region.rights.execute;
}

// Every access lies in regions of its process that permit it; returns the last event.
TraceEventKind expect_covered(const std::vector<OwnedRecord>& records) {
  TraceRegions regions;
  TraceEventKind last_event{};
  std::uint64_t num_outside = 0;
  for (const OwnedRecord& item : records) {
    TraceRecord record = item.record;
    if (item.is_event) {
      record.event = &item.event;
      regions.apply(record);
      last_event = item.event.kind;
      continue;
    }
    const auto process = regions.processes().find(record.process);
    EXPECT_NE(process, regions.processes().end());
    const auto here = process->second.regions.within(whole_pages(record.address.value(), 1));
    num_outside += here.size() != 1 || !permits(here[0], record.type) ? 1 : 0;
  }
  EXPECT_EQ(num_outside, 0U);
  return last_event;
}

TEST(Recorder, EveryAccessIsInARegionThatPermitsIt) {
  if (!has_valgrind()) {
    GTEST_SKIP() << "no valgrind here";
  }
  const TempFolder folder;
  const RecordResult result = record_program(options_of(folder, {"/bin/true"}), {});
  EXPECT_EQ(result.exit_status, 0);
  EXPECT_EQ(result.signal, 0);
  EXPECT_FALSE(result.stopped_early);
  EXPECT_GT(result.num_accesses, 10000U);
  EXPECT_GT(result.num_instructions, result.num_accesses / 2);
  EXPECT_EQ(result.num_processes, 1U);
  EXPECT_EQ(result.num_added_regions, 0U);
  EXPECT_EQ(result.num_widened_regions, 0U);

  TraceReader reader(folder.file("t.nwt"));
  const std::vector<OwnedRecord> records = read_all(reader);
  EXPECT_EQ(expect_covered(records), TraceEventKind::kExit);
  std::uint64_t num_accesses = 0;
  std::uint64_t num_instructions = 0;
  for (const OwnedRecord& item : records) {
    num_instructions += item.record.num_instructions;
    num_accesses += item.is_event ? 0 : 1;
  }
  EXPECT_EQ(num_accesses, result.num_accesses);
  EXPECT_EQ(num_instructions, result.num_instructions);

  const TraceInfo& info = reader.info();
  EXPECT_EQ(info.command, "/bin/true");
  EXPECT_EQ(info.num_events, result.num_events);
  const auto is_named = [&info](const std::string& name) {
    return std::any_of(info.initial_regions.begin(), info.initial_regions.end(),
                       [&name](const Region& r) { return r.name.find(name) != std::string::npos; });
  };
  EXPECT_TRUE(is_named("/true"));
  EXPECT_TRUE(is_named("ld-linux"));
  EXPECT_TRUE(is_named("[stack]"));
  EXPECT_FALSE(is_named("libc.so")) << "is mapped later";
  EXPECT_FALSE(is_named("lackey"));
  EXPECT_TRUE(std::any_of(records.begin(), records.end(), [](const OwnedRecord& item) {
    return item.is_event && item.event.kind == TraceEventKind::kMap &&
           item.event.region.name.find("libc.so") != std::string::npos;
  }));
}

TEST(Recorder, TellsHowTheProgramEnded) {
  if (!has_valgrind()) {
    GTEST_SKIP() << "no valgrind here";
  }
  const TempFolder folder;
  const RecordResult result = record_program(options_of(folder, {"sh", "-c", "exit 7"}), {});
  EXPECT_EQ(result.exit_status, 7);
  EXPECT_EQ(trace_info(folder.file("t.nwt")).command, "sh -c 'exit 7'");
}

// A program whose events are known. What it asks for is printed with real addresses by itself.
constexpr const char* kProgram = R"(#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kPage = 4096 };

int main(int argc, char** argv) {
  FILE* out = fopen(argv[1], "a");
  setvbuf(out, NULL, _IONBF, 0);
  if (argc > 2) {
    char* own = mmap(0, 3 * kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    fprintf(out, "2 map %lx 3000 r--\n", (long)own);
    return 4;
  }
  char* data = mmap(0, 8 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(data, 1, 8 * kPage);
  mprotect(data + kPage, kPage, PROT_READ);
  munmap(data + 4 * kPage, kPage + 1);
  char* moved = mremap(data + 6 * kPage, kPage, 20 * kPage, MREMAP_MAYMOVE);
  moved[19 * kPage] = 1;
  madvise(data, kPage, MADV_DONTNEED);
  char* fixed = mmap(data, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  mmap((void*)kPage, kPage, PROT_READ, MAP_SHARED, 99, 0);
  char* end = sbrk(0);
  sbrk(3 * kPage);
  end[2 * kPage] = 1;
  sbrk(-2 * kPage);
  fprintf(out, "0 map %lx 8000 rw-\n0 protect %lx 1000 r--\n0 unmap %lx 2000 ---\n",
          (long)data, (long)(data + kPage), (long)(data + 4 * kPage));
  fprintf(out, "0 unmap %lx 1000 ---\n0 map %lx 14000 rw-\n", (long)(data + 6 * kPage),
          (long)moved);
  fprintf(out, "0 unmap %lx 1000 ---\n0 map %lx 1000 rw-\n", (long)data, (long)data);
  fprintf(out, "0 unmap %lx 1000 ---\n0 map %lx 1000 r--\n", (long)fixed, (long)fixed);
  fprintf(out, "0 break %lx\n0 break %lx\n", (long)(end + 3 * kPage), (long)(end + kPage));
  pid_t reader = fork();
  if (reader == 0) {
    data[2 * kPage] = 2;
    fprintf(out, "1 protect %lx 1000 ---\n", (long)(data + 2 * kPage));
    mprotect(data + 2 * kPage, kPage, PROT_NONE);
    _exit(0);
  }
  waitpid(reader, NULL, 0);
  pid_t other = fork();
  if (other == 0) {
    execl("/no/such/program", "program", NULL);
    execl(argv[0], argv[0], argv[1], "again", NULL);
  }
  int status = 0;
  waitpid(other, &status, 0);
  return WEXITSTATUS(status) + 1;
}
)";

// PROCESS KIND START LENGTH RIGHTS, as far as the kind has them.
std::string line_of(const OwnedRecord& item) {
  const Region& region = item.event.region;
  std::string line =
      std::to_string(item.record.process) + " " + std::string(name_of(item.event.kind));
  char text[64];
  std::snprintf(text, sizeof text, " %lx", region.start.value());
  line += text;
  if (item.event.kind == TraceEventKind::kBreak) {
    return line;
  }
  const bool is_unmap = item.event.kind == TraceEventKind::kUnmap;
  std::snprintf(text, sizeof text, " %lx %c%c%c", region.length_bytes,
                region.rights.read && !is_unmap ? 'r' : '-', region.rights.write ? 'w' : '-',
                region.rights.execute ? 'x' : '-');
  return line + text;
}

TEST(Recorder, SystemCallsAreEventsWhereTheyHappen) {
  if (!has_valgrind() || std::system("cc --version > /dev/null 2>&1") != 0) {
    GTEST_SKIP() << "no valgrind or no C compiler here";
  }
  const TempFolder folder;
  folder.write("p.c", kProgram);
  const std::string program = folder.file("p");
  ASSERT_EQ(std::system(("cc -w -O1 -o " + program + " " + folder.file("p.c")).c_str()), 0);
  const RecordResult result =
      record_program(options_of(folder, {program, folder.file("expected")}), {});
  EXPECT_EQ(result.exit_status, 5);
  EXPECT_EQ(result.num_processes, 3U);
  EXPECT_EQ(result.num_added_regions, 0U);
  EXPECT_EQ(result.num_widened_regions, 0U);

  TraceReader reader(folder.file("t.nwt"));
  const std::vector<OwnedRecord> records = read_all(reader);
  EXPECT_EQ(expect_covered(records), TraceEventKind::kExit);

  // Each expected line is found, in this order, behind the one before.
  std::ifstream expected(folder.file("expected"));
  auto at = records.begin();
  std::size_t num_found = 0;
  for (std::string line; std::getline(expected, line); ++num_found) {
    at = std::find_if(at, records.end(), [&line](const OwnedRecord& item) {
      return item.is_event && line_of(item) == line;
    });
    ASSERT_NE(at, records.end()) << line;
    ++at;
  }
  EXPECT_EQ(num_found, 13U);

  // The processes: the parent waits, so a child runs as a whole.
  std::vector<std::string> story;
  for (const OwnedRecord& item : records) {
    const std::string process = std::to_string(item.record.process);
    switch (item.is_event ? item.event.kind : TraceEventKind::kMap) {
      case TraceEventKind::kFork:
      case TraceEventKind::kSwitchProcess:
        story.push_back(process + " " + std::string(name_of(item.event.kind)) + " " +
                        std::to_string(item.event.target_process));
        break;
      case TraceEventKind::kExec:
        EXPECT_EQ(item.event.region.name, program);
        story.push_back(process + " exec");
        break;
      case TraceEventKind::kExit:
        story.push_back(process + " exit");
        break;
      default:
        break;
    }
  }
  const std::vector<std::string> expected_story = {"0 fork 1",
                                                   "0 switch_process 1",
                                                   "1 exit",
                                                   "1 switch_process 0",
                                                   "0 fork 2",
                                                   "0 switch_process 2",
                                                   "2 exec",
                                                   "2 exit",
                                                   "2 switch_process 0",
                                                   "0 exit"};
  EXPECT_EQ(story, expected_story);
}

TEST(Recorder, WithoutChildrenTheFirstProcessIsAlone) {
  if (!has_valgrind()) {
    GTEST_SKIP() << "no valgrind here";
  }
  const TempFolder folder;
  RecordOptions options = options_of(folder, {"sh", "-c", "(exit 3); exit $?"});
  options.follow = Follow::kNone;
  const RecordResult result = record_program(options, {});
  EXPECT_EQ(result.exit_status, 3);
  EXPECT_EQ(result.num_processes, 1U);
  TraceReader reader(options.output_path);
  for (const OwnedRecord& item : read_all(reader)) {
    ASSERT_EQ(item.record.process, 0U);
    ASSERT_FALSE(item.is_event && item.event.kind == TraceEventKind::kFork);
  }
}

// Two processes that both could go on: none makes more accesses in a row than its slice.
TEST(Recorder, ProcessesTakeTurns) {
  if (!has_valgrind()) {
    GTEST_SKIP() << "no valgrind here";
  }
  const TempFolder folder;
  RecordOptions options =
      options_of(folder, {"sh", "-c", "i=0; while :; do i=$((i+1)); done & while :; do :; done"});
  options.slice_accesses = 2000;
  options.max_accesses = 150000;
  const RecordResult result = record_program(options, {});
  EXPECT_TRUE(result.stopped_early);
  EXPECT_EQ(result.num_processes, 2U);
  TraceReader reader(options.output_path);
  std::map<std::uint32_t, unsigned> num_turns;
  std::uint32_t current = 0;
  std::uint64_t num_in_turn = 0;
  bool has_two = false;
  for (const OwnedRecord& item : read_all(reader)) {
    EXPECT_EQ(item.record.process, current);
    if (!item.is_event) {
      ++num_in_turn;
      EXPECT_TRUE(!has_two || num_in_turn <= options.slice_accesses + 1);
    } else if (item.event.kind == TraceEventKind::kSwitchProcess) {
      current = item.event.target_process;
      ++num_turns[current];
      num_in_turn = 0;
      has_two = true;
    }
  }
  EXPECT_GT(num_turns[0], 5U);
  EXPECT_GT(num_turns[1], 5U);
}

TEST(Recorder, StopsAtTheLimitWithACompleteTrace) {
  if (!has_valgrind()) {
    GTEST_SKIP() << "no valgrind here";
  }
  const TempFolder folder;
  RecordOptions options = options_of(folder, {"sleep", "1000"});
  options.max_accesses = 5000;
  const RecordResult result = record_program(options, {});
  EXPECT_TRUE(result.stopped_early);
  EXPECT_EQ(result.num_accesses, 5000U);
  TraceReader reader(options.output_path);
  EXPECT_EQ(reader.num_accesses(), 5000U);
  EXPECT_EQ(read_all(reader).size(), 5000U + reader.info().initial_regions.size());
}

TEST(Recorder, StopsWhenTheCallbackSaysSo) {
  if (!has_valgrind()) {
    GTEST_SKIP() << "no valgrind here";
  }
  const TempFolder folder;
  const RecordResult result = record_program(
      options_of(folder, {"sh", "-c", "while :; do :; done"}), [](const RecordProgress& progress) {
        EXPECT_EQ(progress.num_accesses, 1000000U);
        return false;
      });
  EXPECT_TRUE(result.stopped_early);
  EXPECT_EQ(trace_info(folder.file("t.nwt")).num_accesses(), 1000000U);
}

TEST(Recorder, WithoutValgrindItNamesThePackage) {
  const TempFolder folder;
  RecordOptions options = options_of(folder, {"/bin/true"});
  options.valgrind = "valgrind-that-is-not-there";
  EXPECT_NE(problem_of(options).find("apt-get install valgrind"), std::string::npos);
  EXPECT_EQ(::access(options.output_path.c_str(), F_OK), -1) << "nothing is left behind";
}

TEST(Recorder, RefusesWhatItCannotRecord) {
  const TempFolder folder;
  EXPECT_NE(problem_of(options_of(folder, {})).find("no command"), std::string::npos);
  EXPECT_NE(problem_of(options_of(folder, {"program-that-is-not-there"})).find("no such program"),
            std::string::npos);
  EXPECT_EQ(::access(folder.file("t.nwt").c_str(), F_OK), -1);
}

TEST(Recorder, DoesNotOverwrite) {
  if (!has_valgrind()) {
    GTEST_SKIP() << "no valgrind here";
  }
  const TempFolder folder;
  folder.write("t.nwt", "precious");
  EXPECT_NE(problem_of(options_of(folder, {"/bin/true"})).find("exists already"),
            std::string::npos);
  EXPECT_EQ(read_whole_file(folder.file("t.nwt")), "precious");
}

}  // namespace
}  // namespace nestwalk
