#include "tests/support/checked_machine.h"

#include "model/arch/check.h"
#include "model/tlm/fault_drop.h"
#include "model/walk/permissions.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kFirstTable = std::uint64_t{12} << 30;    // of the host's own frames
constexpr std::uint64_t kGuestTables = std::uint64_t{512} << 20;  // GPA

bool is_nested(const Space& space) {
  return space.context.has_host;
}

// Walk caches and nested TLB as the walk engine wants them.
struct Caches {
  const WalkContext& context;
  WalkCache& walk_cache;
  NestedTlb& nested_tlb;

  [[nodiscard]] PwcQuery query(const Step& step) const {
    const bool is_host = step.stage == Stage::kHost;
    return {step.stage,
            is_host            ? MappingKind::kGuestPhysical
            : context.has_host ? MappingKind::kCombined
                               : MappingKind::kLinear,
            step.address, context.tags,
            &format_of(is_host ? context.host_format : context.guest_format)};
  }
  std::optional<Resume> lookup(const Step& step) {
    if (step.stage == Stage::kHost) {
      if (auto page = nested_tlb.lookup(Gpa(step.address), context.tags)) {
        return page;
      }
    }
    return walk_cache.lookup(query(step));
  }
  void fill(const Step& step) {
    if (step.stage == Stage::kHost && step.resume.next_level == 0) {
      nested_tlb.fill(Gpa(step.address), step.resume, context.tags);
    } else {
      walk_cache.fill(query(step), step.level, step.resume);
    }
  }
};

struct Words {
  SparseMemory& memory;
  MemoryAnswer read(const Step& step) { return {true, memory.read(step.hpa, step.bytes)}; }
  UpdateAnswer update(const Step& step) {
    return memory.compare_and_swap(step.hpa, step.bytes, step.expected, step.desired)
               ? UpdateAnswer::kStored
               : UpdateAnswer::kLost;
  }
};

}  // namespace

// A guest's tables behind its GPAs; natively at host addresses.
struct CheckedMachine::GuestTables {
  CheckedMachine* machine;
  const Space* space;

  [[nodiscard]] std::uint64_t read(std::uint64_t address, unsigned bytes) const {
    return machine->memory.read(machine->home(*space, Gpa(address)), bytes);
  }
  void write(std::uint64_t address, unsigned bytes, std::uint64_t value) const {
    machine->memory.write(machine->home(*space, Gpa(address)), bytes, value);
  }
  [[nodiscard]] std::optional<std::uint64_t> allocate_table(unsigned /*level*/) const {
    return machine->take_guest_table(*space);
  }
};

CheckedMachine::CheckedMachine(unsigned num_cores, CheckerOptions options)
    : checker([&] {
        options.num_cores = num_cores;
        return options;
      }()),
      cores_(num_cores),
      guest_tables_(16, 0) {
  frames_.add_range(Hpa(kFirstTable), std::uint64_t{1} << 30);
  memory.set_observer(this);
}

std::uint64_t CheckedMachine::take_guest_table(const Space& space) {
  if (!is_nested(space)) {
    return frames_.allocate(12)->value();
  }
  const Gpa table(kGuestTables + 4096 * guest_tables_[space.vm]++);
  back(space, table, home(space, table));
  return table.value();
}

Hpa CheckedMachine::home(const Space& space, Gpa address) const {
  return Hpa(is_nested(space) ? address.value() + (space.vm + 1) * kVmBytes : address.value());
}

Space CheckedMachine::make_space(std::uint32_t vm, FormatId host_format) {
  Space space;
  space.vm = vm;
  WalkContext& c = space.context;
  c.has_guest = true;
  c.has_guest_cache = true;
  c.has_host = true;
  c.has_host_cache = true;
  c.host_format = host_format;
  const Hpa root = *frames_.allocate(12);
  owners.set(root, 4096, {FrameUse::kHostTable, vm});
  c.host_root = root.value();
  if (format_of(host_format).rules == RuleSet::kEpt) {
    c.tags.vpid = Vpid(static_cast<std::uint16_t>(vm + 1));
    c.tags.ep4ta = Ep4ta(root.value());
  } else {
    c.tags.asid = Asid(vm + 1);
  }
  owners.set(Hpa((vm + 1) * kVmBytes), kVmBytes, {FrameUse::kGuestFrame, vm});
  c.guest_root = take_guest_table(space);
  return space;
}

Space CheckedMachine::native_space(Pcid pcid) {
  Space space;
  space.context.has_guest = true;
  space.context.has_guest_cache = true;
  space.context.tags.pcid = pcid;
  space.context.guest_root = take_guest_table(space);
  return space;
}

Space CheckedMachine::nested_space(std::uint32_t vm, Pcid pcid) {
  Space space = make_space(vm, FormatId::kEptFourLevel);
  space.context.tags.pcid = pcid;
  return space;
}

Space CheckedMachine::npt_space(std::uint32_t vm) {
  return make_space(vm, FormatId::kX86FourLevel);
}

