#include "model/hypervisor/guest_walk.h"

#include "model/walk/functional_driver.h"
#include "model/walk/pdpte.h"

namespace nestwalk {
namespace {

// The engine's memory. Its host-physical addresses are guest-physical ones here, because the
// context has no host stage.
class TableMemory {
 public:
  TableMemory(GuestPhysical& memory, HypervisorPort& port, bool sets_bits)
      : memory_(memory), port_(port), sets_bits_(sets_bits) {}

  MemoryAnswer read(const Step& step) {
    HostPage page;
    if (!reach(step, {HostRights::kRead}, page)) {
      return {false, 0};
    }
    const std::uint64_t value = port_.load(page.hpa, step.bytes);
    path.entry[step.position.g] = {identity(step.hpa), value};
    path.leaf_level = step.position.g;
    return {true, value};
  }

  UpdateAnswer update(const Step& step) {
    if (!sets_bits_) {
      return UpdateAnswer::kStored;
    }
    HostPage page;
    if (!reach(step, {HostRights::kRead | HostRights::kWrite}, page)) {
      return UpdateAnswer::kError;
    }
    port_.note_table({LogTable::kGuest, step.position.g});
    if (!port_.compare_and_swap(page.hpa, {step.bytes, step.expected, step.desired})) {
      return UpdateAnswer::kLost;
    }
    path.entry[step.position.g].value = step.desired;
    return UpdateAnswer::kStored;
  }

  GuestPath path;

 private:
  [[nodiscard]] bool reach(const Step& step, HostRights wanted, HostPage& page) {
    path.reach = memory_.reach(identity(step.hpa), wanted, page);
    return path.reach == Reach::kReached;
  }

  GuestPhysical& memory_;
  HypervisorPort& port_;
  bool sets_bits_;
};

}  // namespace

WalkContext guest_context(const GuestRegisters& registers, const PdpteRegisters& pdptes) {
  WalkContext context;
  context.has_guest = registers.paging;
  context.guest_format = registers.format;
  context.guest_root = registers.root.value();
  context.pdptes = pdptes;
  context.control = registers.control;
  context.control.pke = false;
  return context;
}

GuestPath walk_guest(GuestPhysical& memory, HypervisorPort& port, const WalkContext& context,
                     const Access& access, bool sets_bits) {
  TableMemory tables(memory, port, sets_bits);
  const WalkOutcome outcome = walk(context, access, tables, NoCache{});
  GuestPath& path = tables.path;
  path.is_translation = outcome.is_translation;
  path.fault = outcome.fault;
  if (outcome.is_translation) {
    path.gpa = outcome.translation.gpa;
    path.rights = outcome.translation.guest;
    path.page_bits = outcome.translation.guest_page_bits;
    path.dirty = outcome.translation.dirty;
  }
  return path;
}

GuestPdptes load_guest_pdptes(GuestPhysical& memory, HypervisorPort& port,
                              const WalkContext& context) {
  TableMemory tables(memory, port, false);
  const PdpteLoad load = load_pdptes(context, tables);
  return {tables.path.reach, load.registers};
}

}  // namespace nestwalk
