// Known mistakes of systems that switch between kinds of paging or of tables, as scenarios; the ids
// are those of the catalogue of bugs (SWI).
#include <array>

#include "model/hypervisor/policy_dsp.h"
#include "tests/unit/paging_switch_guest.h"

namespace nestwalk {
namespace {

// SWI-01 (KVM e676505): a load of CR3 is under way as an exit when the VM comes under nested
// paging.
TEST(SwitchCatalogue, Swi01ALoadOfCr3IsNotLost) {
  for (const bool vpid : {true, false}) {
    SwitchGuest guest({}, vpid);
    guest.bench.write_physical(Gpa{0x8000}, 8, 0x9000 | kTable);
    guest.bench.write_physical(Gpa{0x9000}, 8, 0xa000 | kTable);
    guest.bench.write_physical(Gpa{0xa000}, 8, 0xb000 | kTable);
    guest.bench.write_physical(Gpa{0xb000 + 5 * 8}, 8, 0x12000 | kTable);
    guest.store(kPage, 1);
    guest.bench.switch_paging(Paging::kShadow);
    EXPECT_EQ(guest.load(kPage), 1U);
    guest.bench.cpu().after_exit = [&guest] {
      guest.bench.cpu().after_exit = nullptr;
      guest.bench.switch_paging(Paging::kNested);
    };
    guest.bench.cpu().load_cr3(Gpa{0x8000});
    EXPECT_FALSE(guest.bench.vm().is_shadowed());
    EXPECT_EQ(guest.load(kPage), 0U);
    guest.bench.switch_paging(Paging::kShadow);
    EXPECT_EQ(guest.load(kPage), 0U);
    EXPECT_EQ(guest.bench.audit(), "");
  }
}

// SWI-02 (KVM 07ffaf3): roots of before are cached; the guest edits their tables under nested
// paging and comes back to them.
TEST(SwitchCatalogue, Swi02AllCachedRootsAreCompared) {
  for (const InactiveShadow inactive : {InactiveShadow::kDestroyed, InactiveShadow::kResynced}) {
    SwitchGuest guest(with(inactive));
    constexpr std::array<std::uint64_t, 3> kRoots = {0x20000, 0x24000, 0x28000};
    for (const std::uint64_t root : kRoots) {
      guest.bench.write_physical(Gpa(root), 8, (root + 0x1000) | kTable);
      guest.bench.write_physical(Gpa(root + 0x1000), 8, (root + 0x2000) | kTable);
      guest.bench.write_physical(Gpa(root + 0x2000), 8, (root + 0x3000) | kTable);
      guest.bench.write_physical(Gpa(root + 0x2008), 8, 0x6000 | kTable);
      guest.bench.write_physical(Gpa(root + 0x3000 + 5 * 8), 8, 0x10000 | kTable);
      guest.bench.write_physical(Gpa(0x6000 + (root >> 12) * 8 + 24), 8, (root + 0x3000) | kTable);
    }
    guest.store(kPage, 1);
    guest.bench.switch_paging(Paging::kShadow);
    for (const std::uint64_t root : kRoots) {
      guest.bench.cpu().load_cr3(Gpa(root));
      EXPECT_EQ(guest.load(kPage), 1U);
    }
    guest.bench.switch_paging(Paging::kNested);
    for (const std::uint64_t root : kRoots) {
      guest.store(kTables + root + 0x3000 + 5 * 8, 0x11000 | kTable);
    }
    guest.bench.switch_paging(Paging::kShadow);
    EXPECT_EQ(guest.bench.audit(), "");
    for (const std::uint64_t root : kRoots) {
      guest.bench.cpu().load_cr3(Gpa(root), {}, true);
      EXPECT_EQ(guest.load(kPage), 0U);
    }
    EXPECT_EQ(guest.bench.audit(), "");
  }
}

// SWI-05 (KVM f87f928882d0): a guest without paging, and one with 32-bit tables, over each switch.
TEST(SwitchCatalogue, Swi05EachPagingModeOfTheGuest) {
  BenchOptions options = SwitchGuest::options({}, true, 1);
  options.format = FormatId::kX86TwoLevel;
  ShadowBench bench(options);
  bench.write_physical(Gpa{0x1000}, 4, 0x2000 | kTable);
  bench.write_physical(Gpa{0x2000 + 5 * 4}, 4, 0x10000 | kTable);
  bench.write_physical(Gpa{0x5000}, 8, 77);
  const auto load = [&bench] { return bench.cpu().load(kPage, 8, Privilege::kSupervisor).value; };
  for (const Paging to : {Paging::kShadow, Paging::kNested, Paging::kShadow}) {
    bench.switch_paging(to);
    EXPECT_EQ(load(), 77U);  // the address is a physical one
  }
  GuestRegisters registers = bench.cpu().registers();
  registers.paging = true;
  registers.root = Gpa{0x1000};
  bench.cpu().write_control(registers);
  for (const Paging to : {Paging::kNested, Paging::kShadow, Paging::kNested}) {
    bench.switch_paging(to);
    EXPECT_EQ(load(), 0U);
    EXPECT_EQ(bench.audit(), "");
  }
}

// SWI-06 (KVM e4e517b4be01): PDPTEs are registers over EPT, which a switch does not load anew.
TEST(SwitchCatalogue, Swi06PdptesAreCarriedOver) {
  BenchOptions options = SwitchGuest::options({}, true, 1);
  options.format = FormatId::kX86Pae;
  ShadowBench bench(options);
  bench.write_physical(Gpa{0x1000}, 8, 0x2001);
  bench.write_physical(Gpa{0x2000}, 8, 0x3000 | kTable);
  bench.write_physical(Gpa{0x3000 + 5 * 8}, 8, 0x10000 | kTable);
  bench.write_physical(Gpa{0x4000}, 8, 0);
  bench.write_physical(Gpa{0x10000}, 8, 55);
  GuestRegisters registers = bench.cpu().registers();
  registers.paging = true;
  registers.root = Gpa{0x1000};
  bench.cpu().write_control(registers);
  bench.write_physical(Gpa{0x1000}, 8, 0);  // in memory alone
  for (const Paging to : {Paging::kShadow, Paging::kNested, Paging::kShadow}) {
    bench.switch_paging(to);
    const BenchResult result = bench.cpu().load(kPage, 8, Privilege::kSupervisor);
    EXPECT_FALSE(result.is_fault);
    EXPECT_EQ(result.value, 55U);
  }
  bench.cpu().load_cr3(Gpa{0x1000});
  EXPECT_TRUE(bench.cpu().load(kPage, 8, Privilege::kSupervisor).is_fault);
}

// SWI-10: the switch changes what is counted, here the TLB misses, by flushes at every exit. A
// policy that looked at the present alone would go back and forth for ever.
std::uint64_t switches_at_the_threshold(const DspParams& params) {
  DspPolicy policy(params);
  Paging paging = Paging::kNested;
  std::uint64_t switches = 0;
  for (int i = 0; i < 100; ++i) {
    IntervalSample sample;
    sample.paging = paging;
    sample.instructions = 1'000'000;
    sample.guest_page_faults = 1;
    sample.tlb_misses = paging == Paging::kShadow ? 120'000 : 55'000;
    const Paging next = policy.advise(sample).paging;
    switches += next != paging ? 1 : 0;
    paging = next;
  }
  return switches;
}

TEST(SwitchCatalogue, Swi10APolicyDoesNotThrash) {
  EXPECT_LE(switches_at_the_threshold(DspParams{}), 1U);
}

}  // namespace
}  // namespace nestwalk
