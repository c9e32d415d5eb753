// The audit of shadows finds each kind of difference, by its name.
#include <gtest/gtest.h>

#include <string>

#include "model/hypervisor/shadow_audit.h"
#include "tests/unit/shadow_bench_guest.h"

namespace nestwalk::test {
namespace {

class ShadowAudit : public testing::Test {
 protected:
  ShadowAudit() : guest_(options_of(ShadowSync::kAtOnce)) {
    for (unsigned i = 0; i < 4; ++i) {
      EXPECT_FALSE(guest_.write(kPage + i * 4096, i).is_fault);
    }
    guest_.set(kLevel3 + 8, 0);  // so that the table itself is mapped, read-only
    EXPECT_EQ(guest_.audit(), "");
  }

  [[nodiscard]] Hpa shadow_entry(Gpa guest_table, unsigned index) {
    const ShadowCache& cache = guest_.vm().shadow.cache;
    return cache.table(cache.shadows_of(guest_table).at(0)).frame + index * std::uint64_t{8};
  }
  void change(Hpa entry, std::uint64_t bits) {
    guest_.memory().write(entry, 8, guest_.memory().read(entry, 8) ^ bits);
  }
  void expect_found(const std::string& what) {
    EXPECT_NE(guest_.audit().find(what), std::string::npos) << guest_.audit();
  }

  ShadowGuest guest_;
};

TEST_F(ShadowAudit, FindsAWritableTable) {
  const std::vector<ShadowLink> leaves = guest_.vm().shadow.reverse_map.leaves(kLevel3, 1);
  ASSERT_EQ(leaves.size(), 1U);
  const Hpa entry =
      guest_.vm().shadow.cache.table(leaves[0].table).frame + leaves[0].index * std::uint64_t{8};
  change(entry, bit(x86::kWrite) | bit(x86::kDirty));
  expect_found("writable over the guest table at 0x2000");
}

TEST_F(ShadowAudit, FindsARightThatTheGuestDoesNotGive) {
  guest_.write_physical(kLevel1 + 8, 8,
                        leaf(kData + 4096, {.user = false, .accessed = true, .dirty = true}));
  expect_found("entry 1: gives rights 7 where the guest gives 5");
}

TEST_F(ShadowAudit, FindsAWritableEntryWhereDIsClear) {
  guest_.write_physical(kLevel1 + 8, 8, leaf(kData + 4096, {.accessed = true}));
  expect_found("and D is clear");
}

TEST_F(ShadowAudit, FindsAnEntryThatWasNotAccessed) {
  guest_.write_physical(kLevel1 + 8, 8, leaf(kData + 4096, {}));
  expect_found("was not accessed");
}

TEST_F(ShadowAudit, FindsTheWrongFrame) {
  change(shadow_entry(kLevel1, 2), bit(20));
  expect_found("entry 2: the wrong frame");
}

TEST_F(ShadowAudit, FindsAnotherPageOfTheGuest) {
  guest_.write_physical(kLevel1 + 8, 8, leaf(kData));
  expect_found("maps guest page 0x401000, the guest has 0x400000");
}

TEST_F(ShadowAudit, FindsAStaleLink) {
  guest_.write_physical(kLevel2, 8, table(kOtherLevel1));
  expect_found("a stale link");
  guest_.write_physical(kLevel2, 8, 0);
  expect_found("a stale link: the guest's entry is not present");
  guest_.write_physical(kLevel2, 8, large_leaf(Gpa(0x200000)));
  expect_found("a stale link");
}

TEST_F(ShadowAudit, FindsALinkToAnotherTable) {
  change(shadow_entry(kLevel2, 0), bit(15));
  expect_found("links to another table than noted");
}

TEST_F(ShadowAudit, FindsWhatIsNotNoted) {
  change(shadow_entry(kLevel1, 9), 0x67);
  expect_found("noted as empty");
}

TEST_F(ShadowAudit, FindsAMalformedLeaf) {
  change(shadow_entry(kLevel1, 1), bit(x86::kAccessed));
  expect_found("a malformed leaf");
  change(shadow_entry(kLevel1, 1), bit(x86::kAccessed) | bit(x86::kGlobal));
  expect_found("a malformed leaf");
}

TEST_F(ShadowAudit, FindsWhatTheReverseMapLacks) {
  Vm vm = guest_.vm();
  const ShadowLink leaf = vm.shadow.reverse_map.leaves(kData, 1).at(0);
  vm.shadow.reverse_map.remove(kData, 1, leaf);
  const std::vector<std::string> found = audit_shadow(guest_.memory(), vm, {});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_NE(found[0].find("missing in the reverse map"), std::string::npos) << found[0];
  EXPECT_NE(found[1].find("in the reverse map"), std::string::npos) << found[1];
}

TEST_F(ShadowAudit, FindsAHostPageThatIsGone) {
  const Vm& vm = guest_.vm();
  const auto entry = [&](Gpa page) {  // of the last level of a 4-level host
    Hpa table = vm.root;
    for (unsigned level = 4; level > 1; --level) {
      table = Hpa(guest_.memory().read(table + vm.format().index(level, page.value()) * 8, 8) &
                  mask(51, 12));
    }
    return table + vm.format().index(1, page.value()) * 8;
  };
  change(entry(kData), bit(ept::kWrite));
  expect_found("gives what the host stage does not");
  guest_.memory().write(entry(kData), 8, 0);
  expect_found("which nothing backs");
}

TEST_F(ShadowAudit, LeavesATableOutOfSyncAlone) {
  ShadowGuest guest(options_of(ShadowSync::kOnFlush));
  EXPECT_FALSE(guest.read(kPage).is_fault);
  guest.set(kLevel1, 0);
  EXPECT_FALSE(guest.vm().shadow.cache.out_of_sync().empty());
  EXPECT_EQ(guest.audit(), "");
}

}  // namespace
}  // namespace nestwalk::test
