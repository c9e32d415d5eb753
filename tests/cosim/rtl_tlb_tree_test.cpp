// The L1 TLB with tree-PLRU over six ways, without an array for 2M pages, which are kept as 4K
// pieces, and a fully associative one for 1G pages.
#include <gtest/gtest.h>

#include "tests/cosim/rtl_tlb_support.h"

namespace nestwalk {
namespace {

TEST(RtlTlbTree, AgreesWithTheModel) {
  TlbParams params;
  params.page_4k = {12, 6, Replacement::kTreePlru};
  params.page_2m = {};
  params.page_1g = {3, 0, Replacement::kTreePlru};
  RtlTlb rtl_tlb(params);
  EXPECT_EQ(rtl_tlb.run(0x7eee, 40000), "");
  EXPECT_GT(rtl_tlb.seen().num_hits, 1000U);
  EXPECT_GT(rtl_tlb.seen().num_evictions, 1000U);
  EXPECT_GT(rtl_tlb.seen().num_dropped, 1000U);
}

}  // namespace
}  // namespace nestwalk
