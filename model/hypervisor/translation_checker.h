// Says of every translation that a core gives whether it is current, legally stale or a violation.
//
//   TranslationChecker checker({.num_cores = 2});
//   checker.set_software({.owners = &hypervisor.owners()});
//   checker.on_walk(memory, where, access);                     // and everything else that happens
//   checker.on_translation(memory, where, access, translation, path);
//   checker.violations();
//
// Legal is what the tables said at some moment, provided that no invalidation which covers it has
// been acknowledged on this core after the change that ended it; levels may be of different
// moments. Whoever changes tables says when it is done (software_left): what it has not invalidated
// by then was forgotten, and use of it is a violation although hardware may do it. Fewer rights
// than some legal answer has are legal: a right that is given needs no invalidation.
//
// A value: copies go on independently; the memory is passed to each call, and every write to it is
// told to on_write. Not for faults: they are never cached.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "model/hypervisor/checker_violation.h"
#include "model/hypervisor/legal_answers.h"
#include "model/memory/frame_owner.h"
#include "model/memory/sparse_memory.h"
#include "model/observe/histogram.h"
#include "model/observe/statistics.h"
#include "model/walk/translation_observer.h"

namespace nestwalk {

struct CheckerOptions {
  unsigned num_cores = 1;
  std::uint64_t every = 1;  // check one translation in so many, and all after a change
  std::size_t max_old_words = std::size_t{1} << 16;
  std::size_t max_violations = 16;  // kept with all details; all are counted
};

// Who changes tables: the hypervisor, or the kernel of a VM (natively of VM 0).
using SoftwareNumber = std::uint32_t;
inline constexpr SoftwareNumber kHypervisorSoftware = 0;
constexpr SoftwareNumber kernel_of(std::uint32_t vm) {
  return vm + 1;
}

// What the software says of frames. All may be absent. Translations that it is asked about have the
// guest-physical address of the VM in gpa, also those of shadow tables, if a reference is set.
struct CheckedSoftware {
  const FrameOwnerMap* owners = nullptr;
  // Frames that guests may read but not write, besides FrameUse::kGuestTable under shadow paging.
  std::function<bool(std::uint32_t vm, const Translation&)> is_write_protected;
  // A log is kept of the VM's writes, and does not have this page.
  std::function<bool(std::uint32_t vm, const Translation&)> is_clean_in_log;
};

struct CheckerStatistics {
  std::uint64_t translations = 0;  // heard of
  std::uint64_t checked = 0;
  std::uint64_t current = 0;
  std::uint64_t stale = 0;  // legally
  std::uint64_t undecided = 0;
  std::uint64_t table_reads = 0;  // times that the tables were read anew for a check
  std::uint64_t changes = 0;      // writes that ended something cacheable
  std::uint64_t invalidations = 0;
  std::uint64_t most_old_words = 0;
  std::uint64_t most_table_uses = 0;
  std::array<std::uint64_t, kNumViolationKinds> violations{};
  Histogram set_sizes;

  [[nodiscard]] std::uint64_t num_violations() const;
  void register_stats(StatGroup& group) const;
};

class TranslationChecker {
 public:
  explicit TranslationChecker(const CheckerOptions& options);

  void set_software(const CheckedSoftware& software) { software_ = software; }
  // Simulated time, for reports.
  void set_clock(const std::function<std::uint64_t()>& cycles) { cycles_ = cycles; }

  // A walk begins, or has ended in a fault.
  void on_walk(const SparseMemory& memory, const ObservedContext& where, const Access& access);
  // False if it is a violation.
  bool on_translation(const SparseMemory& memory, const ObservedContext& where,
                      const Access& access, const Translation& answer, TranslationPath path);
  // After the write.
  void on_write(const SparseMemory& memory, const WrittenRange& range);
  void on_acknowledged(unsigned core, const Invalidation& invalidation);
  // Shadow paging: what the guest's own registers say, and the VM's guest-physical memory as host
  // stage. Answers of this core are held against that too, by the invalidations that the guest has
  // made, which are acknowledged apart. Nothing: hardware walks the guest's tables itself.
  void set_reference(unsigned core, const std::optional<WalkContext>& reference);
  void on_guest_acknowledged(unsigned core, const Invalidation& invalidation);
  // Whose guest the core runs from now on; frames have to be that VM's. Not told: whose tables it
  // walks.
  void set_vm(unsigned core, std::uint32_t vm);
  // The core makes no access any more, so that it uses nothing of what it holds.
  void on_core_ended(unsigned core);
  // Handlers run from entered to left; when left, their changes must have been invalidated. They
  // nest.
  void software_entered(SoftwareNumber software);
  void software_left(SoftwareNumber software);

  [[nodiscard]] const CheckerStatistics& statistics() const { return statistics_; }
  [[nodiscard]] const std::vector<Violation>& violations() const { return violations_; }
  [[nodiscard]] std::size_t num_old_words() const { return history_.num_old_words(); }

 private:
  static constexpr std::size_t kNumRecords = std::size_t{1} << 15;
  static constexpr std::size_t kFirstCollection = 1024;
  static constexpr std::size_t kFirstUses = 2048;  // of frames as tables
  static constexpr std::size_t kNumBlocks = 1024;

