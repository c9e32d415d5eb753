// Catalogue rows AD, INV-04 and SWI-04 on the RTL walker: accessed and dirty bits, and what comes
// in the middle of a walk.
#include "tests/cosim/rtl_catalogue_support.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kAccessed = 0x20;
constexpr std::uint64_t kDirty = 0x40;
constexpr std::uint64_t kEptAccessed = 0x100;
constexpr std::uint64_t kEptDirty = 0x200;

class RtlCatalogueUpdates : public RtlCatalogue {
 protected:
  static std::uint64_t word(const HandTables& tables, Hpa hpa) {
    return tables.memory.read(hpa, 8).value();
  }
};
INSTANTIATE_TEST_SUITE_P(Sets, RtlCatalogueUpdates, kCatalogueSets, name_of_set);

TEST_P(RtlCatalogueUpdates, Ad01AnUnmappingIsNotUndone) {
  for (unsigned level = 1; level <= 4; ++level) {
    // After every operation of the walk in turn, another agent clears the entry's present bit.
    for (std::uint64_t after = 1; after <= 28; ++after) {
      HandTables tables = nested(kFour, kEpt4);
      Interference interference;
      interference.after_operations = after;
      interference.hpa = tables.guest_entry(kGva, level);
      interference.flip = 0x1;
      forget_tables();
      WordMemory witness = tables.memory;
      const WalkerRequest request = request_of(tables, kWrite);
      if (has_caches()) {  // the moments are others
        WordTableMemory memory(tables.memory, interference);
        walk(request, memory);
        EXPECT_EQ(problems(), "");
      } else {
        EXPECT_EQ(compare(request, tables.memory, witness, coverage_, interference), "");
      }
      if (after > report().num_reads + report().num_updates) {
        break;  // the walk was over before
      }
      EXPECT_EQ(word(tables, tables.guest_entry(kGva, level)) & 0x1, 0U)
          << "level " << level << " after " << after;
    }
  }
  EXPECT_TRUE(has_caches() || coverage_.num_restarts > 4);
}

TEST_P(RtlCatalogueUpdates, Ad02AGuestsAccessedBitNeedsAWritableTable) {
  for (unsigned level = 1; level <= 4; ++level) {
    HandTables tables = nested(kFour, kEpt4);
    const Gpa entry = tables.guest_entry_gpa(kGva, level);
    tables.clear_bits(tables.host_entry(entry, 1), 0x2);
    const WalkerResponse response = translate(tables);
    expect_fault(response, FaultKind::kEptViolation, 0xab, {static_cast<std::uint8_t>(level), 0});
    EXPECT_EQ(response.fault.gpa, entry);
    EXPECT_EQ(word(tables, tables.guest_entry(kGva, level)) & kAccessed, 0U);
  }
}

TEST_P(RtlCatalogueUpdates, Ad04TableWalksAreWritesUnderNpt) {
  for (unsigned level = 1; level <= 4; ++level) {
    HandTables tables = nested(kFour, kFour);
    touch(tables);  // nothing is left to be set
    tables.clear_bits(tables.host_entry(tables.guest_entry_gpa(kGva, level), 1), 0x2);
    expect_fault(translate(tables), FaultKind::kNestedPageFault, 0x2'0000'0007,
                 {static_cast<std::uint8_t>(level), 1});
  }
}

TEST_P(RtlCatalogueUpdates, Ad05NothingIsKeptOfAWalkWhoseUpdateFailed) {
  HandTables tables = nested(kFour, kEpt4);
  tables.context.control.accessed_dirty = true;
  const HandTables good = tables;
  tables.memory.refuse_writes(tables.host_entry(kGpa, 1));
  forget_tables();
  WordTableMemory refusing(tables.memory);
  EXPECT_EQ(walk(request_of(tables, kWrite), refusing).response.fault.kind,
            FaultKind::kMemoryError);
  // The memory is whole again. D is not known to be set: the walk reads the leaf and sets it.
  tables.memory = good.memory;
  WordTableMemory memory(tables.memory);
  const WalkerBench::Report report = walk(request_of(tables, kWrite), memory);
  EXPECT_TRUE(report.response.is_translation);
  EXPECT_EQ(problems(), "");
  EXPECT_EQ(word(tables, tables.host_entry(kGpa, 1)) & kEptDirty, kEptDirty);
}

TEST_P(RtlCatalogueUpdates, Ad06AWalkThatFaultsLeavesTheLeafAlone) {
  HandTables tables = nested(kFour, kEpt4);
  tables.clear_bits(tables.guest_entry(kGva, 1), 0x2);
  expect_fault(translate(tables, kWrite), FaultKind::kGuestPageFault, 0x7, {1, 0});
  EXPECT_EQ(word(tables, tables.guest_entry(kGva, 1)) & (kAccessed | kDirty), 0U);
  for (unsigned level = 2; level <= 4; ++level) {  // in this model a fault of the guest writes none
    EXPECT_EQ(word(tables, tables.guest_entry(kGva, level)) & kAccessed, 0U);
  }
}

