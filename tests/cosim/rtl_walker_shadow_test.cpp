// The RTL walker under shadow paging: it walks the hypervisor's table as if it were a native
// guest's, whatever format the guest's own tables have. The tables are those of the shadow pager
// itself.
#include <gtest/gtest.h>

#include <string>

#include "model/memory/entry_builder.h"
#include "tests/cosim/rtl_walker_support.h"
#include "tests/support/shadow_bench.h"

namespace nestwalk {
namespace {

constexpr Gpa kData{0x40'0000};
constexpr Gva kPage{0x40'0000};
constexpr std::uint64_t kPageBytes = 0x1000;

// Memory of the machine as the walker's.
class MachineMemory final : public TableMemory {
 public:
  explicit MachineMemory(SparseMemory& memory) : memory_(memory) {}
  std::optional<std::uint64_t> read(const PinWalker::TableRequest& request) override {
    if (!memory_.contains(request.hpa, request.bytes)) {
      return std::nullopt;
    }
    return memory_.read(request.hpa, request.bytes);
  }
  AnswerKind update(const PinWalker::TableRequest& request) override {
    if (memory_.read(request.hpa, request.bytes) != request.expected) {
      return AnswerKind::kLost;
    }
    memory_.write(request.hpa, request.bytes, request.desired);
    return AnswerKind::kStored;
  }

 private:
  SparseMemory& memory_;
};

// A guest with one table a level; kPage and seven pages behind it map kData and those behind it.
class SmallGuest : public ShadowBench {
 public:
  explicit SmallGuest(FormatId format)
      : ShadowBench(options_of(format)), format_(format_of(format)) {
    for (unsigned level = format_.levels; level >= 2; --level) {
      set(level, kPage,
          make_table_entry(format_, level, table(level - 1).value(), {.accessed = true}));
    }
    for (unsigned i = 0; i < 8; ++i) {
      set(1, page(i), leaf(i));
    }
    GuestRegisters registers = cpu().registers();
    registers.paging = true;
    registers.format = format;
    registers.root = table(format_.levels);
    cpu().write_control(registers);
  }

  static Gva page(unsigned i) { return kPage + i * kPageBytes; }
  [[nodiscard]] std::uint64_t leaf(unsigned i) const {
    return make_leaf_entry(format_, 1, kData.value() + i * kPageBytes,
                           {.accessed = true, .dirty = true});
  }
  // As if by a device: no processor sees it.
  void set(unsigned level, Gva address, std::uint64_t entry) {
    write_physical(table(level) + format_.index(level, address.value()) * format_.entry_bytes,
                   format_.entry_bytes, entry);
  }
  [[nodiscard]] Gpa table(unsigned level) const {
    return Gpa(0x1000 * (std::uint64_t{format_.levels} - level + 1));
  }

 private:
  static BenchOptions options_of(FormatId format) {
    BenchOptions options;
    options.mode = BenchMode::kShadow;
    options.format = format;
    options.vm.memory_bytes = std::uint64_t{8} << 20;
    return options;
  }
  const PagingFormat& format_;
};

class RtlWalkerShadow : public RtlWalkerTest, public testing::WithParamInterface<const char*> {
 protected:
  RtlWalkerShadow() : RtlWalkerTest(GetParam()) {}

  WalkerBench::Report walk_shadow(SmallGuest& guest, Gva address, AccessType type) {
    MachineMemory memory(guest.memory());
    WalkerRequest request;
    request.context = guest.cpu().context();
    request.access = {address, type, Privilege::kUser};
    EXPECT_FALSE(request.context.has_host);
    return walk(request, memory);
  }
  static Hpa backing(SmallGuest& guest, unsigned i) {
    return guest.where(kData + i * kPageBytes).value();
  }
};

INSTANTIATE_TEST_SUITE_P(Sets, RtlWalkerShadow, testing::Values("one_slot", "pwc", "medium"),
                         [](const auto& test) { return std::string(test.param); });

TEST_P(RtlWalkerShadow, TranslatesByTheHypervisorsTable) {
  for (const FormatId format : {FormatId::kX86TwoLevel, FormatId::kX86Pae, FormatId::kX86FourLevel,
                                FormatId::kX86FiveLevel}) {
    SmallGuest guest(format);
    forget_tables();
    for (unsigned i = 0; i < 4; ++i) {
      ASSERT_FALSE(guest.cpu().load(SmallGuest::page(i), 8, Privilege::kUser).is_fault);
    }
    ASSERT_FALSE(guest.cpu().store(SmallGuest::page(2), 8, 1, Privilege::kUser).is_fault);
    const unsigned levels = format_of(guest.cpu().context().guest_format).levels;
    for (unsigned round = 0; round < 2; ++round) {
      for (unsigned i = 0; i < 4; ++i) {
        const WalkerBench::Report report =
            walk_shadow(guest, SmallGuest::page(i), AccessType::kRead);
        ASSERT_TRUE(report.response.is_translation);
        EXPECT_EQ(report.response.translation.hpa, backing(guest, i));
        const bool is_warm = bench_.walker().structures().guest_pwc_entries != 0 && i + round > 0;
        EXPECT_EQ(report.num_reads, is_warm ? 1 : levels);
      }
    }
    EXPECT_TRUE(
        walk_shadow(guest, SmallGuest::page(2), AccessType::kWrite).response.is_translation);
    EXPECT_EQ(problems(), "");
  }
}

TEST_P(RtlWalkerShadow, WhatTheTableDoesNotSayIsAPageFault) {
  SmallGuest guest(FormatId::kX86FourLevel);
  forget_tables();
  ASSERT_FALSE(guest.cpu().load(SmallGuest::page(0), 8, Privilege::kUser).is_fault);
  // The guest maps it, the shadow not yet: user, read, not present.
  const Fault missing = walk_shadow(guest, SmallGuest::page(5), AccessType::kRead).response.fault;
  EXPECT_EQ(missing.kind, FaultKind::kGuestPageFault);
  EXPECT_EQ(missing.code, 0x4U);
  EXPECT_EQ(missing.address, SmallGuest::page(5));
  EXPECT_FALSE(missing.has_gpa);
  const Fault outside = walk_shadow(guest, Gva{0x8000'0000'0000}, AccessType::kRead).response.fault;
  EXPECT_EQ(outside.kind, FaultKind::kNonCanonical);
  EXPECT_EQ(problems(), "");
}

TEST_P(RtlWalkerShadow, WhatTheHypervisorTakesBackIsGoneAfterItsInvalidations) {
  SmallGuest guest(FormatId::kX86FourLevel);
  forget_tables();
  // The last page maps the leaf table itself.
  guest.set(1, SmallGuest::page(7),
            make_leaf_entry(format_of(FormatId::kX86FourLevel), 1, guest.table(1).value(),
                            {.accessed = true, .dirty = true}));
  ASSERT_FALSE(guest.cpu().load(SmallGuest::page(0), 8, Privilege::kUser).is_fault);
  ASSERT_FALSE(guest.cpu().load(SmallGuest::page(7), 8, Privilege::kUser).is_fault);
  EXPECT_TRUE(walk_shadow(guest, SmallGuest::page(0), AccessType::kRead).response.is_translation);
  // A page that holds a guest table is write-protected.
  const Fault guarded = walk_shadow(guest, SmallGuest::page(7), AccessType::kWrite).response.fault;
  EXPECT_EQ(guarded.kind, FaultKind::kGuestPageFault);
  EXPECT_EQ(guarded.code, 0x7U);
  // The guest unmaps its first page, and says so.
  guest.cpu().invalidations.clear();
  const unsigned index = format_of(FormatId::kX86FourLevel).index(1, kPage.value());
  guest.cpu().store(SmallGuest::page(7) + index * 8, 8, 0, Privilege::kUser);
  guest.cpu().invlpg(SmallGuest::page(0));
  EXPECT_FALSE(guest.cpu().invalidations.empty());
  for (const auto& [invalidation, core] : guest.cpu().invalidations) {
    bench_.invalidate(invalidation);
  }
  bench_.run();
  EXPECT_EQ(walk_shadow(guest, SmallGuest::page(0), AccessType::kRead).response.fault.kind,
            FaultKind::kGuestPageFault);
  EXPECT_EQ(problems(), "");
}

}  // namespace
}  // namespace nestwalk
