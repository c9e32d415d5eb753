// The check of an invariant: a broken one prints where and what, and aborts. Never compiled out.
//
//   fatal_unless(level >= 1, "a level is at least 1");
//
// Not for user mistakes (those are error messages) nor for architectural faults (those are values).
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace nestwalk {

// Where a check stands. std::source_location would do, but clang 14, whose clang-tidy reads this,
// does not have it.
struct CheckPlace {
  const char* file = "";
  int line = 0;
  const char* function = "";

  static constexpr CheckPlace current(const char* file = __builtin_FILE(),
                                      int line = __builtin_LINE(),
                                      const char* function = __builtin_FUNCTION()) {
    return {file, line, function};
  }
};

[[noreturn, gnu::cold, gnu::noinline]] inline void fatal(std::string_view message,
                                                         CheckPlace where = CheckPlace::current()) {
  std::fprintf(stderr, "%s:%d: broken invariant in %s: %.*s\n", where.file, where.line,
               where.function, static_cast<int>(message.size()), message.data());
  std::abort();
}

// In a constant expression a broken invariant is a compile error.
constexpr void fatal_unless(bool holds, std::string_view message,
                            CheckPlace where = CheckPlace::current()) {
  if (!holds) [[unlikely]] {
    fatal(message, where);
  }
}

}  // namespace nestwalk
