// The system calls of a process as Valgrind's --trace-syscalls prints them, put together from their
// lines: the call, and where it says so its result, may stand on one line or on several, with lines
// of other kinds between.
//
//   SystemCallParser parser;
//   parser.take("SYSCALL[7,1](11) sys_munmap ( 0x4840000, 4096 )[sync] --> Success(0x0) ");
//   // a munmap of 4096 bytes, done
//
// Only calls that change an address space, its processes or the names of its files are told; any
// other one, and any other line, is nothing. Numbers are those of x86-64 Linux.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nestwalk {

enum class SystemCallKind : std::uint8_t {
  kOpen,     // path; result: a descriptor
  kClose,    // descriptor
  kMap,      // address, length, protection, flags, descriptor; result: the address
  kProtect,  // address, length, protection
  kUnmap,    // address, length
  kBreak,    // address; result: the end of the data segment
  kRemap,    // address, old length, new length, flags; result: the address
  kAdvise,   // address, length, advice
  kFork,     // child
  kExec,     // path; the next line is the new program's
};

struct SystemCall {
  SystemCallKind kind = SystemCallKind::kOpen;
  std::vector<std::uint64_t> arguments;  // those above, as many as the kind has
  std::string path;
  std::uint64_t result = 0;
  std::int32_t child = 0;
  friend bool operator==(const SystemCall&, const SystemCall&) = default;
};

class SystemCallParser {
 public:
  // A call that has succeeded with this line, if any.
  [[nodiscard]] std::optional<SystemCall> take(std::string_view line);

 private:
  [[nodiscard]] std::optional<SystemCall> finish(unsigned thread, std::string_view text);

  std::map<unsigned, SystemCall> pending_;  // by thread: begun, the result is not known
  unsigned last_thread_ = 0;                // whose line was the last: a result may follow
};

}  // namespace nestwalk
