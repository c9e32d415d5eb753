// Bugs that other MMUs had, as scenarios for the RTL walker, by their numbers in the catalogue.
// Every walk runs on several sets of parameters, cold and again warm, with random latency and
// back-pressure; scoreboard, protocol assertions, watchdog and the second witness judge it besides
// what the case expects.
//
//   HandTables tables = nested(kFour, kEpt4);
//   const WalkerResponse response = translate(tables, kWrite);
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/cosim/rtl_walker_support.h"
#include "tests/unit/oracle_expectations.h"

namespace nestwalk {

class RtlCatalogue : public RtlWalkerTest, public testing::WithParamInterface<const char*> {
 protected:
  static constexpr std::uint64_t kPage = 0x1000;

  RtlCatalogue() : RtlWalkerTest(GetParam()) {}

  // A walk of such a set may read less than the second witness.
  static bool has_caches() {
    const std::string set = GetParam();
    return set == "ntlb" || set == "pwc";
  }

  static WalkerRequest request_of(const HandTables& tables, AccessType type = kRead,
                                  Privilege privilege = kUser, Gva gva = kGva) {
    WalkerRequest request;
    request.context = tables.context;
    request.access = {gva, type, privilege};
    return request;
  }

  // The cold response; what the walks write stays in tables.memory.
  WalkerResponse translate(HandTables& tables, AccessType type = kRead, Privilege privilege = kUser,
                           Gva gva = kGva) {
    return translate(tables, request_of(tables, type, privilege, gva));
  }
  WalkerResponse translate(HandTables& tables, const WalkerRequest& request) {
    forget_tables();
    set_random_surroundings(++num_translated_);
    WordMemory witness = tables.memory;
    EXPECT_EQ(compare(request, tables.memory, witness, coverage_), "");
    const WalkerBench::Report cold = report();
    EXPECT_EQ(compare(request, tables.memory, witness, coverage_), "") << "warm";
    EXPECT_EQ(report().response.is_translation, cold.response.is_translation);
    cold_ = cold;
    return cold.response;
  }
  [[nodiscard]] const WalkerBench::Report& report() const { return bench_.reports().front(); }

  static void expect_fault(const WalkerResponse& response, FaultKind kind, std::uint64_t code,
                           Position position) {
    EXPECT_FALSE(response.is_translation);
    EXPECT_EQ(response.fault.kind, kind);
    EXPECT_EQ(response.fault.code, code);
    EXPECT_EQ(response.fault.position, position);
  }

  // All A and D bits of both stages set by a write beforehand.
  void touch(HandTables& tables) {
    WordOracleMemory memory(tables.memory);
    EXPECT_TRUE(oracle_translate(tables.context, {kGva, kWrite, kSupervisor, false}, memory)
                    .is_translation);
  }

  WalkCoverage coverage_;
  WalkerBench::Report cold_;  // of translate()

 private:
  std::uint64_t num_translated_ = 0;
};

inline const auto kCatalogueSets = testing::Values("one_slot", "four_slots", "ntlb", "pwc");
inline std::string name_of_set(const testing::TestParamInfo<const char*>& set) {
  return set.param;
}

}  // namespace nestwalk
