#include "model/workload/recorder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/workload/trace_error.h"
#include "model/workload/trace_reader.h"
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

  TraceReader reader(folder.file("t.nwt"));
  std::map<std::uint64_t, Region> regions;
  std::uint64_t num_accesses = 0;
  std::uint64_t num_instructions = 0;
  TraceEventKind last_event{};
  for (const OwnedRecord& item : read_all(reader)) {
    num_instructions += item.record.num_instructions;
    if (item.is_event) {
      last_event = item.event.kind;
      regions.emplace(item.event.region.start.value(), item.event.region);
      continue;
    }
    ++num_accesses;
    const Gva address = item.record.address;
    auto after = regions.upper_bound(address.value());
    ASSERT_NE(after, regions.begin());
    const Region& region = std::prev(after)->second;
    ASSERT_TRUE(region.contains(address)) << std::hex << address.value();
    const AccessType type = item.record.type;
    EXPECT_TRUE(type == AccessType::kRead    ? region.rights.read
                : type == AccessType::kWrite ? region.rights.write
                                             : region.rights.execute);
  }
  EXPECT_EQ(num_accesses, result.num_accesses);
  EXPECT_EQ(num_instructions, result.num_instructions);
  EXPECT_EQ(last_event, TraceEventKind::kExit);

  const TraceInfo& info = reader.info();
  EXPECT_EQ(info.command, "/bin/true");
  const auto is_named = [&info](const std::string& name) {
    return std::any_of(info.initial_regions.begin(), info.initial_regions.end(),
                       [&name](const Region& r) { return r.name.find(name) != std::string::npos; });
  };
  EXPECT_TRUE(is_named("/true"));
  EXPECT_TRUE(is_named("ld-linux"));
  EXPECT_TRUE(is_named("[stack]"));
  EXPECT_TRUE(is_named("[heap]"));
  EXPECT_FALSE(is_named("lackey"));
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
