// Cores with TLBs, walk caches and a nested TLB over one memory, no time, and a translation checker
// that hears of everything: for histories made by hand and for mistakes made on purpose.
//
//   CheckedMachine machine(2);
//   const Space space = machine.native_space(Pcid{1});
//   machine.map(space, kPage, kFrame);
//   machine.run(0, space);
//   machine.access(0, kPage);
//   machine.loses = [](...) { ... };            // the mistake
//   machine.checker.violations();
//
// Entries are written where entry() says, as software does. Not for: a guest kernel (run_bench.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "model/hypervisor/translation_checker.h"
#include "model/lookup/nested_tlb.h"
#include "model/lookup/tlb_hierarchy.h"
#include "model/lookup/walk_cache.h"
#include "model/memory/frame_allocator.h"
#include "model/memory/frame_owner.h"
#include "model/memory/memory_observer.h"
#include "model/memory/sparse_memory.h"
#include "model/memory/table_builder.h"
#include "model/walk/functional_driver.h"

namespace nestwalk {

// An address space: a root and the tags that it runs under.
struct Space {
  WalkContext context;
  std::uint32_t vm = 0;
};

// What an operation has to reach on a core.
enum class Told : std::uint8_t { kTlbs, kWalkCache, kNestedTlb, kChecker };

class CheckedMachine : private MemoryObserver {
 public:
  // A guest's page of memory lies this far above its GPA.
  static constexpr std::uint64_t kVmBytes = std::uint64_t{1} << 30;

  explicit CheckedMachine(unsigned num_cores = 1, CheckerOptions options = {});
  ~CheckedMachine() override { memory.set_observer(nullptr); }
  CheckedMachine(const CheckedMachine&) = delete;
  CheckedMachine& operator=(const CheckedMachine&) = delete;

  // Four levels each; no host stage, EPT, or NPT.
  Space native_space(Pcid pcid = {});
  Space nested_space(std::uint32_t vm, Pcid pcid = {});
  Space npt_space(std::uint32_t vm);
  // Another root in the same VM.
  Space another_space(const Space& like, Pcid pcid);

  // Maps a page of the space, the tables on the way, and with a host stage the guest's memory.
  void map(const Space& space, Gva page, std::uint64_t frame, unsigned bits = 12,
           LeafFlags flags = {});
  // Backs a page of the VM's memory by a frame.
  void back(const Space& space, Gpa page, Hpa frame, unsigned bits = 12);
  // Where the guest's entry of a level stands, and the host's.
  [[nodiscard]] Hpa entry(const Space& space, Gva address, unsigned level = 1);
  [[nodiscard]] Hpa host_entry(const Space& space, Gpa address, unsigned level = 1);
  [[nodiscard]] std::uint64_t word(Hpa entry) const { return memory.read(entry, 8); }
  void write(Hpa entry, std::uint64_t value) { memory.write(entry, 8, value); }
  // The host frame behind a page of guest memory, as boot has it.
  [[nodiscard]] Hpa home(const Space& space, Gpa address) const;

  // From now on the core runs in this space; drops nothing.
  void run(unsigned core, const Space& space);
  WalkOutcome access(unsigned core, Gva address, AccessType type = AccessType::kRead,
                     Privilege privilege = Privilege::kUser);
  // As an instruction on the core does it, with the tags of its space unless they are given.
  void invalidate(unsigned core, InvalidateOp op, Gva address = {});
  void invalidate(unsigned core, const Invalidation& invalidation);

  // The first kind found, or nothing.
  [[nodiscard]] std::optional<ViolationKind> found() const;

  SparseMemory memory{std::uint64_t{16} << 30};
  FrameOwnerMap owners;
  TranslationChecker checker;
  // The mistake: whom the operation does not reach.
  std::function<bool(unsigned core, Told, const Invalidation&)> loses;

 private:
  struct Core {
    TlbHierarchy tlbs{MmuParams{}};
    WalkCache walk_cache{PwcParams{}};
    NestedTlb nested_tlb{NtlbParams{}};
    WalkContext context;
    std::uint64_t version = 0;
  };
  struct GuestTables;

  void on_write(Hpa address, std::uint64_t num_bytes) override {
    checker.on_write(memory, {address, num_bytes});
  }
  Space make_space(std::uint32_t vm, FormatId host_format);
  [[nodiscard]] TableBuilder<GuestTables> guest_builder(const Space& space);
  [[nodiscard]] TableBuilder<HostTables> host_builder(const Space& space);
  [[nodiscard]] std::uint64_t take_guest_table(const Space& space);

  std::vector<Core> cores_;
  FrameAllocator<Hpa> frames_;
  std::vector<std::uint64_t> guest_tables_;  // taken, by VM
};

}  // namespace nestwalk
