// Which set of RTL parameters a machine asks for.
#include <charconv>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>

#include "tb/rtl_walker.h"
#include "tb/walker_set.h"

namespace nestwalk {
namespace {

unsigned parameter_of(const WalkerSet& set, std::string_view name, unsigned otherwise) {
  std::string_view rest = set.parameters;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    if (one.size() > name.size() && one.substr(0, name.size()) == name && one[name.size()] == '=') {
      unsigned value = otherwise;
      std::from_chars(one.data() + name.size() + 1, one.data() + one.size(), value);
      return value;
    }
  }
  return otherwise;
}

// The parameters that are not structures decide nothing here but have to be the RTL's own.
constexpr unsigned kMaxRestarts = WalkEngine::kMaxRestarts;

WalkerStructures structures_of(const WalkerSet& set) {
  WalkerStructures s;
  s.slots = parameter_of(set, "Slots", 1);
  s.ntlb_entries = parameter_of(set, "NtlbEntries", 0);
  s.guest_pwc_entries = parameter_of(set, "GuestPwcEntries", 0);
  s.host_pwc_entries = parameter_of(set, "HostPwcEntries", 0);
  s.pwc_per_level = parameter_of(set, "PwcPerLevel", 0) != 0;
  s.pwc_guest_address = parameter_of(set, "PwcGuestAddress", 0) != 0;
  return s;
}

// What make no difference is as in structures_of().
WalkerStructures structures_of(const WalkerParams& walker) {
  WalkerStructures s;
  s.slots = walker.slots;
  s.ntlb_entries = walker.ntlb.array.entries;
  if (walker.pwc.organisation != PwcOrganisation::kNone) {
    s.pwc_per_level = walker.pwc.organisation == PwcOrganisation::kPerLevel;
    s.guest_pwc_entries = s.pwc_per_level ? walker.pwc.level_2.entries : walker.pwc.unified.entries;
    s.host_pwc_entries = walker.pwc.host_stage ? s.guest_pwc_entries : 0;
    s.pwc_guest_address = walker.pwc.content == PwcContent::kGuestAddress;
  }
  return s;
}

bool same_caches(const WalkerStructures& a, const WalkerStructures& b) {
  const bool has_walk_caches = a.guest_pwc_entries != 0 || a.host_pwc_entries != 0;
  return a.ntlb_entries == b.ntlb_entries && a.guest_pwc_entries == b.guest_pwc_entries &&
         a.host_pwc_entries == b.host_pwc_entries &&
         (!has_walk_caches ||
          (a.pwc_per_level == b.pwc_per_level && a.pwc_guest_address == b.pwc_guest_address));
}

std::string list_of_sets() {
  std::string list;
  for (const WalkerSet& set : walker_sets()) {
    list += fmt::format("\n  {} ({}): {}", set.name, set.parameters, set.text);
  }
  return list;
}

const WalkerSet& find_set(const MachineParams& machine) {
  const WalkerStructures wanted = structures_of(machine.walker);
  const bool any_slots = machine.timing == Timing::kLt;  // which walks one by one
  const WalkerSet* best = nullptr;
  for (const WalkerSet& set : walker_sets()) {
    const WalkerStructures has = structures_of(set);
    if (same_caches(wanted, has) && (any_slots || has.slots == wanted.slots) &&
        parameter_of(set, "MaxRestarts", kMaxRestarts) == kMaxRestarts &&
        (best == nullptr || has.slots < structures_of(*best).slots)) {
      best = &set;
    }
  }
  if (best != nullptr) {
    return *best;
  }
  throw std::invalid_argument(fmt::format(
      "walker: rtl: no set of RTL parameters has what machine.walker asks for: {}{} entries of "
      "nested TLB, walk caches of {} entries for the guest stage and {} for the host stage{}{}; "
      "there are{}\nanother one is a line in tb/walker_sets.cmake",
      any_slots ? "" : fmt::format("{} slots, ", wanted.slots), wanted.ntlb_entries,
      wanted.guest_pwc_entries, wanted.host_pwc_entries,
      wanted.pwc_per_level ? " at each level" : "",
      wanted.pwc_guest_address ? ", content guest_address" : "", list_of_sets()));
}

}  // namespace

std::unique_ptr<PageWalker> make_rtl_walker(const WalkerPlace& place) {
  const WalkerSet& set = find_set(place.machine);
  try {
    std::unique_ptr<PinWalker> pins = open_walker_set(set.name);
    const WalkerStructures built = pins->structures();
    const WalkerStructures listed = structures_of(set);
    if (built.slots != listed.slots || !same_caches(built, listed) ||
        pins->max_restarts() != kMaxRestarts) {
      throw std::invalid_argument(fmt::format(
          "walker: rtl: the library of the set {} was built with other parameters than {}",
          set.name, set.parameters));
    }
    return std::make_unique<RtlWalker>(place, std::move(pins));
  } catch (const WalkerSetError& error) {
    throw std::invalid_argument(fmt::format("walker: rtl: {}", error.what()));
  }
}

}  // namespace nestwalk
