#include <gtest/gtest.h>

#include <vector>

#include "model/arch/bits.h"
#include "model/cli/walk_engine_reference.h"
#include "model/cli/word_store.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kX86Table = bit(x86::kPresent) | bit(x86::kWrite) | bit(x86::kUser);

std::uint64_t x86_table(std::uint64_t address) {
  return address | kX86Table;
}

// A native 4-level guest that maps page 0 to 0x9000 over tables at 0x1000 to 0x4000.
std::vector<MemoryWord> native_tables() {
  return {{Hpa(0x1000), x86_table(0x2000)},
          {Hpa(0x2000), x86_table(0x3000)},
          {Hpa(0x3000), x86_table(0x4000)},
          {Hpa(0x4000), x86_table(0x9000)}};
}

WalkContext native_context(FormatId format = FormatId::kX86FourLevel) {
  WalkContext context;
  context.has_guest = true;
  context.guest_format = format;
  context.guest_root = 0x1000;
  return context;
}

TEST(WordStore, IsEmptyAfterClearAndGrowsBetween) {
  WordStore store;
  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t i = 0; i < 5000; ++i) {
      EXPECT_EQ(store.read(i * 512), 0U);
      store.write(i * 512, i + 1);
    }
    store.write(0, 77);
    EXPECT_EQ(store.read(0), 77U);
    for (std::uint64_t i = 1; i < 5000; ++i) {
      ASSERT_EQ(store.read(i * 512), i + 1);
    }
    store.clear();
  }
}

TEST(ReferenceWalkService, RecordsReadsAndUpdatesInOrder) {
  ReferenceWalkService service;
  service.load(native_tables());
  const WalkAnswer answer =
      service.walk(native_context(), {Gva(0x123), AccessType::kWrite, Privilege::kUser});
  ASSERT_TRUE(answer.outcome.is_translation);
  EXPECT_EQ(answer.outcome.translation.hpa, Hpa(0x9123));
  ASSERT_EQ(answer.references.size(), 4U);
  ASSERT_EQ(answer.writes.size(), 4U);
  for (unsigned i = 0; i < 4; ++i) {
    const std::uint64_t table = 0x1000 * (i + 1);
    const std::uint64_t entry = native_tables()[i].value;
    const Position position{static_cast<std::uint8_t>(4 - i), 0};
    const std::uint64_t dirty = i == 3 ? bit(x86::kDirty) : 0;
    EXPECT_EQ(answer.references[i],
              (EntryReference{Stage::kGuest, position, 8, Hpa(table), entry}));
    EXPECT_EQ(answer.writes[i], (EntryReference{Stage::kGuest, position, 8, Hpa(table),
                                                entry | bit(x86::kAccessed) | dirty}));
  }
}

TEST(ReferenceWalkService, EveryWalkFindsTheMemoryAsLoaded) {
  ReferenceWalkService service;
  service.load(native_tables());
  const Access write{Gva(0), AccessType::kWrite, Privilege::kUser};
  const WalkAnswer first = service.walk(native_context(), write);
  const WalkAnswer second = service.walk(native_context(), write);
  EXPECT_EQ(first.references, second.references);
  EXPECT_EQ(first.writes, second.writes);
  service.load({});
  EXPECT_FALSE(service.walk(native_context(), write).outcome.is_translation);
}

TEST(ReferenceWalkService, OfTwoWordsAtOneAddressTheLastWins) {
  ReferenceWalkService service;
  std::vector<MemoryWord> memory = native_tables();
  memory.push_back({Hpa(0x4000), x86_table(0xa000)});
  service.load(memory);
  EXPECT_EQ(service.walk(native_context(), {Gva(0)}).outcome.translation.hpa, Hpa(0xa000));
}

TEST(ReferenceWalkService, ThirtyTwoBitEntriesAreHalvesOfWords) {
  ReferenceWalkService service;
  // PDE 3 and PTE 5 stand in the upper halves of their words; the lower halves are other entries.
  const std::uint64_t lower = 0xdead0000;
  service.load({{Hpa(0x1008), x86_table(0x2000) << 32 | lower},
                {Hpa(0x2010), x86_table(0x7000) << 32 | lower}});
  const Gva gva((3U << 22) | (5U << 12) | 8U);
  const WalkAnswer answer = service.walk(native_context(FormatId::kX86TwoLevel),
                                         {gva, AccessType::kWrite, Privilege::kUser});
  ASSERT_TRUE(answer.outcome.is_translation);
  EXPECT_EQ(answer.outcome.translation.hpa, Hpa(0x7008));
  EXPECT_EQ(answer.references[0],
            (EntryReference{Stage::kGuest, {2, 0}, 4, Hpa(0x100c), x86_table(0x2000)}));
  EXPECT_EQ(answer.writes[1],
            (EntryReference{Stage::kGuest,
                            {1, 0},
                            4,
                            Hpa(0x2014),
                            x86_table(0x7000) | bit(x86::kAccessed) | bit(x86::kDirty)}));
}

