// The check of an invariant: a broken one prints where and what, and aborts. Never compiled out.
//
//   fatal_unless(level >= 1, "a level is at least 1");
//
// Not for user mistakes (those are error messages) nor for architectural faults (those are values).
#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string_view>

namespace nestwalk {

[[noreturn, gnu::cold, gnu::noinline]] inline void fatal(
    std::string_view message, std::source_location where = std::source_location::current()) {
  std::fprintf(stderr, "%s:%u: broken invariant in %s: %.*s\n", where.file_name(),
               static_cast<unsigned>(where.line()), where.function_name(),
               static_cast<int>(message.size()), message.data());
  std::abort();
}

// In a constant expression a broken invariant is a compile error.
constexpr void fatal_unless(bool holds, std::string_view message,
                            std::source_location where = std::source_location::current()) {
  if (!holds) [[unlikely]] {
    fatal(message, where);
  }
}

}  // namespace nestwalk
