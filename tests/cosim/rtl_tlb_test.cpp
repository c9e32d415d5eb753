// The L1 TLB with an array for each page size, exact LRU: every hit, miss, payload and victim, and
// every invalidation, against the model's Tlb. The parameters are those of tests/cosim/tlb.cmake.
#include <gtest/gtest.h>

#include <iostream>

#include "tests/cosim/rtl_tlb_support.h"

namespace nestwalk {
namespace {

TEST(RtlTlb, AgreesWithTheModel) {
  TlbParams params;
  params.page_4k = {16, 4};
  params.page_2m = {4, 2};
  params.page_1g = {2, 0};
  RtlTlb rtl_tlb(params);
  EXPECT_EQ(rtl_tlb.run(0x71b, 40000), "");
  const TlbRun& seen = rtl_tlb.seen();
  std::cout << seen.num_hits << " hits, " << seen.num_rejected << " rejected, " << seen.num_misses
            << " misses, " << seen.num_evictions << " evictions, " << seen.num_dropped
            << " dropped\n";
  EXPECT_GT(seen.num_hits, 1000U);
  EXPECT_GT(seen.num_rejected, 1000U);
  EXPECT_GT(seen.num_evictions, 1000U);
  for (unsigned op = 0; op < kNumInvalidateOps; ++op) {
    const bool drops = static_cast<InvalidateOp>(op) != InvalidateOp::kMovCr3NoFlush;
    EXPECT_EQ(seen.drops_by_op.at(op) != 0, drops) << kInvalidateOpNames.at(op);
  }
}

}  // namespace
}  // namespace nestwalk