  // A page whose only legal answer is known.
  struct Record {
    std::uint64_t page = ~std::uint64_t{0};
    std::uint64_t read_at = 0;  // event; a later change makes it worthless
    std::uint64_t owners_version = 0;
    ContextNumber context = 0;
    std::optional<std::uint32_t> vm;  // that the core was told to run
    unsigned core = 0;
    ContextNumber reference = 0;  // that permits these kinds of access:
    std::uint16_t permitted = 0;  // a bit each
    Gpa reference_gpa;            // what it gives for the page's first byte
    Translation first;            // of the page's first byte
  };
  struct UsedContext {
    ContextNumber number = 0;
    std::uint64_t last_use = 0;  // event
    bool may_hold_own = true;    // translations of its PCID
    bool may_hold_global = true;
  };
  struct Core {
    bool has_context = false;
    bool has_ended = false;
    std::optional<std::uint32_t> vm;
    std::uint64_t version = 0;
    ContextNumber context = 0;
    std::uint64_t last_access = 0;  // event
    std::vector<UsedContext> used;  // since it was flushed
    bool has_rivals = false;        // some other tables have used the same tags
    std::optional<ContextNumber> reference;
    InvalidationLog guest_log;
    InvalidationLog log;
  };
  struct Found {
    Standing standing = Standing::kCurrent;
    std::optional<LegalAnswer> origin;
    std::optional<UsedContext> rival;
    bool is_found = false;
  };
  struct Case {
    const ObservedContext& where;
    const Access& access;
    const Translation& answer;
    TranslationPath path;
    ContextNumber context;
  };

  [[nodiscard]] CheckerStamp stamp() const;
  [[nodiscard]] ContextNumber enter_context(const ObservedContext& where);
  void leave_context(Core& core);
  [[nodiscard]] bool is_due();
  void note_scope(const ChangeScope& scope);
  // Of what was dropped a report tells; a core can give the rest.
  enum class Wanted : std::uint8_t { kUsable, kAll };
  [[nodiscard]] LegalAnswers read(const SparseMemory& memory, unsigned core, ContextNumber context,
                                  Gva address, Wanted wanted);
  [[nodiscard]] bool is_settled(SoftwareNumber software, std::uint64_t event) const {
    return software < done_.size() && done_[software] >= event;
  }
  bool check_read(const SparseMemory& memory, const Case& c);
  [[nodiscard]] Record& record_of(Gva address) {
    return records_[(address.value() >> kSmallPageBits) % kNumRecords];
  }
  // Whether it is of this page and context, and nothing has changed since.
  [[nodiscard]] bool is_valid(const Record& record, Gva address, ContextNumber context) const {
    return record.page == address.value() >> kSmallPageBits && record.context == context &&
           record.read_at >= last_change_ &&
           record.read_at >=
               block_changes_[(address.value() >> TableHistory::kBlockBits) % kNumBlocks];
  }
  // The answer is the only one on this core.
  void remember(Record& record, unsigned core, ContextNumber context, Gva address,
                const Translation& translation);
  [[nodiscard]] static Found find(const LegalAnswers& answers, const Translation& answer);
  [[nodiscard]] Found find_among_rivals(const SparseMemory& memory, const Case& c);
  bool report_stale(const SparseMemory& memory, const Case& c, const Found& found,
                    const LegalAnswers& answers);
  // `gpa`: where the access is in the VM's memory.
  bool check_frame(const Case& c, bool is_current, Gpa gpa);
  // Against the core's reference, if it has one; `record` remembers what that permits, and `gpa`
  // becomes what it gives.
  bool check_reference(const SparseMemory& memory, const Case& c, Record& record, Gpa& gpa);
  [[nodiscard]] std::optional<ViolationKind> frame_problem(const Case& c, bool is_current,
                                                           Gpa gpa) const;
  // Whose the tables are; and who makes the access, by whatever tables.
  [[nodiscard]] std::optional<std::uint32_t> vm_of(ContextNumber context) const;
  [[nodiscard]] std::optional<std::uint32_t> vm_of(const Case& c) const;
  [[nodiscard]] bool is_shadow(ContextNumber context) const;
  bool report(ViolationKind kind, Violation violation, const Case& c);
  [[nodiscard]] std::optional<unsigned> dropped_elsewhere(const SparseMemory& memory, const Case& c,
                                                          const LegalAnswer& origin);
  void collect(const SparseMemory& memory);
  void drop_dead_words();
  // Whether a walk may still get to the frame in this way.
  [[nodiscard]] bool is_needed(const SparseMemory& memory, Hpa frame, const TableUse& use) const;
  // Whether some core may still use the word, in any of the contexts that have read it.
  [[nodiscard]] bool may_be_used(const OldWord& old) const;
  [[nodiscard]] bool may_be_used(const OldWord& old, const TableUse& use, const Core& core) const;

  CheckerOptions options_;
  CheckedSoftware software_;
  std::function<std::uint64_t()> cycles_;
  CheckedContexts contexts_;
  TableHistory history_;
  std::vector<Core> cores_;
  std::vector<Record> records_;
  std::vector<std::uint64_t> done_;           // by software: event
  std::vector<unsigned> inside_;              // by software
  std::uint64_t event_ = 1;                   // of the last thing that happened
  std::vector<std::uint64_t> block_changes_;  // event, by block of 2M
  std::uint64_t last_change_ = 0;             // event
  std::uint64_t next_due_ = 0;                // translations heard when the next one is due
  std::uint64_t all_due_until_ = 0;           // after a change
  std::size_t collect_at_ = kFirstCollection;
  std::size_t collect_uses_at_ = kFirstUses;
  CheckerStatistics statistics_;
  std::vector<Violation> violations_;
};

}  // namespace nestwalk