TEST_P(RtlCatalogueUpdates, Ad08DirtyIsTheLeafsAlone) {
  for (unsigned leaf = 1; leaf <= 3; ++leaf) {
    for (const AccessType type : {kRead, kWrite}) {
      HandTables tables({kFour, kEpt4});
      tables.context.control.accessed_dirty = true;
      tables.map_guest(kGva, kGpa, 1);
      tables.map_host(kGpa, leaf);
      EXPECT_TRUE(translate(tables, type).is_translation);
      for (unsigned level = leaf; level <= 4; ++level) {
        const bool is_dirty = level == leaf && type == kWrite;
        EXPECT_EQ(word(tables, tables.host_entry(kGpa, level)) & (kEptAccessed | kEptDirty),
                  kEptAccessed | (is_dirty ? kEptDirty : 0))
            << level;
      }
      for (unsigned level = 1; level <= 4; ++level) {
        const bool is_dirty = level == 1 && type == kWrite;
        EXPECT_EQ(word(tables, tables.guest_entry(kGva, level)) & (kAccessed | kDirty),
                  kAccessed | (is_dirty ? kDirty : 0));
        // A guest table is written, whatever the access is.
        const Gpa entry = tables.guest_entry_gpa(kGva, level);
        EXPECT_EQ(word(tables, tables.host_entry(entry, 1)) & kEptDirty, kEptDirty);
      }
    }
  }
}

// The documented order (docs/reference/walk.md): the guest's bits are set before the final host
// walk.
TEST_P(RtlCatalogueUpdates, Ad14AWriteThatTheHostDeniesHasSetTheGuestsDirtyBit) {
  HandTables tables = nested(kFour, kEpt4);
  tables.clear_bits(tables.host_entry(kGpa, 1), 0x2);
  expect_fault(translate(tables, kWrite), FaultKind::kEptViolation, 0x1aa, {0, 1});
  EXPECT_EQ(word(tables, tables.guest_entry(kGva, 1)) & (kAccessed | kDirty), kAccessed | kDirty);
}

// The leaf of each stage in turn is changed and dropped while the walk is at each of its cycles.
TEST_P(RtlCatalogueUpdates, Inv04NothingOldIsAnsweredAfterTheAcknowledgement) {
  constexpr Gpa kOther{0x8123'4000};
  for (const bool is_host : {false, true}) {
    for (unsigned wait = 0; wait < 70; ++wait) {
      HandTables tables = nested(kFour, kEpt4);
      tables.map_host(kOther, 1);
      WordTableMemory memory(tables.memory);
      forget_tables();
      bench_.connect(memory);
      bench_.set_params({});
      bench_.forget_reports();
      for (unsigned i = 0; i < bench_.slots(); ++i) {
        bench_.submit(request_of(tables));
      }
      for (unsigned i = 0; i < wait; ++i) {
        bench_.step();
      }
      Invalidation invalidation;
      invalidation.tags = tables.context.tags;
      invalidation.address = kGva;
      if (is_host) {
        invalidation.op = InvalidateOp::kInveptAll;
        tables.memory.write(tables.host_entry(kGpa, 1), 8,
                            tables.host_of(kOther).value() | HandTables::kEptLeaf);
      } else {
        tables.memory.write(tables.guest_entry(kGva, 1), 8, kOther.value() | HandTables::kX86Leaf);
      }
      const unsigned before = bench_.num_acknowledged();
      bench_.invalidate(invalidation);
      while (bench_.num_acknowledged() == before) {
        bench_.step();
      }
      bench_.forget_reports();
      bench_.submit(request_of(tables));
      bench_.run();
      ASSERT_EQ(problems(), "");
      for (const WalkerBench::Report& report : bench_.reports()) {
        ASSERT_EQ(report.response.translation.hpa, tables.host_of(kOther + kGva.offset(12)))
            << "after " << wait << " cycles";
      }
    }
  }
}

// A VM exit at each cycle of a guest's walk: another mode, other roots, other tags.
TEST_P(RtlCatalogueUpdates, Swi04AWalkEndsInTheModeInWhichItBegan) {
  HandTables tables = nested(kFour, kEpt4);
  tables.context.tags.vpid = Vpid(1);
  tables.context.tags.ep4ta = Ep4ta(0x1000);
  const WalkerRequest in_guest = request_of(tables);
  WalkerRequest in_host = in_guest;  // without paging: the address is the host's
  in_host.context.has_guest = false;
  in_host.context.has_host = false;
  in_host.context.tags = {};
  WordTableMemory memory(tables.memory);
  for (unsigned wait = 0; wait < 80; ++wait) {
    forget_tables();
    bench_.connect(memory);
    bench_.set_params({});
    bench_.forget_reports();
    bench_.submit(in_guest);
    for (unsigned i = 0; i < wait; ++i) {
      bench_.step();
    }
    Invalidation exit;
    exit.op = InvalidateOp::kVmTransition;
    exit.vpid_enabled = wait % 2 == 0;
    bench_.invalidate(exit);
    WalkerRequest other = in_host;
    other.id = 1;
    bench_.submit(other);
    bench_.run();
    ASSERT_EQ(problems(), "");
    ASSERT_EQ(bench_.reports().size(), 2U);
    for (const WalkerBench::Report& report : bench_.reports()) {
      ASSERT_TRUE(report.response.is_translation);
      ASSERT_EQ(
          report.response.translation.hpa.value(),
          report.response.id == 1 ? kGva.value() : tables.host_of(kGpa + kGva.offset(12)).value());
    }
  }
}

}  // namespace
}  // namespace nestwalk