// One word serves as the entry of two levels: setting A at the upper level changes the word that
// the lower level was read from, so that update is lost once and the walk starts again.
TEST(ReferenceWalkService, AnEntryThatServesTwoLevelsCostsOneRestart) {
  ReferenceWalkService service;
  service.load({{Hpa(0x1000), x86_table(0x1000)}});
  const WalkAnswer answer =
      service.walk(native_context(), {Gva(0), AccessType::kRead, Privilege::kUser});
  ASSERT_TRUE(answer.outcome.is_translation);
  EXPECT_EQ(answer.outcome.num_restarts, 1U);
  EXPECT_EQ(answer.references.size(), 8U);
  EXPECT_EQ(answer.writes.size(), 1U);
}

class PdpteRegisterWalk : public testing::Test {
 protected:
  // PDPTE 0 -> PD 0x2000 -> PT 0x3000 -> page 0x9000.
  std::vector<MemoryWord> memory_ = {{Hpa(0x1020), 0x2000 | bit(x86::kPresent)},
                                     {Hpa(0x2000), x86_table(0x3000)},
                                     {Hpa(0x3000), x86_table(0x9000)}};
  WalkContext context_ = [] {
    WalkContext context = native_context(FormatId::kX86Pae);
    context.guest_root = 0x1020;
    return context;
  }();
  ReferenceWalkService service_;
};

TEST_F(PdpteRegisterWalk, TheLoadIsNoPartOfTheAnswer) {
  service_.load(memory_);
  const WalkAnswer answer = service_.walk(context_, {Gva(0x10)});
  ASSERT_TRUE(answer.outcome.is_translation);
  EXPECT_EQ(answer.references.size(), 2U);
  EXPECT_EQ(answer.references.front().position, (Position{2, 0}));
}

TEST_F(PdpteRegisterWalk, AMalformedPdpteFaultsWhicheverIsUsed) {
  memory_.push_back({Hpa(0x1038), bit(x86::kPresent) | bit(x86::kWrite)});
  service_.load(memory_);
  const WalkAnswer answer = service_.walk(context_, {Gva(0x10)});
  EXPECT_FALSE(answer.outcome.is_translation);
  EXPECT_EQ(answer.outcome.fault.kind, FaultKind::kPdpteReserved);
  EXPECT_EQ(answer.outcome.fault.address, Gva(0x10));
  EXPECT_EQ(answer.outcome.fault.gpa, Gpa(0x1038));
  EXPECT_TRUE(answer.references.empty() && answer.writes.empty());
}

TEST_F(PdpteRegisterWalk, AnEptFaultOfTheLoadIsTheAnswer) {
  context_.has_host = true;
  context_.host_root = 0x100000;  // empty tables
  service_.load(memory_);
  const WalkAnswer answer = service_.walk(context_, {Gva(0x10)});
  EXPECT_EQ(answer.outcome.fault.kind, FaultKind::kEptViolation);
  EXPECT_EQ(answer.outcome.fault.address, Gva(0x10));
  EXPECT_EQ(answer.outcome.fault.code & bit(ept::qualification::kLinearValid), 0U);
  EXPECT_TRUE(answer.references.empty());
}

TEST_F(PdpteRegisterWalk, TheLoadSetsNoEptAccessedBits) {
  context_.has_host = true;
  context_.host_root = 0x100000;
  context_.control.accessed_dirty = true;
  const std::uint64_t all = mask(2, 0);
  // A 1G identity page: its two entries are used by the load and by the walk.
  memory_.push_back({Hpa(0x100000), 0x101000 | all});
  memory_.push_back({Hpa(0x101000), all | ept::kWriteBack | bit(ept::kPageSize)});
  service_.load(memory_);
  const WalkAnswer answer = service_.walk(context_, {Gva(0x10)});
  ASSERT_TRUE(answer.outcome.is_translation);
  ASSERT_FALSE(answer.references.empty());
  EXPECT_EQ(answer.references[0].value & bit(ept::kAccessed), 0U);
  EXPECT_EQ(answer.references[1].value & bit(ept::kAccessed), 0U);
}

}  // namespace
}  // namespace nestwalk
