// What is cached changes no outcome: random machines with their TLBs, walk caches and nested TLB
// absent, small, of one entry and direct-mapped, by blocking and by non-blocking transport, over
// random tables that change, each change followed by the invalidation that the manuals ask for. All
// of them translate, fault and leave memory as the second witness does, which knows no caches.
// NESTWALK_SEED=N repeats the machine of that seed (any case).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/at_initiator.h"
#include "tests/support/changing_tables.h"
#include "tests/support/child.h"
#include "tests/support/mmu_bench.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kFirstSeed = 90260101;
constexpr std::uint64_t kMachinesOfACase = 5;
constexpr std::uint64_t kNumCases = 10;  // 50 machines
constexpr std::uint64_t kTablesOfAMachine = 35;
constexpr std::size_t kBurst = 4;  // accesses between two changes, under way together

enum class Caches { kOff, kOn, kSizeOne, kDirectMapped };
constexpr std::array<std::string_view, 4> kCachesNames = {"off", "on", "size one", "direct-mapped"};

ArrayParams array_of(Caches caches, std::uint32_t entries) {
  switch (caches) {
    case Caches::kOff:
      return {0, 0};
    case Caches::kOn:
      return {entries, 2};
    case Caches::kSizeOne:
      return {1, 0};
    case Caches::kDirectMapped:
      return {entries, 1};
  }
  return {};
}

// Everything but the arrays comes from the seed.
MachineParams machine_of(std::uint64_t seed, Caches caches) {
  SplitMix64 random(seed);
  MachineParams p = bare_machine();
  for (TlbParams* tlb : {&p.mmu.l1_itlb, &p.mmu.l1_dtlb, &p.mmu.l2_tlb}) {
    const std::uint32_t entries = tlb == &p.mmu.l2_tlb ? 8 : 4;
    tlb->page_4k = tlb->page_2m = tlb->page_1g = array_of(caches, entries);
    tlb->unified_2m = random.percent(30);
    tlb->unified_1g = random.percent(30);
    tlb->latency_cycles = static_cast<std::uint32_t>(random.below(3));
  }
  p.mmu.inclusion = static_cast<TlbInclusion>(random.below(kTlbInclusionNames.size()));
  p.mmu.miss_registers = static_cast<std::uint32_t>(1 + random.below(4));
  PwcParams& pwc = p.walker.pwc;
  pwc.organisation = static_cast<PwcOrganisation>(random.below(kPwcOrganisationNames.size()));
  pwc.content = static_cast<PwcContent>(random.below(kPwcContentNames.size()));
  pwc.sharing = static_cast<PwcSharing>(random.below(kPwcSharingNames.size()));
  pwc.host_stage = random.percent(70);
  pwc.level_2 = array_of(caches, 4);
  pwc.level_3 = array_of(caches, 4);
  pwc.level_4 = array_of(caches, 2);
  pwc.level_5 = array_of(caches, 2);
  pwc.unified = array_of(caches, 8);
  p.walker.ntlb.array = array_of(caches, 8);
  p.walker.ntlb.serve_final_walk = random.percent(70);
  p.walker.slots = static_cast<std::uint32_t>(1 + random.below(4));
  return p;
}

// The outcome of an access in words. Not whether the dirty bit is known to be set: that is a matter
// of who came first.
void print(std::ostream& out, bool is_translation, const Translation& t, const Fault& f) {
  if (is_translation) {
    out << "hpa " << t.hpa.value() << " gpa " << t.gpa.value() << " bits " << +t.guest_page_bits
        << '/' << +t.host_page_bits << " rights " << +t.guest.bits << '/' << +t.host.bits << " key "
        << t.protection_key << " global " << t.global << '\n';
    return;
  }
  out << name_of(f.kind) << " code " << f.code << " address " << f.address.value() << " at "
      << +f.position.g << ',' << +f.position.h;
  if (f.has_gpa && f.kind != FaultKind::kMemoryError) {  // behind a refused read of no consequence
    out << " gpa " << f.gpa.value();
  }
  out << '\n';
}

