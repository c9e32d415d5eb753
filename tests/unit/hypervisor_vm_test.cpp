// VMs side by side: owners of frames, tags, control blocks, population at boot, statistics.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/hypervisor_mock_port.h"

namespace nestwalk::test {
namespace {

TEST(Hypervisor, EveryFrameHasOneOwner) {
  Host host;
  const VmId first = host.create(vm_of(HostFormat::kEptFourLevel, 64 * kMiB, PageSize::k2M));
  const VmId second = host.create(vm_of(HostFormat::kNptPae));
  ASSERT_EQ(host.fault(first, 0), ExitOutcome::kResumed);
  ASSERT_EQ(host.fault(second, 0), ExitOutcome::kResumed);
  ASSERT_EQ(host.fault(second, 4096), ExitOutcome::kResumed);
  const FrameOwnerMap& owners = host.hypervisor.owners();
  EXPECT_EQ(owners.num_bytes({FrameUse::kGuestFrame, 0}), 2 * kMiB);
  EXPECT_EQ(owners.num_bytes({FrameUse::kGuestFrame, 1}), 2 * 4096U);
  EXPECT_EQ(owners.num_bytes({FrameUse::kHostTable, 0}), 3 * 4096U);  // levels 4, 3, 2
  EXPECT_EQ(owners.num_bytes({FrameUse::kHostTable, 1}), 3 * 4096U);
  const FrameOwner expected{FrameUse::kGuestFrame, 1};
  EXPECT_EQ(owners.owner(*host.hypervisor.translate(host.memory, second, Gpa(4096))), expected);
  EXPECT_EQ(host.hypervisor.frames().num_free_bytes(), 16 * kGiB - 2 * kMiB - 8 * 4096);
}

TEST(Hypervisor, FramesHandedOutAreCleared) {
  Host host;
  for (std::uint64_t at = 0; at < kMiB; at += 8) {
    host.memory.write(Hpa(at), 8, ~std::uint64_t{0});
  }
  const VmId vm = host.create(vm_of(HostFormat::kEptFiveLevel));
  ASSERT_EQ(host.fault(vm, 0x1000), ExitOutcome::kResumed);
  const std::uint64_t page = host.walk(vm, 0x1000)->output;
  for (std::uint64_t at = 0; at < 4096; at += 8) {
    ASSERT_EQ(host.memory.read(Hpa(page + at), 8), 0U);
  }
  for (std::uint64_t gpa = 0; gpa < 64 * kMiB; gpa += 4096) {
    ASSERT_EQ(host.walk(vm, gpa).has_value(), gpa == 0x1000);
  }
}

TEST(Hypervisor, ControlBlocksCarryTheTagsOfTheirVm) {
  Host host;
  VmParams params = vm_of(HostFormat::kEptFourLevel);
  params.accessed_dirty = true;
  const VmId ept = host.create(params);
  const VmId npt = host.create(vm_of(HostFormat::kNptFourLevel));
  params.vpid = false;
  const VmId untagged = host.create(params);

  ControlBlock block = host.hypervisor.control_block(ept);
  EXPECT_TRUE(block.has_host);
  EXPECT_EQ(block.host_format, FormatId::kEptFourLevel);
  EXPECT_EQ(block.host_root, host.hypervisor.vm(ept).root);
  EXPECT_EQ(block.ep4ta, Ep4ta{host.hypervisor.vm(ept).root.value()});
  EXPECT_EQ(block.rules, TagRules::kIntel);
  EXPECT_TRUE(block.vpid_enabled);
  EXPECT_EQ(block.vpid, Vpid{1});
  EXPECT_EQ(block.asid, Asid{0});
  EXPECT_TRUE(block.accessed_dirty);

  block = host.hypervisor.control_block(npt);
  EXPECT_EQ(block.host_format, FormatId::kX86FourLevel);
  EXPECT_EQ(block.rules, TagRules::kAmd);
  EXPECT_EQ(block.asid, Asid{2});
  EXPECT_EQ(block.vpid, Vpid{0});
  EXPECT_EQ(block.ep4ta, Ep4ta{0});
  EXPECT_TRUE(block.accessed_dirty);  // NPT always

  block = host.hypervisor.control_block(untagged);
  EXPECT_FALSE(block.vpid_enabled);
  EXPECT_EQ(block.vpid, Vpid{0});
  EXPECT_NE(block.ep4ta, host.hypervisor.control_block(ept).ep4ta);
}

TEST(Hypervisor, AServedFaultEndsWithAnEntryUnderTheVmsBlock) {
  Host host;
  host.create(vm_of(HostFormat::kEptFourLevel));
  const VmId vm = host.create(vm_of(HostFormat::kEptFourLevel));
  host.hypervisor.enter(host.port, vm);
  ASSERT_EQ(host.fault(vm, 0), ExitOutcome::kResumed);
  ASSERT_EQ(host.port.entries.size(), 2U);
  for (const ControlBlock& block : host.port.entries) {
    EXPECT_EQ(block.vm, 1U);
    EXPECT_EQ(block.host_root, host.hypervisor.vm(vm).root);
  }
}

TEST(Hypervisor, PopulatingBacksARangeWithoutExits) {
  Host host;
  const VmId vm = host.create(vm_of(HostFormat::kEptFourLevel, 64 * kMiB));
  ASSERT_TRUE(host.hypervisor.populate(host.port, vm, Gpa(0x1800), 0x2000));
  for (const std::uint64_t gpa : {0x1000U, 0x2000U, 0x3000U}) {
    EXPECT_TRUE(host.walk(vm, gpa).has_value());
  }
  EXPECT_FALSE(host.walk(vm, 0x0));
  EXPECT_FALSE(host.walk(vm, 0x4000));
  const auto before = host.walk(vm, 0x2000);
  ASSERT_TRUE(host.hypervisor.populate(host.port, vm, Gpa(0x2000), 8));
  EXPECT_EQ(host.walk(vm, 0x2000)->output, before->output);
  EXPECT_EQ(host.hypervisor.vm(vm).statistics.exits, 0U);
  EXPECT_EQ(host.port.spent.cycles(Cause::kVmExit), 0U);
  EXPECT_EQ(host.hypervisor.vm(vm).statistics.pages_backed[0], 3U);
}

TEST(Hypervisor, TerabyteGuestCostsNothingUntilTouched) {
  Host host(std::uint64_t{2} << 40);
  const VmId vm = host.create(vm_of(HostFormat::kEptFourLevel, std::uint64_t{1} << 40));
  EXPECT_EQ(host.memory.num_pages(), 0U);
  ASSERT_EQ(host.fault(vm, (std::uint64_t{1} << 40) - 1), ExitOutcome::kResumed);
  EXPECT_LE(host.memory.num_pages(), 4U);
}

TEST(Hypervisor, CopiesAreIndependent) {
  Host host;
  const VmId vm = host.create(vm_of(HostFormat::kEptFourLevel));
  Hypervisor copy = host.hypervisor;
  ASSERT_EQ(host.fault(vm, 0), ExitOutcome::kResumed);
  EXPECT_EQ(copy.vm(vm).statistics.exits, 0U);
  EXPECT_EQ(copy.frames().num_free(), host.hypervisor.frames().num_free() + 4);
}

TEST(Hypervisor, ProblemsAreNamed) {
  const HostMachine machine;
  EXPECT_FALSE(find_problem(machine, vm_of(HostFormat::kNptPae, 4 * kGiB)));
  const auto problem = find_problem(machine, vm_of(HostFormat::kNptPae, 4 * kGiB + 4096));
  ASSERT_TRUE(problem.has_value());
  EXPECT_NE(problem->find("npt-pae"), std::string::npos);
  EXPECT_TRUE(find_problem(machine, vm_of(HostFormat::kEptFourLevel, 4095)));
  EXPECT_TRUE(find_problem(machine, vm_of(HostFormat::kEptFourLevel, 0)));
  HostMachine narrow;
  narrow.control.maxphyaddr = 36;
  EXPECT_TRUE(find_problem(narrow, vm_of(HostFormat::kEptFourLevel, 128 * kGiB)));
  EXPECT_FALSE(find_problem(narrow, vm_of(HostFormat::kEptFourLevel, 64 * kGiB)));
}

TEST(Hypervisor, StatisticsAreRegisteredPerVm) {
  Host host;
  host.create(vm_of(HostFormat::kEptFourLevel));
  const VmId vm = host.create(vm_of(HostFormat::kEptFourLevel));
  ASSERT_EQ(host.fault(vm, 0), ExitOutcome::kResumed);
  StatGroup root;
  host.hypervisor.register_stats(root);
  const nlohmann::ordered_json json = root.to_json();
  EXPECT_EQ(json["statistics"]["vm0"]["exits"], 0);
  EXPECT_EQ(json["statistics"]["vm1"]["ept_violations"], 1);
  EXPECT_EQ(json["statistics"]["vm1"]["pages_backed"]["level1"], 1);
}

}  // namespace
}  // namespace nestwalk::test
