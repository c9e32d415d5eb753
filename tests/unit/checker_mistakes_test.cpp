// Mistakes made on purpose, by software that forgets and hardware that keeps: each is found, and
// called by its name. Rows of the bug catalogue: INV, OWN, SHD, DLG, SWI.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/checked_machine.h"

namespace nestwalk {
namespace {

constexpr Gva kPage{0x40'0000'0000};
constexpr Gva kNextPage{0x40'0000'1000};
constexpr std::uint64_t kFrame = 0x10'0000;
constexpr std::uint64_t kOther = 0x20'0000;
constexpr std::uint64_t kWriteBit = 1U << 1;

class CheckerMistakes : public testing::Test {
 protected:
  CheckedMachine machine{2};

  void SetUp() override { machine.checker.set_software({&machine.owners, {}, {}}); }

  // What the software does in one handler.
  template <class Handler>
  void by(SoftwareNumber software, Handler handler) {
    machine.checker.software_entered(software);
    handler();
    machine.checker.software_left(software);
  }
  void write_by(SoftwareNumber software, Hpa entry, std::uint64_t value) {
    by(software, [&] { machine.write(entry, value); });
  }
  void expect_clean() {
    for (const Violation& v : machine.checker.violations()) {
      ADD_FAILURE() << text_of(v);
    }
  }
  // The next access, and nothing before it, is the violation.
  const Violation& expect_found(ViolationKind kind, unsigned core, Gva address,
                                AccessType type = AccessType::kRead) {
    expect_clean();
    EXPECT_TRUE(machine.access(core, address, type).is_translation);
    static const Violation kNone;
    if (machine.checker.violations().size() != 1) {
      ADD_FAILURE() << "found " << machine.checker.violations().size();
      return kNone;
    }
    const Violation& found = machine.checker.violations().front();
    EXPECT_EQ(found.kind, kind) << text_of(found);
    EXPECT_EQ(found.core, core);
    EXPECT_EQ(found.access.address, address);
    return found;
  }
  static void expect_text(const Violation& violation, const std::string& part) {
    EXPECT_NE(text_of(violation).find(part), std::string::npos) << "no \"" << part << "\" in\n"
                                                                << text_of(violation);
  }
  Space native(unsigned num_cores = 1) {
    machine.checker.set_software({});  // nobody manages frames
    const Space space = machine.native_space();
    machine.map(space, kPage, kFrame);
    machine.map(space, kNextPage, kFrame + 0x1000);
    for (unsigned core = 0; core < num_cores; ++core) {
      machine.run(core, space);
      machine.access(core, kPage);
      machine.access(core, kNextPage);
    }
    return space;
  }
  Space nested(std::uint32_t vm = 0, AccessType type = AccessType::kRead) {
    const Space space = machine.nested_space(vm);
    machine.map(space, kPage, kFrame);
    machine.run(0, space);
    machine.access(0, kPage, type);
    return space;
  }
};

// ---- Software that forgets ----

TEST_F(CheckerMistakes, InvlpgIsMissing) {
  const Space space = native();
  const Hpa entry = machine.entry(space, kPage);
  write_by(kernel_of(0), entry, 0);
  const Violation& v = expect_found(ViolationKind::kMissingInvalidation, 0, kPage);
  ASSERT_TRUE(v.origin.has_value());
  EXPECT_EQ(v.origin->change.word, entry);
  EXPECT_EQ(v.origin->change.after, 0U);
  EXPECT_FALSE(v.current.has_value());
  expect_text(v, "INVLPG of 0x4000000000");
  expect_text(v, "first-level TLB");
  expect_text(v, "guest level-1 entry");
}

TEST_F(CheckerMistakes, InvlpgNamesAnotherPage) {
  const Space space = native();
  by(kernel_of(0), [&] {
    machine.write(machine.entry(space, kPage), 0);
    machine.invalidate(0, InvalidateOp::kInvlpg, kNextPage);
  });
  const Violation& v = expect_found(ViolationKind::kMissingInvalidation, 0, kPage);
  expect_text(v, "made since, and covering less: invlpg of 0x4000001000");
}

TEST_F(CheckerMistakes, OneAddressWhereAllWereNeeded) {
  const Space space = native();
  by(kernel_of(0), [&] {
    machine.write(machine.entry(space, kPage, 2), 0);  // the table of both pages
    machine.invalidate(0, InvalidateOp::kInvlpg, kPage);
  });
  EXPECT_FALSE(machine.access(0, kPage).is_translation);
  const Violation& v = expect_found(ViolationKind::kMissingInvalidation, 0, kNextPage);
  expect_text(v, "guest level-2 entry");
}

TEST_F(CheckerMistakes, AGlobalPageAndALoadOfCr3) {
  machine.checker.set_software({});
  const Space space = machine.native_space();
  LeafFlags flags;
  flags.global = true;
  machine.map(space, kPage, kFrame, 12, flags);
  machine.run(0, space);
  machine.access(0, kPage);
  by(kernel_of(0), [&] {
    machine.write(machine.entry(space, kPage), 0);
    machine.invalidate(0, InvalidateOp::kMovCr3);
  });
  expect_text(expect_found(ViolationKind::kMissingInvalidation, 0, kPage), "mov_cr3");
}

TEST_F(CheckerMistakes, TheShootdownReachesOneCoreOnly) {
  const Space space = native(2);
  by(kernel_of(0), [&] {
    machine.write(machine.entry(space, kPage), 0);
    machine.invalidate(0, InvalidateOp::kInvlpg, kPage);
  });
  EXPECT_FALSE(machine.access(0, kPage).is_translation);
  const Violation& v = expect_found(ViolationKind::kMissingInvalidation, 1, kPage);
  EXPECT_EQ(v.dropped_on, 0U);
  expect_text(v, "core 0 has dropped it; core 1 was not told");
}

TEST_F(CheckerMistakes, InveptIsMissing) {
  const Space space = nested();
  const Hpa entry = machine.host_entry(space, Gpa(kFrame));
  write_by(kHypervisorSoftware, entry, machine.word(entry) + 0x10'0000);
  const Violation& v = expect_found(ViolationKind::kMissingInvalidation, 0, kPage);
  expect_text(v, "INVEPT for EP4TA");
  expect_text(v, "host level-1 entry");
  EXPECT_EQ(v.vm, 0U);
}

TEST_F(CheckerMistakes, InvvpidWhereInveptWasNeeded) {
  const Space space = nested();
  by(kHypervisorSoftware, [&] {
    const Hpa entry = machine.host_entry(space, Gpa(kFrame));
    machine.write(entry, machine.word(entry) + 0x10'0000);
    machine.invalidate(0, InvalidateOp::kInvvpidSingle);
  });
  const Violation& v = expect_found(ViolationKind::kMissingInvalidation, 0, kPage);
  expect_text(v, "nested TLB");
  expect_text(v, "covering less: invvpid_single");
}

TEST_F(CheckerMistakes, InveptNamesAnotherVm) {
  const Space space = nested();
  by(kHypervisorSoftware, [&] {
    const Hpa entry = machine.host_entry(space, Gpa(kFrame));
    machine.write(entry, 0);
    Invalidation wrong;
    wrong.op = InvalidateOp::kInveptSingle;
    wrong.tags.ep4ta = Ep4ta{0x1000};
    machine.invalidate(0, wrong);
  });
  expect_found(ViolationKind::kMissingInvalidation, 0, kPage);
}

TEST_F(CheckerMistakes, TlbControlIsMissingOnAmd) {
  const Space space = machine.npt_space(0);
  machine.map(space, kPage, kFrame);
  machine.run(0, space);
  machine.access(0, kPage);
  by(kHypervisorSoftware, [&] {
    machine.write(machine.host_entry(space, Gpa(kFrame)), 0);
    machine.invalidate(0, InvalidateOp::kMovCr3);
  });
  expect_text(expect_found(ViolationKind::kMissingInvalidation, 0, kPage),
              "TLB_CONTROL for the ASID");
}

TEST_F(CheckerMistakes, InvvpidIsMissingBetweenTwoVirtualCpus) {
  const Space first = nested();
  const Space second = machine.another_space(first, Pcid{});
  machine.map(second, kPage, kOther);
  by(kHypervisorSoftware, [&] { machine.run(0, second); });
  const Violation& v = expect_found(ViolationKind::kReusedTags, 0, kPage);
  expect_text(v, "INVVPID");
}

TEST_F(CheckerMistakes, APcidIsReusedWithoutAFlush) {
  const Space first = native();
  const Space second = machine.another_space(first, Pcid{});
  machine.map(second, kPage, kOther);
  by(kernel_of(0), [&] {
    machine.run(0, second);
    machine.invalidate(0, InvalidateOp::kMovCr3NoFlush);
  });
  const Violation& v = expect_found(ViolationKind::kReusedTags, 0, kPage);
  EXPECT_EQ(v.former_root, first.context.guest_root);
  expect_text(v, "load of CR3 without bit 63");
}

TEST_F(CheckerMistakes, WriteProtectedAndNotFlushed) {
  const Space space = nested(0, AccessType::kWrite);
  const Hpa entry = machine.host_entry(space, Gpa(kFrame));
  write_by(kHypervisorSoftware, entry, machine.word(entry) & ~kWriteBit);
  const Violation& v =
      expect_found(ViolationKind::kMissingInvalidation, 0, kPage, AccessType::kWrite);
  ASSERT_TRUE(v.current.has_value());
  EXPECT_FALSE(v.current->host.write());
}

TEST_F(CheckerMistakes, TheDirtyBitIsClearedAndNotFlushed) {
  const Space space = native();
  machine.access(0, kPage, AccessType::kWrite);
  const Hpa entry = machine.entry(space, kPage);
  write_by(kernel_of(0), entry, machine.word(entry) & ~std::uint64_t{0x40});
  expect_found(ViolationKind::kMissingInvalidation, 0, kPage, AccessType::kWrite);
}

TEST_F(CheckerMistakes, AFrameIsFreedBeforeTheFlush) {
  const Space space = nested();
  by(kHypervisorSoftware, [&] {
    machine.write(machine.host_entry(space, Gpa(kFrame)), 0);
    machine.owners.set(machine.home(space, Gpa(kFrame)), 4096, {});
    expect_text(expect_found(ViolationKind::kFreedFrame, 0, kPage), "is free: VM 0 uses memory");
    machine.invalidate(0, InvalidateOp::kInveptSingle);
  });
  EXPECT_FALSE(machine.access(0, kPage).is_translation);
}

TEST_F(CheckerMistakes, AFreedFrameGoesToAnotherVmBeforeTheFlush) {
  const Space space = nested();
  by(kHypervisorSoftware, [&] {
    machine.write(machine.host_entry(space, Gpa(kFrame)), 0);
    machine.owners.set(machine.home(space, Gpa(kFrame)), 4096, {FrameUse::kGuestFrame, 1});
    const Violation& v = expect_found(ViolationKind::kForeignFrame, 0, kPage);
    expect_text(v, "belongs to VM 1 (guest_frame), not to VM 0");
  });
}

TEST_F(CheckerMistakes, TheTablesNameAFrameOfAnotherVm) {
  const Space space = machine.nested_space(0);
  machine.map(space, kPage, kFrame);
  const Space other = machine.nested_space(1);
  const Hpa entry = machine.host_entry(space, Gpa(kFrame));
  machine.write(entry, machine.home(other, Gpa(kFrame)).value() | (machine.word(entry) & 0xfff));
  machine.run(0, space);
  expect_found(ViolationKind::kForeignFrame, 0, kPage);
}

TEST_F(CheckerMistakes, AGuestReachesATableOfTheHost) {
  const Space space = nested();
  machine.owners.set(machine.home(space, Gpa(kFrame)), 4096, {FrameUse::kHostTable, 0});
  expect_text(expect_found(ViolationKind::kForbiddenFrame, 0, kPage), "host_table");
}

// ---- Shadow paging and dirty logging, as far as their predicates tell ----

TEST_F(CheckerMistakes, AShadowedGuestTableStaysWritable) {
  Space shadow = machine.native_space();
  machine.map(shadow, kPage, kFrame);
  machine.owners.set(Hpa(shadow.context.guest_root), 4096, {FrameUse::kHostTable, 0});
  machine.owners.set(Hpa(kFrame), 4096, {FrameUse::kGuestFrame, 0});
  machine.run(0, shadow);
  machine.access(0, kPage);
  expect_clean();
  machine.owners.set(Hpa(kFrame), 4096, {FrameUse::kGuestTable, 0});
  expect_text(expect_found(ViolationKind::kWritableTable, 0, kPage), "write-protected");
}

TEST_F(CheckerMistakes, AFrameIsWritableThatThePagerCallsProtected) {
  const Space space = nested();
  const Hpa frame = machine.home(space, Gpa(kFrame));
  machine.checker.set_software(
      {&machine.owners,
       [frame](std::uint32_t, const Translation& t) { return t.hpa.page(12) == frame; },
       {}});
  expect_found(ViolationKind::kWritableTable, 0, kPage);
}

TEST_F(CheckerMistakes, TheDirtyLogLosesAWrite) {
  nested();
  bool is_logged = false;
  machine.checker.set_software({&machine.owners, {}, [&](std::uint32_t vm, const Translation& t) {
                                  return vm == 0 && t.gpa == Gpa(kFrame) && !is_logged;
                                }});
  machine.access(0, kPage, AccessType::kRead);
  is_logged = true;
  machine.access(0, kPage, AccessType::kWrite);
  is_logged = false;  // the log was fetched, and the page left writable
  expect_text(expect_found(ViolationKind::kLostDirtyRecord, 0, kPage, AccessType::kWrite),
              "guest page 0x100000 is clean in the dirty log");
}

TEST_F(CheckerMistakes, AShadowOfAnotherRoleIsLeftInTheTlb) {
  // Two shadows of one guest root: for CR0.WP clear a page may be written that is read-only.
  const Space lax = machine.native_space();
  machine.map(lax, kPage, kFrame);
  const Space strict = machine.another_space(lax, Pcid{});
  LeafFlags flags;
  flags.write = false;
  machine.map(strict, kPage, kFrame, 12, flags);
  for (const Space& space : {lax, strict}) {
    machine.owners.set(Hpa(space.context.guest_root), 4096, {FrameUse::kHostTable, 0});
  }
  machine.owners.set(Hpa(kFrame), 4096, {FrameUse::kGuestFrame, 0});
  machine.run(0, lax);
  machine.access(0, kPage, AccessType::kWrite);
  by(kHypervisorSoftware, [&] { machine.run(0, strict); });
  expect_found(ViolationKind::kReusedTags, 0, kPage, AccessType::kWrite);
}

// A guest of VM 0 whose tables the hypervisor shadows: `guest` is what it has written itself.
class CheckerShadow : public CheckerMistakes {
 protected:
  CheckerShadow() : guest(machine.nested_space(0)), shadow(machine.native_space()) {
    machine.owners.set(Hpa(shadow.context.guest_root), 4096, {FrameUse::kHostTable, 0});
    machine.map(guest, kPage, kFrame);
    machine.map(shadow, kPage, machine.home(guest, Gpa(kFrame)).value());
    machine.run(0, shadow);
    machine.checker.set_reference(0, guest.context);
  }
  void shadow_again(std::uint64_t frame) {
    const Hpa entry = machine.entry(shadow, kPage);
    by(kHypervisorSoftware, [&] {
      machine.write(entry, frame | (machine.word(entry) & 0xfff));
      machine.invalidate(0, InvalidateOp::kInvlpg, kPage);
    });
  }
  void guest_invalidates() {
    Invalidation operation;
    operation.op = InvalidateOp::kInvlpg;
    operation.tags = guest.context.tags;
    operation.address = kPage;
    machine.checker.on_guest_acknowledged(0, operation);
  }

  Space guest;
  Space shadow;
};

TEST_F(CheckerShadow, AShadowThatFollowsIsClean) {
  machine.access(0, kPage, AccessType::kWrite);
  machine.map(guest, kNextPage, kOther);
  const Hpa entry = machine.entry(guest, kPage);
  by(kernel_of(0), [&] {
    machine.write(entry, kOther | (machine.word(entry) & 0xfff));
    machine.access(0, kPage);  // out of sync, which the guest cannot hold against it
    shadow_again(machine.home(guest, Gpa(kOther)).value());
    guest_invalidates();
  });
  EXPECT_TRUE(machine.access(0, kPage).is_translation);
  expect_clean();
}

TEST_F(CheckerShadow, AnUnsynchronisedEntryOutlivesTheGuestsInvalidation) {
  machine.access(0, kPage);
  const Hpa entry = machine.entry(guest, kPage);
  by(kernel_of(0), [&] {
    machine.write(entry, kOther | (machine.word(entry) & 0xfff));
    guest_invalidates();
  });
  const Violation& v = expect_found(ViolationKind::kAgainstGuestTables, 0, kPage);
  expect_text(v, "guest level-1 entry");
}

TEST_F(CheckerShadow, AStaleRolePermitsMoreThanTheGuestsRegisters) {
  // The shadow was made for CR0.WP clear; the guest has set it since.
  const Hpa entry = machine.entry(guest, kPage);
  machine.write(entry, machine.word(entry) & ~kWriteBit);
  WalkContext lax = guest.context;
  lax.control.wp = false;
  machine.checker.set_reference(0, lax);
  machine.access(0, kPage, AccessType::kWrite, Privilege::kSupervisor);
  expect_clean();
  machine.checker.set_reference(0, guest.context);
  machine.access(0, kPage, AccessType::kRead, Privilege::kSupervisor);
  expect_clean();
  machine.access(0, kPage, AccessType::kWrite, Privilege::kSupervisor);
  EXPECT_EQ(machine.found(), ViolationKind::kAgainstGuestTables);
}

TEST_F(CheckerShadow, TheShadowMissesAChangeOfTheVmsMemory) {
  machine.access(0, kPage);
  const Hpa entry = machine.host_entry(guest, Gpa(kFrame));
  write_by(kHypervisorSoftware, entry, machine.word(entry) + 0x10'0000);
  const Violation& v = expect_found(ViolationKind::kAgainstGuestTables, 0, kPage);
  expect_text(v, "host level-1 entry");
}

// ---- Hardware that keeps ----

TEST_F(CheckerMistakes, TheTlbKeepsWhatInvlpgNames) {
  const Space space = native();
  machine.loses = [](unsigned, Told told, const Invalidation&) { return told == Told::kTlbs; };
  machine.write(machine.entry(space, kPage), 0);
  machine.invalidate(0, InvalidateOp::kInvlpg, kPage);
  const Violation& v = expect_found(ViolationKind::kUsedAfterDrop, 0, kPage);
  expect_text(v, "dropped by invlpg of 0x4000000000");
  expect_text(v, "first-level TLB");
}

TEST_F(CheckerMistakes, TheWalkCacheKeepsAnEntry) {
  const Space space = native();
  machine.loses = [](unsigned, Told told, const Invalidation&) { return told == Told::kWalkCache; };
  machine.write(machine.entry(space, kPage, 2), 0);
  machine.invalidate(0, InvalidateOp::kMovCr3);
  const Violation& v = expect_found(ViolationKind::kUsedAfterDrop, 0, kPage);
  EXPECT_EQ(structure_of(v), "walk, from the guest walk cache");
  expect_text(v, "guest level-2 entry");
}

TEST_F(CheckerMistakes, TheNestedTlbKeepsAnEntry) {
  const Space space = nested();
  machine.loses = [](unsigned, Told told, const Invalidation&) { return told == Told::kNestedTlb; };
  const Hpa entry = machine.host_entry(space, Gpa(kFrame));
  machine.write(entry, machine.word(entry) + 0x10'0000);
  machine.invalidate(0, InvalidateOp::kInveptSingle);
  const Violation& v = expect_found(ViolationKind::kUsedAfterDrop, 0, kPage);
  EXPECT_EQ(structure_of(v), "walk, from the nested TLB or the host walk cache");
}

TEST_F(CheckerMistakes, AnOperationOnTheVpidKeepsOtherPcids) {
  const Space first = nested();
  const Space second = machine.another_space(first, Pcid{5});
  machine.map(second, kPage, kOther);
  machine.run(0, second);
  machine.access(0, kPage);
  machine.write(machine.entry(second, kPage), 0);
  machine.run(0, first);
  machine.loses = [](unsigned, Told told, const Invalidation&) { return told != Told::kChecker; };
  machine.invalidate(0, InvalidateOp::kInvvpidSingle);
  machine.run(0, second);
  expect_found(ViolationKind::kUsedAfterDrop, 0, kPage);
}

TEST_F(CheckerMistakes, AcknowledgedWhileAWalkIsUnderWay) {
  const Space space = native();
  machine.invalidate(0, InvalidateOp::kMovCr3);
  // The walk has read the old entry; the invalidation is acknowledged before it answers.
  const WalkContext context = [&] {
    WalkContext c = space.context;
    c.has_guest_cache = false;
    return c;
  }();
  const Access access{kPage, AccessType::kRead, Privilege::kUser, false};
  const ObservedContext where{0, 99, space.context};
  machine.checker.on_walk(machine.memory, where, access);
  WalkEngine engine(context, access);
  Answer answer;
  const Step* step = &engine.next(answer);
  while (step->kind == StepKind::kRead) {
    answer.kind = AnswerKind::kValue;
    answer.value = machine.memory.read(step->hpa, step->bytes);
    step = &engine.next(answer);
  }
  machine.write(machine.entry(space, kPage), 0);
  machine.invalidate(0, InvalidateOp::kInvlpg, kPage);
  ASSERT_EQ(step->kind, StepKind::kDone);
  EXPECT_FALSE(machine.checker.on_translation(machine.memory, where, access, step->translation,
                                              TranslationPath::kWalk));
  EXPECT_EQ(machine.found(), ViolationKind::kUsedAfterDrop);
}

}  // namespace
}  // namespace nestwalk
