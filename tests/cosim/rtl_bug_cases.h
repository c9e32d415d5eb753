// Directed cases of the bug zoo: one walker, the tables of rtl_bug_tables.h and a few courses of
// events, each judged by what the second witness or the tables say and not by the scoreboard.
//
//   RtlBugCases cases(bench);
//   cases.run();
//   cases.wrong();          // one line for each answer that was not as expected
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/cosim/rtl_bug_tables.h"
#include "tests/cosim/rtl_walker_support.h"

namespace nestwalk {

class RtlBugCases {
 public:
  explicit RtlBugCases(WalkerBench& bench) : bench_(bench) {}

  void run() {
    for (const BugTables& row : BugTablesMaker::make()) {
      answer(row);
    }
    for (unsigned cycles = 0; cycles < 70; ++cycles) {
      unmap_at(cycles, FormatId::kEptFourLevel);
      unmap_at(cycles, std::nullopt);
      unmap_at_without_room(cycles);
    }
    invalidate_what_is_cached();
    tell_apart();
    lose_updates();
    refuse_updates();
  }

  [[nodiscard]] const std::vector<std::string>& wrong() const { return wrong_; }
  // Of scoreboard, assertions and watchdog.
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

 private:
  static constexpr std::uint64_t kElsewhere = 0x100'0000'0000;
  static constexpr StagePair kNative{FormatId::kX86FourLevel, std::nullopt};
  static constexpr StagePair kEpt{FormatId::kX86FourLevel, FormatId::kEptFourLevel};
  static constexpr StagePair kNpt{FormatId::kX86FourLevel, FormatId::kX86FourLevel};

  void expect(bool is_right, const std::string& what) {
    if (!is_right) {
      wrong_.push_back(what);
    }
  }

  void start(TableMemory& memory, unsigned latency = 1) {
    bench_.power_up(1);
    bench_.set_params({.min_latency = latency, .max_latency = latency, .max_idle_cycles = 200});
    bench_.connect(memory);
    bench_.forget_reports();
  }
  void finish() {
    bench_.run();
    const std::vector<std::string> found = bench_.problems();
    problems_.insert(problems_.end(), found.begin(), found.end());
  }

  static WalkerRequest request_of(const HandTables& tables, AccessType type = AccessType::kRead) {
    WalkerRequest request;
    request.context = tables.context;
    request.access = {kBugGva, type, Privilege::kUser};
    return request;
  }
  std::optional<WalkerResponse> walk(const WalkerRequest& request) {
    bench_.forget_reports();
    bench_.submit(request);
    bench_.run();
    return bench_.reports().empty() ? std::nullopt
                                    : std::optional(bench_.reports().front().response);
  }
  static bool leads_to(const std::optional<WalkerResponse>& response, Hpa hpa) {
    return response && response->is_translation && response->translation.hpa == hpa;
  }
  static bool is_fault(const std::optional<WalkerResponse>& response, FaultKind kind) {
    return response && !response->is_translation && response->fault.kind == kind;
  }

  // Every access, twice, against the second witness, which knows no caches.
  void answer(const BugTables& row) {
    WordMemory words = row.tables.memory;
    WordMemory oracle_words = row.tables.memory;
    WordTableMemory memory(words);
    WordOracleMemory view(oracle_words);
    start(memory);
    for (unsigned round = 0; round < 2; ++round) {
      for (const Privilege privilege : {Privilege::kUser, Privilege::kSupervisor}) {
        for (const AccessType type : {AccessType::kRead, AccessType::kWrite, AccessType::kFetch}) {
          WalkerRequest request;
          request.context = row.tables.context;
          request.access = {row.address, type, privilege};
          const std::optional<WalkerResponse> response = walk(request);
          const OracleResult should = oracle_translate(request.context, request.access, view);
          expect(response && difference_in(*response, should).empty(), row.name);
        }
      }
    }
    expect(words == oracle_words, row.name);
    finish();
  }

