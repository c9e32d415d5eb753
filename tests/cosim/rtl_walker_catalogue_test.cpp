// Bugs that other MMUs had, as scenarios, by their numbers in the catalogue: rows of nested walks,
// walk caches and concurrency, on RTL walkers of every make.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "tests/cosim/rtl_walker_support.h"
#include "tests/support/hand_tables.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x4040'3000};
constexpr Gpa kGpa{0x8000'0000};
constexpr Gpa kOtherGpa{0x8020'0000};

WalkerRequest request_of(const HandTables& tables, AccessType type = AccessType::kRead) {
  WalkerRequest request;
  request.context = tables.context;
  request.access = {kGva, type, Privilege::kUser};
  return request;
}

HandTables tables_of(const StagePair& stages) {
  HandTables tables(stages);
  tables.map_guest(kGva, kGpa, 1);
  if (stages.host) {
    tables.map_host(kGpa, 1);
    tables.map_host(kOtherGpa, 1);
  }
  return tables;
}

class RtlCatalogueTest : public RtlWalkerTest {
 protected:
  explicit RtlCatalogueTest(const char* set) : RtlWalkerTest(set) {}

  // Submits a walk, lets it run for so many cycles, then has `change` make its change and the
  // invalidation acknowledged. Whether the walk was answered before that.
  template <class Change>
  bool interrupt(const WalkerRequest& request, unsigned cycles, const Invalidation& invalidation,
                 Change change) {
    bench_.forget_reports();
    bench_.submit(request);
    for (unsigned i = 0; i < cycles; ++i) {
      bench_.step();
    }
    change();
    bench_.invalidate(invalidation);
    const unsigned before = bench_.num_acknowledged();
    while (bench_.num_acknowledged() == before) {
      bench_.step();
    }
    return !bench_.reports().empty();
  }
  WalkerResponse walk_again(const WalkerRequest& request) {
    bench_.forget_reports();
    bench_.submit(request);
    bench_.run();
    return bench_.reports().at(0).response;
  }
};

class RtlCatalogue : public RtlCatalogueTest, public testing::WithParamInterface<const char*> {
 protected:
  RtlCatalogue() : RtlCatalogueTest(GetParam()) {}
};

// There is room for what two walks cache.
class RtlCatalogueTwoWalks : public RtlCatalogueTest {
 protected:
  RtlCatalogueTwoWalks() : RtlCatalogueTest("medium") {}
};

INSTANTIATE_TEST_SUITE_P(Sets, RtlCatalogue,
                         testing::Values("one_slot", "ntlb", "pwc", "pwc_per_level", "medium"),
                         [](const auto& test) { return std::string(test.param); });

TEST_P(RtlCatalogue, Ntl06EptEntriesKeepTheirTypeAndGetTheirOwnAccessedAndDirtyBits) {
  for (const bool accessed_dirty : {false, true}) {
    HandTables tables = tables_of({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
    tables.context.control.accessed_dirty = accessed_dirty;
    WordTableMemory memory(tables.memory);
    const Hpa leaf = tables.host_entry(kGpa, 1);
    const Hpa table = tables.host_entry(kGpa, 2);
    tables.or_bits(leaf, 0x40);  // ignore PAT
    const std::uint64_t leaf_before = tables.memory.read(leaf, 8).value();
    const std::uint64_t table_before = tables.memory.read(table, 8).value();
    forget_tables();
    for (unsigned round = 0; round < 2; ++round) {  // cold and warm
      EXPECT_TRUE(walk(request_of(tables, AccessType::kWrite), memory).response.is_translation);
      EXPECT_EQ(tables.memory.read(leaf, 8), leaf_before | (accessed_dirty ? 0x300U : 0U));
      EXPECT_EQ(tables.memory.read(table, 8), table_before | (accessed_dirty ? 0x100U : 0U));
    }
    EXPECT_EQ(problems(), "");
  }
}

// Counts how often each entry is read.
class CountingMemory final : public TableMemory {
 public:
  explicit CountingMemory(WordMemory& words) : inner_(words) {}
  std::optional<std::uint64_t> read(const PinWalker::TableRequest& request) override {
    is_whole = is_whole && request.bytes == 8 && read_.insert(request.hpa.value()).second;
    return inner_.read(request);
  }
  AnswerKind update(const PinWalker::TableRequest& request) override {
    return inner_.update(request);
  }
  bool is_whole = true;  // each entry by one read

 private:
  WordTableMemory inner_;
  std::set<std::uint64_t> read_;
};

TEST_P(RtlCatalogue, Ntl08AnEntryIsReadWholeAndOnce) {
  HandTables tables = tables_of({FormatId::kX86FourLevel, std::nullopt});
  CountingMemory memory(tables.memory);
  forget_tables();
  EXPECT_TRUE(walk(request_of(tables), memory).response.is_translation);
  EXPECT_TRUE(memory.is_whole);
  EXPECT_EQ(problems(), "");
}

// Another writer clears an entry byte by byte while walks are under way: what they answer is the
// old page or a fault, never a page that was made of half an entry; each word is judged as it was
// read.
TEST_P(RtlCatalogue, Ntl08ATableThatIsClearedMeanwhileIsSeenByWords) {
  for (unsigned wait = 0; wait < 60; wait += 3) {
    HandTables tables = tables_of({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
    WordTableMemory memory(tables.memory);
    bench_.connect(memory);
    bench_.set_params({.min_latency = 2, .max_latency = 2});
    forget_tables();
    bench_.forget_reports();
    bench_.submit(request_of(tables));
    for (unsigned i = 0; i < wait; ++i) {
      bench_.step();
    }
    const Hpa entry = tables.host_entry(kGpa, 1);
    for (unsigned byte = 0; byte < 8; ++byte) {  // the present bits go first
      tables.clear_bits(entry, std::uint64_t{0xff} << (8 * byte));
      bench_.step();
    }
    bench_.run();
    const WalkerResponse& response = bench_.reports().at(0).response;
    if (response.is_translation) {
      EXPECT_EQ(response.translation.hpa, tables.host_of(kGpa)) << wait;
    } else {
      EXPECT_EQ(response.fault.kind, FaultKind::kEptViolation) << wait;
    }
    EXPECT_EQ(problems(), "") << wait;
  }
}

TEST_P(RtlCatalogue, Ntl10NptIsWalkedInTheHostsMode) {
  for (const FormatId guest : {FormatId::kX86TwoLevel, FormatId::kX86Pae}) {
    HandTables tables({guest, FormatId::kX86FourLevel});
    tables.context.tags.asid = Asid{5};
    tables.context.control.nxe = false;  // the guest's; the host's side runs with it
    tables.context.control.guest_maxphyaddr = 36;
    tables.map_guest(kGva, kGpa, 1);
    tables.map_host(kGpa, 1);
    // The data page lies beyond what the guest could address.
    constexpr std::uint64_t kHighPage = 0x000a'bcde'f012'3000;
    tables.memory.write(tables.host_entry(kGpa, 1), 8, kHighPage | (std::uint64_t{1} << 63) | 0x67);
    WordTableMemory memory(tables.memory);
    forget_tables();
    const WalkerBench::Report cold = walk(request_of(tables), memory);
    ASSERT_TRUE(cold.response.is_translation) << print(cold.response.fault);
    EXPECT_EQ(cold.response.translation.hpa.value(), kHighPage);
    const unsigned guest_levels = format_of(guest).levels;
    const WalkerStructures built = bench_.walker().structures();
    if (built.ntlb_entries == 0 && built.host_pwc_entries == 0) {
      EXPECT_EQ(cold.num_reads, guest_levels * 5 + 4);
    }
    const WalkerBench::Report warm = walk(request_of(tables), memory);
    EXPECT_EQ(warm.response.translation, cold.response.translation);
    EXPECT_EQ(problems(), "");
  }
}

// A pointer to a table changes, and the invalidation comes at every cycle of a walk: nothing old
// may be used after the acknowledgement, whether it was cached before or by the walk itself.
TEST_P(RtlCatalogue, Pwc01NothingOldIsCachedByAWalkOlderThanTheInvalidation) {
  for (const bool is_nested : {false, true}) {
    for (unsigned cycles = 0; cycles < (is_nested ? 150U : 40U); ++cycles) {
      HandTables tables =
          tables_of({FormatId::kX86FourLevel,
                     is_nested ? std::optional(FormatId::kEptFourLevel) : std::nullopt});
      // A second leaf table that leads to another page.
      tables.map_guest(kGva + 0x20'0000, kOtherGpa, 1);
      const Hpa pointer = tables.guest_entry(kGva, 2);
      const std::uint64_t other =
          tables.memory.read(tables.guest_entry(kGva + 0x20'0000, 2), 8).value();
      WordTableMemory memory(tables.memory);
      bench_.connect(memory);
      bench_.set_params({.min_latency = 2, .max_latency = 2});
      forget_tables();
      Invalidation invalidation;
      invalidation.op = InvalidateOp::kInvlpg;
      invalidation.address = kGva;
      interrupt(request_of(tables), cycles, invalidation,
                [&] { tables.memory.write(pointer, 8, other); });
      const std::size_t num_old = bench_.reports().size();
      bench_.run();
      const HandTables& now = tables;
      if (num_old == 0) {
        EXPECT_EQ(bench_.reports().at(0).response.translation.hpa, now.host_of(kOtherGpa))
            << cycles;
      }
      EXPECT_EQ(walk_again(request_of(tables)).translation.hpa, now.host_of(kOtherGpa)) << cycles;
      ASSERT_EQ(problems(), "") << cycles;
    }
  }
}

TEST_P(RtlCatalogue, Pwc02TablesOfTwoVirtualMachinesAreToldApart) {
  for (const bool is_intel : {true, false}) {
    const StagePair stages{FormatId::kX86FourLevel,
                           is_intel ? FormatId::kEptFourLevel : FormatId::kX86FourLevel};
    // The same GVA and GPAs; the other machine's frames lie elsewhere, and so does its page.
    HandTables one = tables_of(stages);
    HandTables two = tables_of(stages);
    WordMemory words = one.memory;
    constexpr std::uint64_t kElsewhere = 0x10'0000'0000;
    two.memory.for_each_word([&](Hpa hpa, std::uint64_t word) {
      const bool is_host_entry = hpa.value() < 0x4000'0000;
      const bool points = (word & 1U) != 0;
      words.write(hpa + kElsewhere, 8, word + (is_host_entry && points ? kElsewhere : 0));
    });
    two.context.host_root += kElsewhere;
    if (is_intel) {
      two.context.tags.ep4ta = Ep4ta{0x1000};
    } else {
      two.context.tags.asid = Asid{1};
    }
    WordTableMemory memory(words);
    forget_tables();
    for (unsigned round = 0; round < 3; ++round) {
      const WalkerResponse first = walk(request_of(one), memory).response;
      const WalkerResponse second = walk(request_of(two), memory).response;
      EXPECT_EQ(first.translation.hpa, one.host_of(kGpa));
      EXPECT_EQ(second.translation.hpa, one.host_of(kGpa) + kElsewhere);
      EXPECT_EQ(problems(), "");
    }
  }
}

// An invalidation kills one walk, at every cycle; what another one caches meanwhile stays.
TEST_F(RtlCatalogueTwoWalks, Pwc06AKillOfOneWalkLeavesTheFillsOfAnother) {
  unsigned warm_reads = 0;
  for (unsigned cycles = 0; cycles < 160; ++cycles) {
    HandTables tables = tables_of({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
    WordTableMemory memory(tables.memory);
    bench_.connect(memory);
    bench_.set_params({.min_latency = 2, .max_latency = 2});
    forget_tables();
    WalkerRequest killed = request_of(tables);
    killed.context.tags = {Vpid{1}, Pcid{}, Ep4ta{0x1000}, Asid{}};
    WalkerRequest kept = request_of(tables);
    kept.context.tags = {Vpid{2}, Pcid{}, Ep4ta{0x2000}, Asid{}};
    bench_.submit(kept);
    Invalidation invalidation;
    invalidation.op = InvalidateOp::kInveptSingle;
    invalidation.tags = killed.context.tags;
    interrupt(killed, cycles, invalidation, [] {});
    bench_.run();
    bench_.forget_reports();
    bench_.submit(kept);
    bench_.run();
    const unsigned num_reads = bench_.reports().at(0).num_reads;
    EXPECT_TRUE(bench_.reports().at(0).response.is_translation);
    if (cycles == 0) {
      warm_reads = num_reads;
    }
    EXPECT_EQ(num_reads, warm_reads) << cycles;
    ASSERT_EQ(problems(), "") << cycles;
  }
}

// The page is unmapped and the invalidation comes at every cycle, also between the last read of a
// walk and its fill or answer.
TEST_P(RtlCatalogue, Con01NothingDeadIsInsertedBetweenWalkAndFill) {
  for (unsigned cycles = 0; cycles < 150; ++cycles) {
    HandTables tables = tables_of({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
    WordTableMemory memory(tables.memory);
    bench_.connect(memory);
    bench_.set_params({.min_latency = 2, .max_latency = 2});
    forget_tables();
    Invalidation invalidation;
    invalidation.op = InvalidateOp::kInveptSingle;
    const bool is_old = interrupt(request_of(tables), cycles, invalidation,
                                  [&] { tables.clear_bits(tables.host_entry(kGpa, 1), 0x7); });
    bench_.run();
    if (!is_old) {
      EXPECT_EQ(bench_.reports().at(0).response.fault.kind, FaultKind::kEptViolation) << cycles;
    }
    EXPECT_EQ(walk_again(request_of(tables)).fault.kind, FaultKind::kEptViolation) << cycles;
    ASSERT_EQ(problems(), "") << cycles;
  }
}

// A 32-bit writer replaces a PAE entry by halves: not present, the new high half, the new low half.
TEST_P(RtlCatalogue, Con04AnEntryThatIsWrittenInHalvesIsOldNewOrNotPresent) {
  constexpr std::uint64_t kOldPage = 0x1'8000'0000;
  constexpr std::uint64_t kNewPage = 0x2'9000'0000;
  std::set<std::uint64_t> outcomes;
  for (unsigned wait = 0; wait < 40; ++wait) {
    HandTables tables({FormatId::kX86Pae, std::nullopt});
    tables.map_guest(kGva, Gpa(kOldPage), 1);
    const Hpa entry = tables.guest_entry(kGva, 1);
    WordTableMemory memory(tables.memory);
    bench_.connect(memory);
    bench_.set_params({.min_latency = 2, .max_latency = 2});
    forget_tables();
    bench_.forget_reports();
    bench_.submit(request_of(tables));
    for (unsigned i = 0; i < wait; ++i) {
      bench_.step();
    }
    tables.memory.write(entry, 4, 0);
    bench_.step();
    tables.memory.write(entry + 4, 4, kNewPage >> 32);
    bench_.step();
    tables.memory.write(entry, 4, (kNewPage & 0xffff'ffff) | HandTables::kX86Leaf);
    bench_.run();
    const WalkerResponse& response = bench_.reports().at(0).response;
    if (response.is_translation) {
      outcomes.insert(response.translation.hpa.page(12).value());
    } else {
      outcomes.insert(response.fault.code & 1U);
    }
    EXPECT_EQ(problems(), "") << wait;
  }
  const std::set<std::uint64_t> legal = {0, kOldPage, kNewPage};
  EXPECT_TRUE(std::includes(legal.begin(), legal.end(), outcomes.begin(), outcomes.end()));
  EXPECT_TRUE(outcomes.count(kOldPage) == 1 && outcomes.count(kNewPage) == 1);
}

}  // namespace
}  // namespace nestwalk
