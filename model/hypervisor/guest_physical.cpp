#include "model/hypervisor/guest_physical.h"

namespace nestwalk {

StageRules host_stage_rules(const Vm& vm, const Control& control) {
  WalkContext context;
  context.has_host = true;
  context.host_format = vm.format().id;
  context.control = control;
  return host_rules(context);
}

GuestPhysical::GuestPhysical(HypervisorPort& port, Cause cause, const HostMachine& machine,
                             HostFrames& frames, Vm& vm)
    : port_(port),
      vm_(vm),
      pager_({port, machine, frames, vm}, cause),
      rules_(host_stage_rules(vm, machine.control)) {}

std::optional<HostPage> GuestPhysical::find(Gpa address) {
  return find_host_page(rules_, vm_.root, address, [this](Hpa entry, unsigned bytes) {
    ++vm_.statistics.table_reads;
    return port_.load(entry, bytes);
  });
}

Reach GuestPhysical::reach(Gpa address, HostRights wanted, HostPage& page) {
  if (address.value() >= vm_.params.memory_bytes) {
    return Reach::kBeyondMemory;
  }
  std::optional<HostPage> found = find(address);
  if (!found || !found->rights.has_all(wanted)) {
    const AccessType type =
        wanted.has_all({HostRights::kWrite}) ? AccessType::kWrite : AccessType::kRead;
    if (pager_.back(address, type) == BackOutcome::kOutOfMemory) {
      return Reach::kOutOfMemory;
    }
    found = find(address);
  }
  fatal_unless(found && found->rights.has_all(wanted), "memory that has been backed can be used");
  page = *found;
  return Reach::kReached;
}

}  // namespace nestwalk