  // A page is unmapped and named by an invalidation at a cycle of a walk to it.
  void unmap_at(unsigned cycles, std::optional<FormatId> host) {
    HandTables tables = plain_tables({FormatId::kX86FourLevel, host});
    WordTableMemory memory(tables.memory);
    start(memory, 2);
    bench_.submit(request_of(tables));
    for (unsigned i = 0; i < cycles; ++i) {
      bench_.step();
    }
    Invalidation invalidation;
    invalidation.op = host ? InvalidateOp::kInveptSingle : InvalidateOp::kInvlpg;
    invalidation.address = kBugGva;
    tables.clear_bits(host ? tables.host_entry(kBugGpa, 1) : tables.guest_entry(kBugGva, 1), 7);
    bench_.invalidate(invalidation);
    const unsigned before = bench_.num_acknowledged();
    for (unsigned i = 0; i < 100 && bench_.num_acknowledged() == before; ++i) {
      bench_.step();
    }
    const bool is_old = !bench_.reports().empty();
    bench_.run();
    const FaultKind kind = host ? FaultKind::kEptViolation : FaultKind::kGuestPageFault;
    const auto first =
        bench_.reports().empty() ? std::nullopt : std::optional(bench_.reports().front().response);
    expect(is_old || is_fault(first, kind), "INV-04");
    expect(is_fault(walk(request_of(tables)), kind), "CON-01");
    finish();
  }

  // The same while nothing takes the walker's reads: what it shows must stay.
  void unmap_at_without_room(unsigned cycles) {
    HandTables tables = plain_tables(kNative);
    WordTableMemory memory(tables.memory);
    start(memory, 2);
    bench_.set_params({.seed = cycles + 1, .max_latency = 3, .ready_percent = 30});
    WalkerRequest other = request_of(tables);
    other.context.tags.pcid = Pcid{1};
    bench_.submit(request_of(tables));
    bench_.submit(other);
    for (unsigned i = 0; i < cycles; ++i) {
      bench_.step();
    }
    Invalidation invalidation;
    invalidation.op = InvalidateOp::kInvpcidSingle;
    bench_.invalidate(invalidation);
    bench_.run();
    expect(bench_.reports().size() == 2, "WLK-12");
    finish();
  }

  // A walk, a change, the invalidation that names it, the walk again.
  template <class Change>
  void change(const char* name, HandTables tables, const Invalidation& invalidation,
              Change change_it, Hpa hpa) {
    WordTableMemory memory(tables.memory);
    start(memory);
    walk(request_of(tables));
    walk(request_of(tables));
    change_it(tables);
    bench_.invalidate(invalidation);
    bench_.run();
    expect(leads_to(walk(request_of(tables)), hpa), name);
    finish();
  }

