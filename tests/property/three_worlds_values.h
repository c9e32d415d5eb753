// What the guests' processes have written and not lost since: a value is a function of VM, process
// and running number, so that memory shows whose it is and how old.
//
//   const WrittenValues::Written written = values.next(process);
//   values.keep(vm, address, written);           // value_of(vm, written) is in memory
//   values.expected(vm, process, address);       // what a read must give
//   values.forget(vm, process, start, length);   // unmapped, or mapped anew
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "model/arch/address.h"
#include "model/arch/splitmix.h"
#include "model/guest/guest_kernel.h"

namespace nestwalk {

class WrittenValues {
 public:
  struct Written {
    ProcessId process{};  // a child has what its parent wrote
    std::uint64_t sequence = 0;
  };
  using Words = std::map<std::uint64_t, Written>;  // by GVA

  explicit WrittenValues(std::size_t num_vms) : vms_(num_vms) {}

  static std::uint64_t value_of(std::size_t vm, const Written& written) {
    return SplitMix((std::uint64_t{vm} << 56) ^
                    (static_cast<std::uint64_t>(written.process) << 40) ^ written.sequence)
        .draw();
  }

  // The next value of the process; it counts once it is kept.
  Written next(ProcessId process) { return {process, ++sequence_}; }
  void keep(std::size_t vm, Gva address, const Written& written) {
    vms_[vm][written.process].insert_or_assign(address.value(), written);
  }
  // Memory that nobody has written is zero.
  [[nodiscard]] std::uint64_t expected(std::size_t vm, ProcessId process, Gva address) {
    const Words& words = vms_[vm][process];
    const auto found = words.find(address.value());
    return found == words.end() ? 0 : value_of(vm, found->second);
  }
  void forget(std::size_t vm, ProcessId process, Gva start, std::uint64_t length) {
    Words& words = vms_[vm][process];
    words.erase(words.lower_bound(start.value()), words.lower_bound(start.value() + length));
  }
  void forget_all(std::size_t vm, ProcessId process) { vms_[vm].erase(process); }
  void inherit(std::size_t vm, ProcessId parent, ProcessId child) {
    vms_[vm][child] = vms_[vm][parent];
  }
  [[nodiscard]] const std::map<ProcessId, Words>& of(std::size_t vm) const { return vms_[vm]; }

 private:
  std::vector<std::map<ProcessId, Words>> vms_;
  std::uint64_t sequence_ = 0;
};

}  // namespace nestwalk
