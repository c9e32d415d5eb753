// The processes of one stream: a trace numbers them as it likes, the guest kernel by itself. The
// first record's process is the one that the run has created; a fork event makes each other one.
//
//   ProcessFamily family;
//   family.add(0, first);
//   family.make_current(0);
//   if (!family.is_current(record.process)) ...
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "model/guest/process.h"

namespace nestwalk {

class ProcessFamily {
 public:
  [[nodiscard]] bool has_begun() const { return has_begun_; }
  // Whether the process of this number runs now; none does before the first and after an exit.
  [[nodiscard]] bool is_current(std::uint32_t number) const { return current_ == number; }
  [[nodiscard]] std::optional<ProcessId> find(std::uint32_t number) const {
    const auto it = members_.find(number);
    return it == members_.end() ? std::nullopt : std::optional(it->second);
  }

  // Calls visit(ProcessId) for each that is alive.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [number, process] : members_) {
      visit(process);
    }
  }

  void add(std::uint32_t number, ProcessId process) {
    members_.emplace(number, process);
    has_begun_ = true;
  }
  void make_current(std::uint32_t number) { current_ = number; }
  void remove_current() {
    members_.erase(*current_);
    current_.reset();
  }

 private:
  std::map<std::uint32_t, ProcessId> members_;
  std::optional<std::uint32_t> current_;
  bool has_begun_ = false;
};

}  // namespace nestwalk