  void invalidate_what_is_cached() {
    constexpr Gpa kOtherGpa{0x9000'0000};
    Invalidation invlpg;
    invlpg.address = kBugGva;
    Invalidation invept;
    invept.op = InvalidateOp::kInveptSingle;
    Invalidation asid;
    asid.op = InvalidateOp::kTlbControlAsid;
    asid.rules = TagRules::kAmd;
    for (const StagePair& pair : {kNative, kEpt}) {
      HandTables tables = plain_tables(pair);
      tables.map_guest(kBugGva + 0x20'0000, kOtherGpa, 1);
      if (pair.host) {
        tables.map_host(kOtherGpa, 1);
      }
      const std::uint64_t other =
          tables.memory.read(tables.guest_entry(kBugGva + 0x20'0000, 2), 8).value_or(0);
      const Hpa hpa = tables.host_of(kOtherGpa);
      const auto repoint = [other](HandTables& t) {
        t.memory.write(t.guest_entry(kBugGva, 2), 8, other);
      };
      change("PWC-09", tables, invlpg, repoint, hpa);
    }
    for (const StagePair& pair : {kEpt, kNpt}) {
      const HandTables tables = plain_tables(pair);
      const auto move_page = [](HandTables& t) { t.or_bits(t.host_entry(kBugGpa, 1), kElsewhere); };
      change(pair.host == kEpt.host ? "NTL-02" : "NTL-09", tables,
             pair.host == kEpt.host ? invept : asid, move_page,
             tables.host_of(kBugGpa) + kElsewhere);
    }
    move_table(invept);
    fault_on_large_page();
  }

  // The host moves the page that holds a guest table; the old one has another leaf by then.
  void move_table(const Invalidation& invept) {
    const auto move = [](HandTables& t) {
      const Hpa old_leaf = t.guest_entry(kBugGva, 1);
      const Hpa entry = t.host_entry(t.guest_entry_gpa(kBugGva, 1), 1);
      const std::uint64_t leaf = t.memory.read(old_leaf, 8).value_or(0);
      t.memory.write(old_leaf + kElsewhere, 8, leaf);
      t.or_bits(entry, kElsewhere);
      t.memory.write(old_leaf, 8, 0);
    };
    const HandTables tables = plain_tables(kEpt);
    change("PWC-08", tables, invept, move, tables.host_of(kBugGpa));
  }

  // A violation at one address of a large host page drops all of it: when software gives the right
  // back in another page, without an invalidation, the whole page is found there.
  void fault_on_large_page() {
    HandTables tables = plain_tables(kEpt, 1, 2);
    tables.map_guest(kBugGva + 0x1000, kBugGpa + 0x1000, 1);
    WordTableMemory memory(tables.memory);
    start(memory);
    WalkerRequest other = request_of(tables);
    other.access.address = kBugGva + 0x1000;
    expect(leads_to(walk(request_of(tables)), tables.host_of(kBugGpa)), "INV-01");
    tables.clear_bits(tables.host_entry(kBugGpa, 2), 2);
    other.access.type = AccessType::kWrite;
    expect(is_fault(walk(other), FaultKind::kEptViolation), "INV-01");
    tables.or_bits(tables.host_entry(kBugGpa, 2), 2 | kElsewhere);
    expect(leads_to(walk(request_of(tables)), tables.host_of(kBugGpa) + kElsewhere), "TLB-06");
    finish();
  }

  // Two machines, or two processes, whose walks are under way together: same addresses, other
  // roots, other tags.
  void tell_apart() {
    for (const StagePair& pair : {kNative, kEpt, kNpt}) {
      const HandTables one = plain_tables(pair);
      HandTables two = plain_tables(pair);
      WordMemory words = one.memory;
      two.memory.for_each_word([&](Hpa hpa, std::uint64_t word) {
        const bool points_to_hpa = !pair.host || hpa.value() < 0x4000'0000;
        words.write(hpa + kElsewhere, 8, word + (points_to_hpa && word != 0 ? kElsewhere : 0));
      });
      (pair.host ? two.context.host_root : two.context.guest_root) += kElsewhere;
      two.context.tags = {Vpid{}, pair.host ? Pcid{} : Pcid{1}, pair.host ? Ep4ta{0x1000} : Ep4ta{},
                          Asid{}};
      if (pair.host == FormatId::kX86FourLevel) {
        two.context.tags = {Vpid{}, Pcid{}, Ep4ta{}, Asid{1}};
      }
      WordTableMemory memory(words);
      start(memory, 3);
      std::map<std::uint8_t, Hpa> should;
      for (std::uint8_t id = 0; id < 12; ++id) {
        const bool is_two = id % 3 == 1;
        WalkerRequest request = request_of(is_two ? two : one);
        request.id = id;
        bench_.submit(request);
        should[id] = one.host_of(kBugGpa) + (is_two ? kElsewhere : 0);
      }
      bench_.run();
      expect(bench_.reports().size() == should.size(), "WLK-10");
      for (const WalkerBench::Report& report : bench_.reports()) {
        expect(leads_to(report.response, should[report.response.id]), "PWC-02");
      }
      finish();
    }
  }

  // Another writer clears an entry between the walker's read and its update.
  void lose_updates() {
    class Racing final : public TableMemory {
     public:
      Racing(HandTables& tables, Hpa entry) : tables_(tables), entry_(entry) {}
      std::optional<std::uint64_t> read(const PinWalker::TableRequest& request) override {
        const auto value = tables_.memory.read(request.hpa, request.bytes);
        if (request.hpa == entry_) {
          tables_.memory.write(entry_, 8, 0);
        }
        return value;
      }
      AnswerKind update(const PinWalker::TableRequest& request) override {
        return tables_.memory.compare_and_swap(request.hpa, request.bytes, request.expected,
                                               request.desired)
                   ? AnswerKind::kStored
                   : AnswerKind::kLost;
      }

     private:
      HandTables& tables_;
      Hpa entry_;
    };
    for (const StagePair& pair : {kNative, kEpt}) {
      HandTables tables = plain_tables(pair);
      const Hpa entry = tables.guest_entry(kBugGva, 1);
      Racing memory(tables, entry);
      start(memory);
      expect(is_fault(walk(request_of(tables)), FaultKind::kGuestPageFault), "AD-01");
      expect(tables.memory.read(entry, 8) == 0U, "AD-01");
      finish();
    }
  }

  void refuse_updates() {
    HandTables tables = plain_tables(kEpt);
    tables.memory.refuse_writes(tables.guest_entry(kBugGva, 1));
    WordTableMemory memory(tables.memory);
    start(memory);
    for (unsigned round = 0; round < 2; ++round) {
      expect(is_fault(walk(request_of(tables, AccessType::kWrite)), FaultKind::kMemoryError),
             "AD-05");
    }
    finish();
  }

  WalkerBench& bench_;
  std::vector<std::string> wrong_;
  std::vector<std::string> problems_;
};

}  // namespace nestwalk
