// Expected words are written out by hand from the manuals' entry layouts.
#include "model/memory/entry_builder.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace nestwalk {
namespace {

constexpr const PagingFormat& kTwoLevel = format_of(FormatId::kX86TwoLevel);
constexpr const PagingFormat& kPae = format_of(FormatId::kX86Pae);
constexpr const PagingFormat& kFourLevel = format_of(FormatId::kX86FourLevel);
constexpr const PagingFormat& kFiveLevel = format_of(FormatId::kX86FiveLevel);
constexpr const PagingFormat& kEpt = format_of(FormatId::kEptFourLevel);

TEST(EntryBuilder, TableEntryHasPresentWriteUser) {
  EXPECT_EQ(make_table_entry(kFourLevel, 4, 0x5000), 0x5007U);
  EXPECT_EQ(make_table_entry(kFiveLevel, 5, 0xf'ffff'ffff'f000), 0xf'ffff'ffff'f007U);
  EXPECT_EQ(make_table_entry(kTwoLevel, 2, 0xffff'f000), 0xffff'f007U);
  EXPECT_EQ(make_table_entry(kFourLevel, 2, 0x5000, {.accessed = true}), 0x5027U);
  EXPECT_EQ(make_table_entry(kFourLevel, 3, 0x5000, {.write = false, .user = false}), 0x5001U);
  EXPECT_EQ(make_table_entry(kFourLevel, 3, 0x5000, {.execute = false}), 0x8000'0000'0000'5007U);
}

TEST(EntryBuilder, PaePdpteHasPresentAlone) {
  EXPECT_EQ(make_table_entry(kPae, 3, 0x5000), 0x5001U);
  EXPECT_EQ(make_table_entry(kPae, 3, 0x5000, {.execute = false, .accessed = true}), 0x5001U);
  EXPECT_EQ(make_table_entry(kPae, 2, 0x5000), 0x5007U);
}

TEST(EntryBuilder, EptTableEntryHasReadWriteExecute) {
  EXPECT_EQ(make_table_entry(kEpt, 4, 0x5000), 0x5007U);
  EXPECT_EQ(make_table_entry(kEpt, 3, 0x5000, {.accessed = true}), 0x5107U);
  EXPECT_EQ(make_table_entry(kEpt, 3, 0x5000, {.execute = false, .user_execute = true}), 0x5403U);
}

TEST(EntryBuilder, LeafEntryOfX86) {
  EXPECT_EQ(make_leaf_entry(kFourLevel, 1, 0x7000), 0x7007U);
  EXPECT_EQ(make_leaf_entry(kFourLevel, 2, 0x60'0000), 0x60'0087U);
  EXPECT_EQ(make_leaf_entry(kFourLevel, 3, 0x4000'0000), 0x4000'0087U);
  EXPECT_EQ(make_leaf_entry(kFourLevel, 1, 0x7000, {.write = false}), 0x7005U);
  EXPECT_EQ(make_leaf_entry(kFourLevel, 1, 0x7000, {.user = false}), 0x7003U);
  EXPECT_EQ(make_leaf_entry(kFourLevel, 1, 0x7000, {.execute = false}), 0x8000'0000'0000'7007U);
  EXPECT_EQ(make_leaf_entry(kFourLevel, 1, 0x7000, {.global = true}), 0x7107U);
  EXPECT_EQ(make_leaf_entry(kFourLevel, 1, 0x7000, {.accessed = true}), 0x7027U);
  EXPECT_EQ(make_leaf_entry(kFourLevel, 1, 0x7000, {.dirty = true}), 0x7047U);
  EXPECT_EQ(make_leaf_entry(kFourLevel, 1, 0x7000, {.protection_key = 15}), 0x7800'0000'0000'7007U);
}

TEST(EntryBuilder, FlagsThatAFormatHasNoBitForAreIgnored) {
  EXPECT_EQ(make_leaf_entry(kTwoLevel, 1, 0x7000, {.execute = false, .protection_key = 3}),
            0x7007U);
  EXPECT_EQ(make_leaf_entry(kPae, 1, 0x7000, {.protection_key = 3}), 0x7007U);
  EXPECT_EQ(make_leaf_entry(kPae, 1, 0x7000, {.execute = false}), 0x8000'0000'0000'7007U);
  EXPECT_EQ(make_leaf_entry(kFourLevel, 1, 0x7000, {.read = false, .memory_type = 0}), 0x7007U);
  EXPECT_EQ(make_leaf_entry(kEpt, 1, 0x7000, {.user = false, .global = true}), 0x7037U);
}

TEST(EntryBuilder, FourMegabytePageKeepsHighAddressBitsInBits20To13) {
  EXPECT_EQ(make_leaf_entry(kTwoLevel, 2, 0x40'0000), 0x40'0087U);
  // Address bits 39:32 = 0xa5 go to entry bits 20:13: 0xa5 << 13 = 0x14a000.
  EXPECT_EQ(make_leaf_entry(kTwoLevel, 2, 0xa5'8040'0000), 0x8054'a087U);
}

TEST(EntryBuilder, LeafEntryOfEpt) {
  EXPECT_EQ(make_leaf_entry(kEpt, 1, 0x7000), 0x7037U);  // RWX, write-back (6 << 3)
  EXPECT_EQ(make_leaf_entry(kEpt, 2, 0x60'0000), 0x60'00b7U);
  EXPECT_EQ(make_leaf_entry(kEpt, 3, 0x4000'0000), 0x4000'00b7U);
  EXPECT_EQ(make_leaf_entry(kEpt, 1, 0x7000, {.memory_type = 0}), 0x7007U);
  EXPECT_EQ(make_leaf_entry(kEpt, 1, 0x7000, {.read = false, .write = false}), 0x7034U);
  EXPECT_EQ(make_leaf_entry(kEpt, 1, 0x7000, {.user_execute = true}), 0x7437U);
  EXPECT_EQ(make_leaf_entry(kEpt, 1, 0x7000, {.accessed = true, .dirty = true}), 0x7337U);
}

TEST(EntryView, TellsLeafTableAndNothingApart) {
  EXPECT_FALSE((EntryView{kFourLevel, 2, 0x5006}.is_present()));
  EXPECT_TRUE((EntryView{kFourLevel, 2, 0x5007}.is_table()));
  EXPECT_TRUE((EntryView{kFourLevel, 2, 0x20'0087}.is_leaf()));
  EXPECT_TRUE((EntryView{kFourLevel, 1, 0x5087}.is_leaf()));  // bit 7 is PAT at level 1
  EXPECT_FALSE((EntryView{kFourLevel, 4, 0x5087}.is_leaf()));
  EXPECT_FALSE((EntryView{kEpt, 1, 0x8000'0000'0000'5030}.is_present()));
  EXPECT_TRUE((EntryView{kEpt, 1, 0x5004}.is_present()));
  EXPECT_TRUE((EntryView{kEpt, 1, 0x5400}.is_present()));  // user execute alone
}

TEST(EntryView, AddressLeavesOutTheBitsThatAreNoAddress) {
  EXPECT_EQ((EntryView{kFourLevel, 1, 0xfff0'0000'0000'7fff}.address()), 0x7000U);
  EXPECT_EQ((EntryView{kFourLevel, 2, 0x20'1087}.address()), 0x20'0000U);  // bit 12 is PAT
  EXPECT_EQ((EntryView{kFourLevel, 2, 0x20'1007}.address()), 0x20'1000U);
  EXPECT_EQ((EntryView{kTwoLevel, 2, 0x8054'a087}.address()), 0xa5'8040'0000U);
  EXPECT_EQ((EntryView{kTwoLevel, 2, 0x8054'a007}.address()), 0x8054'a000U);
  EXPECT_EQ((EntryView{kPae, 3, 0xf'0000'5001}.address()), 0xf'0000'5000U);
}

TEST(EntryView, BitsSitWhereTheRuleSetHasThem) {
  EXPECT_TRUE((EntryView{kFourLevel, 1, 0x7021}.is_accessed()));
  EXPECT_FALSE((EntryView{kFourLevel, 1, 0x7101}.is_accessed()));
  EXPECT_TRUE((EntryView{kEpt, 1, 0x7101}.is_accessed()));
  EXPECT_TRUE((EntryView{kFourLevel, 1, 0x7041}.is_dirty()));
  EXPECT_TRUE((EntryView{kEpt, 1, 0x7201}.is_dirty()));
  EXPECT_TRUE((EntryView{kEpt, 1, 0x7003}.is_writable()));
  EXPECT_FALSE((EntryView{kFourLevel, 1, 0x7005}.is_writable()));
}

TEST(EntryBuilderDeathTest, AddressThatTheEntryCannotHoldIsFatal) {
  EXPECT_DEATH(static_cast<void>(make_table_entry(kFourLevel, 4, 0x5800)), "aligned");
  EXPECT_DEATH(static_cast<void>(make_table_entry(kTwoLevel, 2, 0x1'0000'0000)), "width");
  EXPECT_DEATH(static_cast<void>(make_leaf_entry(kFourLevel, 2, 0x1000)), "aligned");
  EXPECT_DEATH(static_cast<void>(make_leaf_entry(kTwoLevel, 2, 0x100'0000'0000)), "width");
  EXPECT_DEATH(static_cast<void>(make_leaf_entry(kFourLevel, 4, 0)), "no page of this level");
  EXPECT_DEATH(static_cast<void>(make_table_entry(kFourLevel, 1, 0x5000)), "above level 1");
}

}  // namespace
}  // namespace nestwalk
