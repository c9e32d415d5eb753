// Guest-physical memory as the hypervisor reaches it: through the host stage's tables, which it
// fills where they lack a page.
//
//   GuestPhysical memory(port, Cause::kShadowFill, machine, frames, vm);
//   HostPage page;
//   if (memory.reach(gpa, {HostRights::kRead}, page) == Reach::kReached) port.load(page.hpa, 8);
#pragma once

#include <cstdint>
#include <optional>

#include "model/arch/rights.h"
#include "model/hypervisor/nested_pager.h"
#include "model/memory/entry_builder.h"
#include "model/walk/entry_rules.h"
#include "model/walk/stage_rules.h"

namespace nestwalk {

// The host page that backs a guest-physical address.
struct HostPage {
  Hpa hpa;  // of the very address
  unsigned page_bits = kSmallPageBits;
  HostRights rights;
};

enum class Reach : std::uint8_t { kReached, kBeyondMemory, kOutOfMemory };

class GuestPhysical {
 public:
  GuestPhysical(HypervisorPort& port, Cause cause, const HostMachine& machine, HostFrames& frames,
                Vm& vm);

  // With these rights at least.
  [[nodiscard]] Reach reach(Gpa address, HostRights wanted, HostPage& page);
  // As the host stage has it now.
  [[nodiscard]] std::optional<HostPage> find(Gpa address);

 private:
  HypervisorPort& port_;
  Vm& vm_;
  NestedPager pager_;
  StageRules rules_;
};

// A table of the host stage is read by `load(Hpa, bytes)`.
template <class Load>
std::optional<HostPage> find_host_page(const StageRules& rules, Hpa root, Gpa address,
                                       Load&& load) {
  const PagingFormat& format = *rules.format;
  PathBits path;
  Hpa table = root;
  for (unsigned level = format.levels; level >= 1; --level) {
    const std::uint64_t entry =
        load(table + format.index(level, address.value()) * format.entry_bytes, format.entry_bytes);
    const EntryView view{format, level, entry};
    if (!view.is_present()) {
      return std::nullopt;
    }
    path.pass(rules, level, entry);
    if (view.is_leaf()) {
      const unsigned bits = view.page_bits();
      return HostPage{Hpa(view.address()) + address.offset(bits), bits, path.host(rules)};
    }
    table = Hpa(view.address());
  }
  return std::nullopt;
}

[[nodiscard]] StageRules host_stage_rules(const Vm& vm, const Control& control);

}  // namespace nestwalk