std::uint64_t checksum_of(const WordMemory& memory) {
  std::uint64_t sum = 0;
  memory.for_each([&sum](Hpa hpa, std::uint64_t word) {
    if (word != 0) {
      sum += SplitMix64(word ^ SplitMix64(hpa.value()).next()).next();
    }
  });
  return sum;
}

// The three that answer accesses; burst() prints an outcome for each.
class Witness {
 public:
  WordMemory memory;
  void load(const ChangingTables& tables) {
    context_ = tables.context;
    memory = tables.memory;
  }
  void burst(std::span<const Access> accesses, std::ostream& out) {
    WordOracleMemory view(memory);
    for (const Access& access : accesses) {
      const OracleResult result = oracle_translate(context_, access, view);
      print(out, result.is_translation, result.translation, result.fault);
    }
  }
  void invalidate(const Invalidation& /*invalidation*/) {}

 private:
  WalkContext context_;
};

class Blocking : public MmuBench {
 public:
  explicit Blocking(const MachineParams& params) : MmuBench(params) {}
  void load(const ChangingTables& tables) { MmuBench::load(tables.context, tables.memory); }
  void burst(std::span<const Access> accesses, std::ostream& out) {
    for (const Access& a : accesses) {
      const BenchAnswer answer = access(a);
      print(out, answer.is_translation, answer.translation, answer.fault);
    }
  }
};

class NonBlocking {
 public:
  WordMemory memory;

  explicit NonBlocking(const MachineParams& params)
      : clock_(params.clock_mhz),
        queue_("event_queue", clock_),
        cpu_("cpu", queue_),
        mmu_("mmu", params, queue_, clock_),
        walker_("walker", params.walker, queue_, clock_),
        target_("target", memory) {
    cpu_.socket.bind(mmu_.cpu_socket);
    mmu_.walk_socket.bind(walker_.walk_socket);
    mmu_.data_socket.bind(target_.target_socket);
    mmu_.fetch_socket.bind(target_.target_socket);
    walker_.memory_socket.bind(target_.target_socket);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }
  void load(const ChangingTables& tables) {
    memory = tables.memory;
    mmu_.flush();
    walker_.flush();
    mmu_.set_context(tables.context);
  }
  void invalidate(const Invalidation& invalidation) {
    mmu_.invalidate(invalidation);
    walker_.invalidate(invalidation);
  }
  // One access in each cycle, all under way together.
  void burst(std::span<const Access> accesses, std::ostream& out) {
    const std::size_t first = cpu_.num_requests();
    std::uint64_t cycle = queue_.now();
    for (const Access& access : accesses) {
      cpu_.send({cycle++, access, 1});
    }
    sc_core::sc_start();
    for (std::size_t i = first; i < cpu_.num_requests(); ++i) {
      const AtRecord& record = cpu_.record(i);
      if (!record.is_answered) {
        out << "no answer\n";
        continue;
      }
      print(out, record.status == tlm::TLM_OK_RESPONSE, record.extension.translation,
            record.extension.fault);
    }
  }

 private:
  ClockDomain clock_;
  EventQueue queue_;
  AtInitiator cpu_;
  Mmu mmu_;
  Walker walker_;
  WordTarget target_;
};

// All outcomes of a machine's tables, with the memory after each burst.
template <class Answerer>
std::string outcomes_of(Answerer& answerer, std::uint64_t seed) {
  const std::vector<StagePair> pairs = all_stage_pairs();
  std::ostringstream out;
  for (std::uint64_t i = 0; i < kTablesOfAMachine; ++i) {
    const std::uint64_t table_seed = seed * 1000 + i;
    ChangingTables tables;
    if (!make_changing_tables(pairs[i % pairs.size()], table_seed, tables) ||
        tables.footprint.overlaps()) {
      continue;
    }
    SplitMix64 random(table_seed);
    answerer.load(tables);
    for (std::size_t done = 0; done < 3 * tables.accesses.size(); done += kBurst) {
      for (const Invalidation& invalidation : change_entry(tables, answerer.memory, random)) {
        answerer.invalidate(invalidation);
      }
      if (tables.footprint.overlaps()) {
        break;  // a change of one entry is a change of another one too
      }
      const std::span<const Access> all(tables.accesses);
      out << "table " << table_seed << ", access " << done << '\n';
      answerer.burst(all.subspan(done % all.size(), kBurst), out);
      out << "memory " << checksum_of(answerer.memory) << '\n';
    }
  }
  return out.str();
}

