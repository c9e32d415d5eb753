#include "model/cli/interrupt.h"

namespace nestwalk {

namespace {

// The signal that came, or 0. A signal handler can reach nothing but an object with static storage.
volatile std::sig_atomic_t requested = 0;

void on_signal(int number) {
  requested = number;
  std::signal(number, SIG_DFL);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  requested = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, &old_int_);
  sigaction(SIGTERM, &action, &old_term_);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &old_int_, nullptr);
  sigaction(SIGTERM, &old_term_, nullptr);
}

bool InterruptGuard::is_requested() {
  return requested != 0;
}

void InterruptGuard::pass_on(pid_t child) {
  kill(child, requested == SIGINT ? SIGTERM : SIGINT);
}

}  // namespace nestwalk
