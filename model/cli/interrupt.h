// Ctrl-C as a question: while a guard lives, SIGINT and SIGTERM do not end the program but are
// remembered, so that a run can end in order and write its statistics. A second one ends it at
// once.
//
//   InterruptGuard guard;
//   while (!InterruptGuard::is_requested()) { ... }
#pragma once

#include <sys/types.h>

#include <csignal>

namespace nestwalk {

class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  [[nodiscard]] static bool is_requested();
  // Passes a request on to a child that holds a guard as well. It gets the other one of the two
  // signals: it may have had the same one as this process, and would be ended by a second.
  static void pass_on(pid_t child);

 private:
  struct sigaction old_int_ {};
  struct sigaction old_term_ {};
};

}  // namespace nestwalk