// The first line in which they differ.
std::string first_difference(const std::string& left, const std::string& right) {
  std::istringstream left_lines(left);
  std::istringstream right_lines(right);
  std::string l;
  std::string r;
  std::string table;
  for (;;) {
    const bool has_left = static_cast<bool>(std::getline(left_lines, l));
    const bool has_right = static_cast<bool>(std::getline(right_lines, r));
    if (!has_left && !has_right) {
      return "";
    }
    if (!has_left || !has_right || l != r) {
      return table + "\nwitness:  " + (has_left ? l : "nothing") +
             "\nhardware: " + (has_right ? r : "nothing");
    }
    if (l.rfind("table", 0) == 0) {
      table = l;
    }
  }
}

void compare(std::uint64_t seed) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Witness witness;
  const std::string expected = outcomes_of(witness, seed);
  const auto num_lines = std::count(expected.begin(), expected.end(), '\n');
  EXPECT_GT(num_lines, 200) << "enough to compare";
  for (const Caches caches : {Caches::kOff, Caches::kOn, Caches::kSizeOne, Caches::kDirectMapped}) {
    SCOPED_TRACE(kCachesNames[static_cast<unsigned>(caches)]);
    const MachineParams machine = machine_of(seed, caches);
    EXPECT_EQ(first_difference(expected, text_of_child([&] {
                                 Blocking bench(machine);
                                 return outcomes_of(bench, seed);
                               })),
              "")
        << "lt";
    EXPECT_EQ(first_difference(expected, text_of_child([&] {
                                 NonBlocking bench(machine);
                                 return outcomes_of(bench, seed);
                               })),
              "")
        << "at";
  }
}

class CacheOutcomes : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Machines, CacheOutcomes, testing::Range(std::uint64_t{0}, kNumCases));

TEST_P(CacheOutcomes, AreThoseWithoutCaches) {
  if (const char* seed = std::getenv("NESTWALK_SEED")) {
    compare(std::strtoull(seed, nullptr, 0));
    return;
  }
  const std::uint64_t first = kFirstSeed + GetParam() * kMachinesOfACase;
  std::cout << "seeds " << first << " to " << first + kMachinesOfACase - 1 << '\n';
  for (std::uint64_t seed = first; seed < first + kMachinesOfACase; ++seed) {
    compare(seed);
  }
}

// What the comparison can see: hardware that is told of no change.
template <class Hardware>
class Uninformed : public Hardware {
 public:
  using Hardware::Hardware;
  void invalidate(const Invalidation& /*invalidation*/) {}
};

template <class Hardware>
std::string difference_uninformed(Caches caches) {
  Witness witness;
  return first_difference(outcomes_of(witness, kFirstSeed), text_of_child([caches] {
                            Uninformed<Hardware> bench(machine_of(kFirstSeed, caches));
                            return outcomes_of(bench, kFirstSeed);
                          }));
}

TEST(CacheOutcomesComparison, WouldShowAMissingInvalidation) {
  EXPECT_NE(difference_uninformed<Blocking>(Caches::kOn), "");
  EXPECT_NE(difference_uninformed<NonBlocking>(Caches::kOn), "");
  EXPECT_EQ(difference_uninformed<Blocking>(Caches::kOff), "");
  EXPECT_EQ(difference_uninformed<NonBlocking>(Caches::kOff), "");
}

}  // namespace
}  // namespace nestwalk
