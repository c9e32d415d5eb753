// The L1 TLB of 4K and 1G pages that keeps whole pages only: what fits no array is not kept.
#include <gtest/gtest.h>

#include "tests/cosim/rtl_tlb_support.h"

namespace nestwalk {
namespace {

TEST(RtlTlbWhole, AgreesWithTheModel) {
  TlbParams params;
  params.page_4k = {8, 1};
  params.page_2m = {};
  params.page_1g = {1, 1};
  params.keep_pieces = false;
  RtlTlb rtl_tlb(params);
  EXPECT_EQ(rtl_tlb.run(0x3019, 20000), "");
  EXPECT_GT(rtl_tlb.seen().num_hits, 500U);
  EXPECT_GT(rtl_tlb.seen().num_evictions, 500U);
}

}  // namespace
}  // namespace nestwalk
