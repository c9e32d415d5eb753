// Records a program of this machine into a trace file, through Valgrind's lackey tool, with all the
// processes that it starts. They keep their standard input, output and error.
//
//   RecordResult r = record_program({.command = {"ls", "-l"}, .output_path = "ls.nwt"}, {});
//
// What a recording holds: every load and store with its size, a fetch of a 64-byte line whenever
// execution enters another line than that of the fetch before, exact instruction counts; and as
// events what mmap, munmap, mremap, mprotect, brk, fork, exec and exit did, each where it happened.
// So instruction caches and TLBs of 64-byte lines or larger blocks see every change of line or
// page; what is dropped would hit the line just used. Memory touched by the kernel on the program's
// behalf is not seen.
//
// Several processes take turns, as on one core: one goes on until it has made slice_accesses, ends,
// or sleeps in a system call; the next in order of age follows. A process that is not on turn runs
// no further than its log, some pages of text, allows.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/workload/process_tree.h"

namespace nestwalk {

struct RecordOptions {
  std::vector<std::string> command;
  std::string output_path;
  std::uint64_t max_accesses = 0;     // stop there; 0: no limit
  int compression_level = 12;         // of zstd, 1 to 19
  std::string valgrind = "valgrind";  // the program to run
  Follow follow = Follow::kChildren;  // record the processes that the program starts
  std::uint64_t slice_accesses = 1000000;
};

struct RecordProgress {
  std::uint64_t num_accesses = 0;
  std::uint64_t num_instructions = 0;
  std::uint64_t file_bytes = 0;
};

// Called every million accesses; false ends the recording there, with a complete trace.
using RecordCallback = std::function<bool(const RecordProgress&)>;

struct RecordResult {
  std::uint64_t num_accesses = 0;
  std::uint64_t num_instructions = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t num_processes = 0;
  std::uint64_t num_events = 0;
  std::uint64_t num_regions = 0;  // at the start
  // Regions made up for accesses outside everything that the process was seen to have mapped.
  std::uint64_t num_added_regions = 0;
  // Regions that were given a right because the program used it.
  std::uint64_t num_widened_regions = 0;
  bool stopped_early = false;  // by a limit or the callback; then the program was ended
  int exit_status = 0;         // of the first process, if it ended by itself
  int signal = 0;              // that ended it, else 0
};

// Returns when the last of the processes has ended. Throws TraceError: no valgrind, no such
// program, the output cannot be written.
RecordResult record_program(const RecordOptions& options, const RecordCallback& callback);

}  // namespace nestwalk
