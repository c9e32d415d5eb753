// A lock of simulated software: one core at a time runs a guest's kernel, or the hypervisor. The
// others wait on their own time and serve interrupts meanwhile.
//
//   const SoftwareGuard guard(lock, slot);   // waits; Cause::kLockWait
//
// With timing lt a handler is atomic, and the lock is always free. Not for host threads: the
// simulation runs one process at a time.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <systemc>
#include <utility>

#include "model/sim/core_slot.h"

namespace nestwalk {

class SoftwareLock {
 public:
  void acquire(CoreSlot& slot) {
    if (is_held_) {
      const std::uint64_t cycles = slot.core.wait_until(released_, [this] { return !is_held_; });
      slot.book.charge(Cause::kLockWait, cycles);
    }
    is_held_ = true;
    if (watch_) {
      watch_(true);
    }
  }
  void release() {
    if (watch_) {
      watch_(false);
    }
    is_held_ = false;
    released_.notify(sc_core::SC_ZERO_TIME);
  }

  // Called when a core has come in (true), and before it leaves (false).
  void set_watch(std::function<void(bool)> watch) { watch_ = std::move(watch); }

 private:
  bool is_held_ = false;
  sc_core::sc_event released_;
  std::function<void(bool)> watch_;
};

class SoftwareGuard {
 public:
  SoftwareGuard(SoftwareLock& lock, CoreSlot& slot) : lock_(lock), slot_(slot) {
    lock_.acquire(slot_);
  }
  ~SoftwareGuard() {
    // The time that the handler has spent passes before another core comes in; a core that was
    // stopped has no time left to spend.
    if (std::uncaught_exceptions() == num_exceptions_) {
      slot_.core.pass_time();
    }
    lock_.release();
  }
  SoftwareGuard(const SoftwareGuard&) = delete;
  SoftwareGuard& operator=(const SoftwareGuard&) = delete;

 private:
  SoftwareLock& lock_;
  CoreSlot& slot_;
  int num_exceptions_ = std::uncaught_exceptions();
};

}  // namespace nestwalk
