// What goes wrong over a switch and back if the hypervisor leaves something out, and does not if it
// does not: hazards of VMX with VPIDs (SDM vol. 3, "Operations that invalidate cached mappings").
// The processors of the bench keep every translation until an invalidation drops it.
#include <array>

#include "model/hypervisor/dirty_logger.h"
#include "model/hypervisor/frame_migration.h"
#include "tests/unit/paging_switch_guest.h"

namespace nestwalk {
namespace {

const Gpa kPageFrame{0x10000};

FlushTargets cores() {
  return {{0}};
}

void migrate(SwitchGuest& guest, Gpa start) {
  ShadowBench& bench = guest.bench;
  FrameMigration(bench.hypervisor().host_context(bench.cpu(), bench.vm_id()), cores())
      .move_range(start, start + bit(kSmallPageBits));
}

// Whether a store of the guest reaches the frame that is its own.
bool reaches_its_frame(SwitchGuest& guest, std::uint64_t value) {
  guest.store(kPage, value);
  return guest.bench.read_physical(kPageFrame, 8) == value;
}

// H1: the frame moves while EPT is in use, which INVEPT tells of; linear translations stay.
bool h1(SwitchFlush flush, bool vpid) {
  SwitchGuest guest(with(flush), vpid);
  guest.bench.switch_paging(Paging::kShadow);
  guest.store(kPage, 1);
  guest.bench.switch_paging(Paging::kNested);
  migrate(guest, kPageFrame);
  guest.bench.switch_paging(Paging::kShadow);
  return reaches_its_frame(guest, 2);
}

TEST(SwitchHazards, H1StaleLinearTranslation) {
  EXPECT_FALSE(h1(SwitchFlush::kNone, true));
  EXPECT_FALSE(h1(SwitchFlush::kInvept, true));
  for (const SwitchFlush flush :
       {SwitchFlush::kInvvpid, SwitchFlush::kBoth, SwitchFlush::kNewVpid}) {
    EXPECT_TRUE(h1(flush, true));
  }
  EXPECT_TRUE(h1(SwitchFlush::kNone, false));  // exits and entries have dropped it
}

// H3: a dirty log begins while EPT is in use; the right to write is still cached.
bool h3(SwitchFlush flush, bool vpid) {
  SwitchGuest guest(with(flush), vpid);
  guest.bench.switch_paging(Paging::kShadow);
  guest.store(kPage, 1);
  guest.bench.switch_paging(Paging::kNested);
  ShadowBench& bench = guest.bench;
  DirtyLogger(bench.hypervisor().host_context(bench.cpu(), bench.vm_id()), cores())
      .start(Gpa{}, Gpa{0x20000});
  guest.bench.switch_paging(Paging::kShadow);
  guest.store(kPage, 2);
  return DirtyLogger(bench.hypervisor().host_context(bench.cpu(), bench.vm_id()), cores())
      .harvest()
      .contains(kPageFrame);
}

TEST(SwitchHazards, H3StaleRightToWrite) {
  EXPECT_FALSE(h3(SwitchFlush::kNone, true));
  EXPECT_FALSE(h3(SwitchFlush::kInvept, true));
  for (const SwitchFlush flush :
       {SwitchFlush::kInvvpid, SwitchFlush::kBoth, SwitchFlush::kNewVpid}) {
    EXPECT_TRUE(h3(flush, true));
  }
  EXPECT_TRUE(h3(SwitchFlush::kNone, false));
}

// H4: the guest changes an entry and flushes it while EPT is off; the combined translation of
// before is used again.
bool h4(bool omits, SwitchFlush flush, bool vpid) {
  SwitchingParams params = with(flush);
  params.omit.invlpg_flush = omits;
  SwitchGuest guest(params, vpid);
  guest.store(kPage, 1);
  guest.bench.switch_paging(Paging::kShadow);
  static_cast<void>(guest.load(kTables));
  guest.map(kPage, 0x11000);
  guest.bench.cpu().invlpg(kPage);
  guest.bench.switch_paging(Paging::kNested);
  return guest.load(kPage) == 0;
}

TEST(SwitchHazards, H4StaleCombinedTranslation) {
  for (const SwitchFlush flush : {SwitchFlush::kNone, SwitchFlush::kInvept}) {
    EXPECT_FALSE(h4(true, flush, true));
    EXPECT_TRUE(h4(false, flush, true));
    EXPECT_TRUE(h4(true, flush, false));
  }
  // INVVPID on entry to shadow drops combined translations as well, and none are made there.
  EXPECT_TRUE(h4(true, SwitchFlush::kBoth, true));
  EXPECT_TRUE(h4(true, SwitchFlush::kNewVpid, true));
}

// H5: the frame moves while EPT is off, and no INVEPT tells of it.
bool h5(SwitchFlush flush, bool vpid) {
  SwitchGuest guest(with(flush), vpid);
  guest.store(kPage, 1);
  guest.bench.switch_paging(Paging::kShadow);
  static_cast<void>(guest.load(kTables));
  migrate(guest, kPageFrame);
  guest.bench.switch_paging(Paging::kNested);
  std::uint64_t num_invepts = 0;
  for (const auto& [drop, core] : guest.bench.cpu().invalidations) {
    num_invepts += drop.op == InvalidateOp::kInveptSingle ? 1 : 0;
  }
  EXPECT_TRUE(reaches_its_frame(guest, 2) || vpid);
  return num_invepts != 0;
}

// The bench caches no guest-physical mapping; that the one invalidation which drops them is made is
// all that can be seen here.
TEST(SwitchHazards, H5StaleGuestPhysicalMapping) {
  for (const bool vpid : {true, false}) {
    EXPECT_FALSE(h5(SwitchFlush::kNone, vpid));
    EXPECT_FALSE(h5(SwitchFlush::kInvvpid, vpid));
    EXPECT_FALSE(h5(SwitchFlush::kNewVpid, vpid));
    EXPECT_TRUE(h5(SwitchFlush::kInvept, vpid));
    EXPECT_TRUE(h5(SwitchFlush::kBoth, vpid));
  }
}

// H6: the kernel's map of its tables is filled before the table is one.
bool h6(bool omits) {
  SwitchingParams params;
  params.omit.downgrade = omits;
  SwitchGuest guest(params);
  guest.store(kPage, 1);
  guest.bench.switch_paging(Paging::kShadow);
  guest.map(Gva{0x7000}, 0x12000);   // the map's entry for the table is writable now
  EXPECT_EQ(guest.load(kPage), 1U);  // and the table is shadowed
  guest.map(kPage, 0x11000);
  guest.bench.cpu().invlpg(kPage);
  const bool is_sound = guest.bench.audit().empty();
  return guest.load(kPage) == 0 && is_sound;
}

TEST(SwitchHazards, H6MissedWriteProtection) {
  EXPECT_FALSE(h6(true));
  EXPECT_TRUE(h6(false));
}

// H7: the second processor goes on as it was.
bool h7(bool is_alone) {
  SwitchGuest guest({}, true, 2);
  guest.bench.switch_paging(Paging::kShadow);
  BenchCpu& other = guest.bench.cpu(1);
  EXPECT_FALSE(other.store(kPage, 8, 1, Privilege::kSupervisor).is_fault);
  guest.bench.switch_paging(Paging::kNested, is_alone);
  migrate(guest, kPageFrame);
  EXPECT_FALSE(other.store(kPage, 8, 2, Privilege::kSupervisor).is_fault);
  return guest.bench.read_physical(kPageFrame, 8) == 2;
}

TEST(SwitchHazards, H7OneProcessorAloneIsSwitched) {
  EXPECT_FALSE(h7(true));
  EXPECT_TRUE(h7(false));
}

// H8: D is in the shadow alone, and goes with it.
bool h8(bool omits) {
  SwitchingParams params;
  params.omit.accessed_dirty = omits;
  SwitchGuest guest(params);
  guest.bench.switch_paging(Paging::kShadow);
  guest.store(kPage, 1);
  guest.bench.switch_paging(Paging::kNested);
  return (guest.entry(kPage) & bit(x86::kDirty)) != 0;
}

TEST(SwitchHazards, H8DirtyBitsLostWithTheShadow) {
  EXPECT_FALSE(h8(true));
  EXPECT_TRUE(h8(false));
}

}  // namespace
}  // namespace nestwalk