Space CheckedMachine::another_space(const Space& like, Pcid pcid) {
  Space space = like;
  space.context.tags.pcid = pcid;
  space.context.guest_root = take_guest_table(space);
  return space;
}

TableBuilder<CheckedMachine::GuestTables> CheckedMachine::guest_builder(const Space& space) {
  return {format_of(space.context.guest_format), space.context.guest_root,
          GuestTables{this, &space}};
}

TableBuilder<HostTables> CheckedMachine::host_builder(const Space& space) {
  return {format_of(space.context.host_format), space.context.host_root,
          HostTables{memory, frames_}};
}

void CheckedMachine::map(const Space& space, Gva page, std::uint64_t frame, unsigned bits,
                         LeafFlags flags) {
  fatal_unless(guest_builder(space).map(page.value(), frame, bits, flags) == MapStatus::kMapped,
               "nothing is mapped there yet");
  if (is_nested(space)) {
    back(space, Gpa(frame), home(space, Gpa(frame)), bits);
  }
}

void CheckedMachine::back(const Space& space, Gpa page, Hpa frame, unsigned bits) {
  if (!host_builder(space).find_leaf(page.value())) {
    fatal_unless(host_builder(space).map(page.value(), frame.value(), bits) == MapStatus::kMapped,
                 "the page is not backed yet");
  }
}

Hpa CheckedMachine::entry(const Space& space, Gva address, unsigned level) {
  TableBuilder<GuestTables> builder = guest_builder(space);
  const EntryPath path = builder.path(address.value());
  for (unsigned i = 0; i < path.num_entries; ++i) {
    if (path.entry[i].level == level) {
      return home(space, Gpa(path.entry[i].address));
    }
  }
  fatal("a guest entry of this level exists");
}

Hpa CheckedMachine::host_entry(const Space& space, Gpa address, unsigned level) {
  TableBuilder<HostTables> builder = host_builder(space);
  const EntryPath path = builder.path(address.value());
  for (unsigned i = 0; i < path.num_entries; ++i) {
    if (path.entry[i].level == level) {
      return Hpa(path.entry[i].address);
    }
  }
  fatal("a host entry of this level exists");
}

void CheckedMachine::run(unsigned core, const Space& space) {
  cores_[core].context = space.context;
  ++cores_[core].version;
}

WalkOutcome CheckedMachine::access(unsigned number, Gva address, AccessType type,
                                   Privilege privilege) {
  Core& core = cores_[number];
  const ObservedContext where{number, core.version, core.context};
  const MappingKind kind = core.context.has_host ? MappingKind::kCombined : MappingKind::kLinear;
  const Access access{address, type, privilege, false};
  const auto serves = [&](const Translation& t) {
    return cached_translation_serves(core.context, access, t);
  };
  WalkOutcome outcome;
  TranslationPath path = TranslationPath::kFirstLevel;
  auto found = core.tlbs.lookup_first(access, kind, core.context.tags, serves);
  if (!found) {
    path = TranslationPath::kSecondLevel;
    found = core.tlbs.lookup_second(access, kind, core.context.tags, serves);
  }
  if (found) {
    outcome.is_translation = true;
    outcome.translation = *found;
  } else {
    path = TranslationPath::kWalk;
    checker.on_walk(memory, where, access);
    outcome = walk(core.context, access, Words{memory},
                   Caches{core.context, core.walk_cache, core.nested_tlb});
    if (outcome.is_translation) {
      core.tlbs.fill(access, outcome.translation, kind, core.context.tags);
    } else {  // hardware drops for itself what the fault concerns
      const Invalidation drop = invalidation_by_fault(outcome.fault, core.context.tags);
      core.tlbs.invalidate(drop);
      core.walk_cache.invalidate(drop);
      core.nested_tlb.invalidate(drop);
    }
  }
  if (outcome.is_translation) {
    checker.on_translation(memory, where, access, outcome.translation, path);
  }
  return outcome;
}

void CheckedMachine::invalidate(unsigned core, InvalidateOp op, Gva address) {
  Invalidation invalidation;
  invalidation.op = op;
  invalidation.tags = cores_[core].context.tags;
  invalidation.rules = invalidation.tags.asid != Asid{} ? TagRules::kAmd : TagRules::kIntel;
  invalidation.address = address;
  invalidate(core, invalidation);
}

void CheckedMachine::invalidate(unsigned number, const Invalidation& invalidation) {
  Core& core = cores_[number];
  const auto reaches = [&](Told told) { return !loses || !loses(number, told, invalidation); };
  if (reaches(Told::kTlbs)) {
    core.tlbs.invalidate(invalidation);
  }
  if (reaches(Told::kWalkCache)) {
    core.walk_cache.invalidate(invalidation);
  }
  if (reaches(Told::kNestedTlb)) {
    core.nested_tlb.invalidate(invalidation);
  }
  if (reaches(Told::kChecker)) {
    checker.on_acknowledged(number, invalidation);
  }
}

std::optional<ViolationKind> CheckedMachine::found() const {
  if (checker.violations().empty()) {
    return std::nullopt;
  }
  return checker.violations().front().kind;
}

}  // namespace nestwalk
