// Lines as Valgrind 3.19 prints them, whole and in parts.
#include "model/workload/system_call_log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nestwalk {
namespace {

std::vector<SystemCall> calls_of(const std::vector<std::string>& lines) {
  SystemCallParser parser;
  std::vector<SystemCall> calls;
  for (const std::string& line : lines) {
    if (auto call = parser.take(line)) {
      calls.push_back(*call);
    }
  }
  return calls;
}

SystemCall call(SystemCallKind kind, std::vector<std::uint64_t> arguments, std::uint64_t result) {
  return {.kind = kind, .arguments = std::move(arguments), .path = {}, .result = result};
}

TEST(SystemCallParser, ACallAndItsResultOnOneLine) {
  const auto calls = calls_of({
      "SYSCALL[7,1](9) sys_mmap ( 0x0, 41743, 1, 2, 4, 0 ) --> [pre-success] Success(0x483c000) ",
      "SYSCALL[7,1](10) sys_mprotect ( 0x4a16000, 16384, 1 )[sync] --> Success(0x0) ",
      "SYSCALL[7,1](11) sys_munmap ( 0x483c000, 41743 )[sync] --> Success(0x0) ",
      "SYSCALL[7,1](12) sys_brk ( 0x4037000 ) --> [pre-success] Success(0x4037000) ",
      "SYSCALL[7,1](25) sys_mremap ( 0x483c000, 4096, 12288, 0x1 ) --> [pre-success] "
      "Success(0x4844000) ",
      "SYSCALL[7,1](28) sys_madvise ( 0x483c000, 8192, 4 )[sync] --> Success(0x0) ",
      "SYSCALL[7,1](3) sys_close ( 4 )[sync] --> Success(0x0) ",
  });
  const std::vector<SystemCall> expected = {
      call(SystemCallKind::kMap, {0, 41743, 1, 2, 4}, 0x483c000),
      call(SystemCallKind::kProtect, {0x4a16000, 16384, 1}, 0),
      call(SystemCallKind::kUnmap, {0x483c000, 41743}, 0),
      call(SystemCallKind::kBreak, {0x4037000}, 0x4037000),
      call(SystemCallKind::kRemap, {0x483c000, 4096, 12288, 1}, 0x4844000),
      call(SystemCallKind::kAdvise, {0x483c000, 8192, 4}, 0),
      call(SystemCallKind::kClose, {4}, 0),
  };
  EXPECT_EQ(calls, expected);
}

TEST(SystemCallParser, AFailureIsNoCall) {
  EXPECT_TRUE(
      calls_of({
                   "SYSCALL[7,1](9) sys_mmap ( 0x1000, 4096, 1, 1, 99, 0 ) --> [pre-fail] "
                   "Failure(0x9) ",
                   "SYSCALL[7,1](11) sys_munmap ( 0x1, 4096 )[sync] --> Failure(0x16) ",
                   "SYSCALL[7,1](257) sys_openat ( 4294967196, 0x4835540(/no), 524288 ) --> "
                   "[async] ... ",
                   "SYSCALL[7,1](257) ... [async] --> Failure(0x2) ",
                   "SYSCALL[7,1](59) sys_execve ( 0x10(/no/x), 0x20, 0x30 ) --> [pre-fail] "
                   "Failure(0x2) ",
                   "SYSCALL[7,1](334) unimplemented (by the kernel) syscall: 334! (ni_syscall)",
                   " --> [pre-fail] Failure(0x26) ",
               })
          .empty());
}

TEST(SystemCallParser, AResultMayComeLater) {
  const auto calls = calls_of({
      "SYSCALL[7,1](257) sys_openat ( 4294967196, 0x4835540(/a (b)/--> Success(0x9), c), 0 ) --> "
      "[async] ... ",
      "SYSCALL[7,2](2) sys_open ( 0x4835540(/d), 0 ) --> [async] ... ",
      "==7== a message",
      "SYSCALL[7,1](257) ... [async] --> Success(0x4) ",
      "SYSCALL[7,2](2) ... [async] --> Success(0x5) ",
  });
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0].path, "/a (b)/--> Success(0x9), c");
  EXPECT_EQ(calls[0].result, 4U);
  EXPECT_EQ(calls[1].path, "/d");
  EXPECT_EQ(calls[1].result, 5U);
}

TEST(SystemCallParser, TheResultOfAnotherCallIsNotTaken) {
  EXPECT_TRUE(calls_of({
                           "SYSCALL[7,1](257) sys_openat ( 1, 0x4835540(/d), 0 ) --> [async] ... ",
                           "SYSCALL[7,1](39) sys_getpid ( )[sync] --> Success(0x7) ",
                           " --> [pre-success] Success(0x0) ",
                       })
                  .empty());
}

TEST(SystemCallParser, ForksAndExecs) {
  const auto calls = calls_of({
      " --> [pre-success] Success(0x0) ",  // the end of its fork, in the child
      "SYSCALL[7,1](56) sys_clone ( 1200011, 0x0, 0x0, 0x4a29a10, 0x0 )   clone(fork): process 7 "
      "created child 8",
      " --> [pre-success] Success(0x8) ",
      "SYSCALL[7,1](58) sys_fork ( )   fork: process 7 created child 9",
      " --> [pre-success] Success(0x9) ",
      "SYSCALL[7,1](56) sys_clone ( 3d0f00, 0x1, 0x2, 0x3, 0x4 ) --> [pre-success] Success(0xa) ",
      "SYSCALL[7,1](59) sys_execve ( 0x4035b78(/bin/true), 0x4035ba8, 0x4035bb8 )==7== Lackey, an "
      "example Valgrind tool",
  });
  ASSERT_EQ(calls.size(), 3U);
  EXPECT_EQ(calls[0].kind, SystemCallKind::kFork);
  EXPECT_EQ(calls[0].child, 8);
  EXPECT_EQ(calls[1].child, 9);
  EXPECT_EQ(calls[2].kind, SystemCallKind::kExec);
  EXPECT_EQ(calls[2].path, "/bin/true");
}

TEST(SystemCallParser, ALineCutAnywhereIsNeverAnotherCall) {
  const std::string line =
      "SYSCALL[7,1](10) sys_mprotect ( 0x4a16000, 16384, 1 )[sync] --> Success(0x0) ";
  for (std::size_t length = 0; length < line.size(); ++length) {
    const auto calls = calls_of({line.substr(0, length)});
    if (!calls.empty()) {
      EXPECT_EQ(calls[0], call(SystemCallKind::kProtect, {0x4a16000, 16384, 1}, 0)) << length;
    }
  }
}

}  // namespace
}  // namespace nestwalk
