#include "model/observe/ledger.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "model/observe/statistics.h"

namespace nestwalk {
namespace {

TEST(Ledger, EveryCauseHasANameOfItsOwnAndNoneIsOther) {
  std::set<std::string_view> names;
  for (const CauseDescription& cause : kCauses) {
    EXPECT_FALSE(cause.text.empty());
    names.insert(cause.name);
  }
  EXPECT_EQ(names.size(), kNumCauses);
  EXPECT_FALSE(names.contains("other"));
  EXPECT_EQ(name_of(Cause::kCore), "core");
  EXPECT_EQ(name_of(Cause::kVmExit), "vm_exit");
  EXPECT_EQ(name_of(Cause::kHostFrameZeroing), "host_frame_zeroing");
}

TEST(Ledger, TotalsAreSumsOfAccounts) {
  Ledger ledger;
  ledger.account({.vm = 0, .process = 1}).charge(Cause::kWalk, 10);
  ledger.account({.vm = 0, .process = 2}).charge(Cause::kWalk, 5);
  ledger.account({.vm = 1, .process = 1}).charge(Cause::kWalk, 100);
  ledger.account({.vm = 1, .process = 1}).charge(Cause::kVmExit, 1000);
  ledger.account({.vm = 1, .process = 1}).charge(Cause::kVmExit, 1);
  EXPECT_EQ(ledger.total().cycles(Cause::kWalk), 115U);
  EXPECT_EQ(ledger.total().cycles(), 1116U);
  EXPECT_EQ(ledger.total_of_vm(0).cycles(), 15U);
  EXPECT_EQ(ledger.total_of_vm(1).cycles(Cause::kVmExit), 1001U);
  EXPECT_EQ(ledger.accounts().size(), 3U);
}

TEST(Ledger, AccountStaysValidWhileOthersOpen) {
  Ledger ledger;
  Account& first = ledger.account({.vm = 5, .process = 0});
  for (std::uint32_t process = 0; process < 100; ++process) {
    ledger.account({.vm = 1, .process = process}).charge(Cause::kCore, 1);
  }
  first.charge(Cause::kCore, 7);
  EXPECT_EQ(ledger.total_of_vm(5).cycles(), 7U);
}

TEST(Ledger, CopyIsIndependent) {
  Ledger ledger;
  ledger.account({}).charge(Cause::kCore, 1);
  const Ledger copy = ledger;
  ledger.account({}).charge(Cause::kCore, 1);
  EXPECT_EQ(copy.total().cycles(), 1U);
}

TEST(Ledger, StatisticsShowTotalsAndAccounts) {
  Ledger ledger;
  ledger.account({.vm = 1, .process = 3}).charge(Cause::kWalk, 40);
  ledger.account({.vm = 1, .process = 4}).charge(Cause::kCore, 2);
  StatGroup root;
  ledger.register_stats(root.group("cycles"));
  const auto json = root.to_json();
  const auto& cycles = json["statistics"]["cycles"];
  EXPECT_EQ(cycles["total"]["walk"], 40);
  EXPECT_EQ(cycles["total"]["total"], 42);
  EXPECT_EQ(cycles["vm1"]["process3"]["walk"], 40);
  EXPECT_EQ(cycles["vm1"]["process4"]["total"], 2);
  EXPECT_EQ(json["descriptions"]["cycles.vm1.process3.walk"]["unit"], "cycles");
}

}  // namespace
}  // namespace nestwalk
