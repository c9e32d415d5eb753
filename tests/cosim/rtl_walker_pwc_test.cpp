// The RTL walker with walk caches, case by case: what a warm walk reads, how long lookups and fills
// take, what faults and invalidations drop.
#include <gtest/gtest.h>

#include "tests/cosim/rtl_walker_support.h"
#include "tests/support/hand_tables.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x7f00'1234'5678};
constexpr Gpa kGpa{0x8000'0000};

HandTables nested_tables(const StagePair& stages = {FormatId::kX86FourLevel,
                                                    FormatId::kEptFourLevel}) {
  HandTables tables(stages);
  tables.map_guest(kGva, kGpa, 1);
  if (stages.host) {
    tables.map_host(kGpa, 1);
  }
  return tables;
}

WalkerRequest request_of(const HandTables& tables, AccessType type = AccessType::kRead) {
  WalkerRequest request;
  request.context = tables.context;
  request.access = {kGva, type, Privilege::kUser};
  return request;
}

class RtlWalkerPwc : public RtlWalkerTest {
 protected:
  explicit RtlWalkerPwc(const char* set = "pwc") : RtlWalkerTest(set) {}

  // Every step costs its latency and a cycle, every lookup, fill and drop a cycle.
  WalkerBench::Report walk_by_formula(const WalkerRequest& request, TableMemory& memory) {
    const Scoreboard& scoreboard = bench_.scoreboard();
    const auto cache_steps = [&] {
      return scoreboard.num_events(EventKind::kLookup) + scoreboard.num_events(EventKind::kFill) +
             scoreboard.num_events(EventKind::kInvalidate);
    };
    const std::uint64_t before = cache_steps();
    const WalkerBench::Report report = walk(request, memory);
    EXPECT_EQ(report.response_cycle - report.accept_cycle,
              2 + report.latency_cycles + report.num_reads + report.num_updates +
                  (cache_steps() - before));
    EXPECT_EQ(problems(), "");
    return report;
  }
  void invalidate(const Invalidation& invalidation) {
    bench_.invalidate(invalidation);
    bench_.run();
  }
};

class RtlWalkerGuestAddressPwc : public RtlWalkerPwc {
 protected:
  RtlWalkerGuestAddressPwc() : RtlWalkerPwc("pwc_per_level") {}
};

TEST_F(RtlWalkerPwc, AWarmWalkReadsTheLeavesAlone) {
  HandTables tables = nested_tables();
  WordTableMemory memory(tables.memory);
  bench_.set_params({.seed = 5, .min_latency = 1, .max_latency = 30});
  walk_by_formula(request_of(tables), memory);
  const WalkerBench::Report warm = walk_by_formula(request_of(tables), memory);
  EXPECT_TRUE(warm.response.is_translation);
  EXPECT_EQ(warm.num_reads, 2U);  // the guest's leaf, whose HPA is known, and the host's
}

TEST_F(RtlWalkerGuestAddressPwc, AWarmWalkTranslatesTheTableOfTheLeafAgain) {
  HandTables tables = nested_tables();
  WordTableMemory memory(tables.memory);
  walk_by_formula(request_of(tables), memory);
  const WalkerBench::Report warm = walk_by_formula(request_of(tables), memory);
  EXPECT_TRUE(warm.response.is_translation);
  EXPECT_EQ(warm.num_reads, 3U);  // two leaves of the host
}

TEST_F(RtlWalkerPwc, EveryPairOfFormatsIsWalkedWarm) {
  for (const StagePair& stages : all_stage_pairs()) {
    if (!stages.guest) {
      continue;
    }
    HandTables tables(stages);
    const Gva low(0x1234'5678);
    tables.map_guest(low, kGpa, 1);
    if (stages.host) {
      tables.map_host(kGpa, 1);
    }
    WordTableMemory memory(tables.memory);
    WalkerRequest request = request_of(tables);
    request.access.address = low;
    forget_tables();
    EXPECT_TRUE(walk_by_formula(request, memory).response.is_translation);
    const WalkerBench::Report warm = walk_by_formula(request, memory);
    EXPECT_TRUE(warm.response.is_translation);
    EXPECT_EQ(warm.num_reads, stages.host ? 2U : 1U);
    EXPECT_EQ(warm.response.translation.hpa.value(), tables.host_of(kGpa).value() + low.offset(12));
  }
}

TEST_F(RtlWalkerPwc, ANeighbourSharesThePointers) {
  HandTables tables = nested_tables();
  const Gva neighbour = kGva + 0x1000;
  tables.map_guest(neighbour, kGpa + 0x1000, 1);
  tables.map_host(kGpa + 0x1000, 1);
  WordTableMemory memory(tables.memory);
  walk_by_formula(request_of(tables), memory);
  WalkerRequest request = request_of(tables);
  request.access.address = neighbour;
  EXPECT_EQ(walk_by_formula(request, memory).num_reads, 2U);
}

// Without EPT A/D a table page may be read-only as long as nothing in it has to be written. That
// the entry of the walk cache has to tell.
TEST_F(RtlWalkerPwc, AWarmWalkKnowsThatItMayNotWriteTheTable) {
  HandTables tables = nested_tables();
  const Gpa entry = tables.guest_entry_gpa(kGva, 1);
  tables.clear_bits(tables.host_entry(entry, 1), 0x2);
  tables.or_bits(tables.guest_entry(kGva, 1), 0x20);
  WordTableMemory memory(tables.memory);
  EXPECT_TRUE(walk_by_formula(request_of(tables), memory).response.is_translation);
  const WalkerBench::Report warm = walk(request_of(tables, AccessType::kWrite), memory);
  EXPECT_EQ(problems(), "");
  EXPECT_EQ(warm.response.fault.kind, FaultKind::kEptViolation);
  EXPECT_EQ(warm.response.fault.gpa, entry);
  EXPECT_EQ(warm.response.fault.position, (Position{1, 0}));
  EXPECT_EQ(warm.num_reads, 1U);
}

TEST_F(RtlWalkerPwc, RightsAboveTheLeafAreRemembered) {
  HandTables tables({FormatId::kX86FourLevel, std::nullopt});
  tables.map_guest(kGva, kGpa, 1);
  tables.clear_bits(tables.guest_entry(kGva, 3), 0x2);
  WordTableMemory memory(tables.memory);
  EXPECT_TRUE(walk_by_formula(request_of(tables), memory).response.is_translation);
  const WalkerBench::Report warm = walk_by_formula(request_of(tables, AccessType::kWrite), memory);
  EXPECT_EQ(warm.num_reads, 1U);
  EXPECT_EQ(warm.response.fault.kind, FaultKind::kGuestPageFault);
  EXPECT_EQ(warm.response.fault.code, 0x7U);
}

TEST_F(RtlWalkerPwc, AFaultDropsThePointersForItsAddress) {
  HandTables tables({FormatId::kX86FourLevel, std::nullopt});
  tables.map_guest(kGva, kGpa, 1);
  WordTableMemory memory(tables.memory);
  walk_by_formula(request_of(tables), memory);
  // The right comes back; software need not invalidate for it to be seen.
  tables.clear_bits(tables.guest_entry(kGva, 1), 0x4);
  EXPECT_FALSE(walk_by_formula(request_of(tables), memory).response.is_translation);
  tables.or_bits(tables.guest_entry(kGva, 1), 0x4);
  const WalkerBench::Report again = walk_by_formula(request_of(tables), memory);
  EXPECT_TRUE(again.response.is_translation);
  EXPECT_EQ(again.num_reads, 4U);
}

TEST_F(RtlWalkerPwc, AnEptViolationDropsThePointersOfBothStages) {
  HandTables tables = nested_tables();
  WordTableMemory memory(tables.memory);
  walk_by_formula(request_of(tables), memory);
  tables.clear_bits(tables.host_entry(kGpa, 1), 0x2);
  const WalkerBench::Report fault = walk_by_formula(request_of(tables, AccessType::kWrite), memory);
  EXPECT_EQ(fault.response.fault.kind, FaultKind::kEptViolation);
  EXPECT_EQ(fault.num_reads, 2U);
  EXPECT_GT(walk_by_formula(request_of(tables), memory).num_reads, 4U);
}

// Every operation of both vendors, with the tags and addresses of the entries and with others: what
// it drops is what the mirror drops, and that shows in the reads of the walk that follows.
TEST_F(RtlWalkerPwc, EveryInvalidationDropsWhatTheModelDrops) {
  unsigned num_kept = 0;
  unsigned num_dropped = 0;
  for (const bool is_nested : {false, true}) {
    HandTables tables =
        nested_tables({FormatId::kX86FourLevel,
                       is_nested ? std::optional(FormatId::kEptFourLevel) : std::nullopt});
    tables.context.tags = {Vpid{1}, Pcid{2}, Ep4ta{0x3000}, Asid{4}};
    WordTableMemory memory(tables.memory);
    for (unsigned number = 0; number < 2 * kNumInvalidateOps; ++number) {
      for (unsigned difference = 0; difference < 8; ++difference) {
        Invalidation invalidation;
        invalidation.op = static_cast<InvalidateOp>(number / 2);
        invalidation.rules = number % 2 == 0 ? TagRules::kIntel : TagRules::kAmd;
        invalidation.tags = tables.context.tags;
        invalidation.address = kGva;
        invalidation.gpa = kGpa;
        switch (difference) {
          case 1:
            invalidation.tags.vpid = Vpid{9};
            break;
          case 2:
            invalidation.tags.pcid = Pcid{9};
            break;
          case 3:
            invalidation.tags.ep4ta = Ep4ta{0x9000};
            break;
          case 4:
            invalidation.tags.asid = Asid{9};
            break;
          case 5:
            invalidation.address = Gva{0x1000};
            break;
          case 6:
            invalidation.gpa = Gpa{0x7f00'0000'0000};
            break;
          case 7:
            invalidation.vpid_enabled = true;
            break;
          default:
            break;
        }
        forget_tables();
        walk(request_of(tables), memory);
        const std::size_t before = bench_.scoreboard().caches().guest_cache().size() +
                                   bench_.scoreboard().caches().host_cache().size();
        invalidate(invalidation);
        const std::size_t after = bench_.scoreboard().caches().guest_cache().size() +
                                  bench_.scoreboard().caches().host_cache().size();
        const WalkerBench::Report report = walk(request_of(tables), memory);
        (after == before ? num_kept : num_dropped) += 1;
        EXPECT_EQ(report.num_reads == (is_nested ? 2U : 1U), after == before)
            << kInvalidateOpNames.at(number / 2) << " " << number << " " << difference;
        ASSERT_EQ(problems(), "") << kInvalidateOpNames.at(number / 2) << " " << difference;
      }
    }
  }
  EXPECT_GT(num_kept, 200U);
  EXPECT_GT(num_dropped, 200U);
}

TEST_F(RtlWalkerPwc, InvlpgDropsPointersForAnyAddressAndInvpcidForItsOwn) {
  HandTables tables({FormatId::kX86FourLevel, std::nullopt});
  tables.map_guest(kGva, kGpa, 1);
  WordTableMemory memory(tables.memory);
  Invalidation elsewhere;
  elsewhere.op = InvalidateOp::kInvpcidAddress;
  elsewhere.address = Gva(0x1000);
  walk_by_formula(request_of(tables), memory);
  invalidate(elsewhere);
  EXPECT_EQ(walk_by_formula(request_of(tables), memory).num_reads, 1U);
  elsewhere.op = InvalidateOp::kInvlpg;
  invalidate(elsewhere);
  EXPECT_EQ(walk_by_formula(request_of(tables), memory).num_reads, 4U);
  elsewhere.op = InvalidateOp::kInvpcidAddress;
  elsewhere.address = kGva;
  invalidate(elsewhere);
  EXPECT_EQ(walk_by_formula(request_of(tables), memory).num_reads, 4U);
}

}  // namespace
}  // namespace nestwalk
