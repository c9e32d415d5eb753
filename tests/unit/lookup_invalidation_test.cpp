// Validation target E9: every operation against every kind of cached entry, in the structures
// themselves; survivors are compared with the rows of the manuals in lookup_matrix.h.

#include "model/lookup/invalidate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/lookup/nested_tlb.h"
#include "model/lookup/tlb.h"
#include "model/lookup/walk_cache.h"
#include "tests/unit/lookup_matrix.h"

namespace nestwalk {
namespace {

using lookup_test::EntryFacts;
using lookup_test::expected_drop;
using lookup_test::matrix;
using lookup_test::MatrixRow;

constexpr std::uint64_t kLargePage = 1U << 21;
constexpr std::uint64_t kNamedRegion = 0x7f12'3440'0000;  // 2M aligned
constexpr std::uint64_t kOtherRegion = 0x7f12'3480'0000;
constexpr std::uint64_t kNamedGva = kNamedRegion + 0x1f'f123;  // in its last 4K page
constexpr std::uint64_t kNamedGpa = 0x8'0060'0000 + 0x1234;

// One TLB, one walk cache, one nested TLB with an entry for every combination of tags, address and
// global. Guest pages have 2M and are held as 4K pieces, so each combination is a piece of its own
// and "the address" names pieces that do not contain it.
class Caches {
 public:
  explicit Caches(TagRules rules) : tlb_(tlb_params()), pwc_(pwc_params()), ntlb_(ntlb_params()) {
    for (const Tags& tags : all_tags(rules)) {
      const bool in_guest = tags.ep4ta != Ep4ta{0} || tags.asid != Asid{0};
      if (tags.ep4ta == Ep4ta{0}) {
        add_linear_address_entries(MappingKind::kLinear, tags);
      }
      if (in_guest) {
        add_linear_address_entries(MappingKind::kCombined, tags);
        add_guest_physical_entries(tags);
      }
    }
  }

  // Translations: region x global for each set of tags; structures: two of level 2, one of level 3.
  static std::size_t num_combinations(TagRules rules) {
    constexpr std::size_t kByLinearAddress = 2 * 2 + 3;
    constexpr std::size_t kByGpa = 2 + 3;
    return rules == TagRules::kIntel
               ? (3 * 2 + 3 * 2 * 2) * kByLinearAddress + 2 * kByGpa  // VPID x PCID (x EP4TA)
               : (3 * 2 + 2 * 2) * kByLinearAddress + 2 * kByGpa;     // ASID x PCID
  }

  static Tags operand(TagRules rules) {
    return rules == TagRules::kIntel ? Tags{Vpid{5}, Pcid{1}, Ep4ta{0x7000}, Asid{0}}
                                     : Tags{Vpid{0}, Pcid{1}, Ep4ta{0}, Asid{7}};
  }

  std::size_t invalidate(const Invalidation& invalidation) {
    return tlb_.invalidate(invalidation) + pwc_.invalidate(invalidation) +
           ntlb_.invalidate(invalidation);
  }

  // Every cached entry as a line of text, with what is known about it.
  template <class Visit>
  void for_each(Visit visit) const {
    const auto show = [&](const EntryKey& key) {
      EntryFacts facts;
      facts.kind = key.kind;
      facts.entry_class = key.entry_class;
      facts.tags = key.tags;
      facts.global = key.global;
      const bool by_gpa = key.kind == MappingKind::kGuestPhysical;
      const std::uint64_t wanted = by_gpa ? kNamedGpa : kNamedGva;
      // All pages and regions here are of 2M, but for 1G regions of level 3.
      const std::uint64_t size = key.span_bits == 30 ? 512 * kLargePage : kLargePage;
      facts.is_named = key.address / size == wanted / size;
      visit(facts, text_of(key));
    };
    tlb_.for_each([&](const TlbEntry& e) { show(e.key); });
    pwc_.for_each([&](const PwcEntry& e) { show(e.key); });
    ntlb_.for_each([&](const NtlbEntry& e) { show(e.key); });
  }

  std::size_t size() const { return tlb_.size() + pwc_.size() + ntlb_.size(); }

 private:
  static TlbParams tlb_params() {
    TlbParams params;
    params.page_4k = {1024, 0};
    params.page_2m = {};
    params.page_1g = {};
    return params;
  }
  static PwcParams pwc_params() {
    PwcParams params;
    params.level_2 = params.level_3 = {256, 0};
    return params;
  }
  static NtlbParams ntlb_params() {
    NtlbParams params;
    params.array = {64, 0};
    return params;
  }

  static std::vector<Tags> all_tags(TagRules rules) {
    std::vector<Tags> all;
    for (const auto pcid : {std::uint16_t{1}, std::uint16_t{2}}) {
      if (rules == TagRules::kAmd) {
        for (const std::uint32_t asid : {0U, 7U, 8U}) {
          all.push_back({Vpid{0}, Pcid{pcid}, Ep4ta{0}, Asid{asid}});
        }
        continue;
      }
      for (const auto vpid : {std::uint16_t{0}, std::uint16_t{5}, std::uint16_t{6}}) {
        for (const std::uint64_t ep4ta : {0U, 0x7000U, 0x8000U}) {
          all.push_back({Vpid{vpid}, Pcid{pcid}, Ep4ta{ep4ta}, Asid{0}});
        }
      }
    }
    return all;
  }

  void add_linear_address_entries(MappingKind kind, const Tags& tags) {
    for (const std::uint64_t region : {kNamedRegion, kOtherRegion}) {
      for (const bool global : {false, true}) {
        Translation t;
        t.guest_page_bits = 21;
        t.host_page_bits = kind == MappingKind::kCombined ? std::uint8_t{12} : kNoPageBits;
        t.global = global;
        // A piece for each combination: global entries of one page would serve several PCIDs.
        tlb_.fill(Gva(region + num_pieces_++ * 0x1000), t, kind, tags);
      }
      fill_structures({Stage::kGuest, kind, region, tags, &format_of(FormatId::kX86FourLevel)});
    }
  }

  // VPID and PCID are no tags of these: filled again under another one, they are the same entry.
  void add_guest_physical_entries(const Tags& tags) {
    for (const std::uint64_t gpa : {kNamedGpa, kNamedGpa + kLargePage}) {
      Resume resume;
      resume.page_bits = 21;
      ntlb_.fill(Gpa(gpa), resume, tags);
      fill_structures({Stage::kHost, MappingKind::kGuestPhysical, gpa, tags,
                       &format_of(FormatId::kEptFourLevel)});
    }
  }

  // Levels 2 and 3; both regions share the level-3 entry.
  void fill_structures(const PwcQuery& query) {
    for (const unsigned level : {2U, 3U}) {
      Resume resume;
      resume.next_level = static_cast<std::uint8_t>(level - 1);
      pwc_.fill(query, level, resume);
    }
  }

  static std::string text_of(const EntryKey& key) {
    const auto number = [](auto value) {
      return std::to_string(static_cast<std::uint64_t>(value)) + " ";
    };
    return std::string(key.kind == MappingKind::kLinear     ? "linear "
                       : key.kind == MappingKind::kCombined ? "combined "
                                                            : "guest-physical ") +
           (key.entry_class == EntryClass::kStructure ? "structure " : "translation ") +
           (key.global ? "global " : "") + "vpid " + number(key.tags.vpid) + "pcid " +
           number(key.tags.pcid) + "ep4ta " + number(key.tags.ep4ta) + "asid " +
           number(key.tags.asid) + "bits " + number(key.span_bits) + "address " +
           number(key.address);
  }

  Tlb tlb_;
  WalkCache pwc_;
  NestedTlb ntlb_;
  std::uint64_t num_pieces_ = 0;
};

Invalidation invalidation_of(const MatrixRow& row) {
  Invalidation invalidation;
  invalidation.op = row.op;
  invalidation.rules = row.rules;
  invalidation.tags = Caches::operand(row.rules);
  invalidation.address = Gva(kNamedGva);
  invalidation.gpa = Gpa(kNamedGpa);
  invalidation.vpid_enabled = row.vpid_enabled;
  return invalidation;
}

// Target E9; PWC-05, INV-01, INV-08, INV-21 and NTL-12 are rows of it.
TEST(Invalidation, E9SurvivorsOfEveryOperationAreThoseOfTheManual) {
  for (const TagRules rules : {TagRules::kIntel, TagRules::kAmd}) {
    const Caches filled(rules);
    ASSERT_EQ(filled.size(), Caches::num_combinations(rules));
    for (const MatrixRow& row : matrix()) {
      if (row.rules != rules) {
        continue;
      }
      std::multiset<std::string> expected;
      std::size_t num_dropped = 0;
      filled.for_each([&](const EntryFacts& facts, const std::string& text) {
        if (expected_drop(row, Caches::operand(rules), facts)) {
          ++num_dropped;
        } else {
          expected.insert(text);
        }
      });
      Caches caches = filled;
      EXPECT_EQ(caches.invalidate(invalidation_of(row)), num_dropped) << describe_row(row);
      std::multiset<std::string> survivors;
      caches.for_each([&](const EntryFacts&, const std::string& text) { survivors.insert(text); });
      EXPECT_EQ(survivors, expected) << describe_row(row);
    }
  }
}

// The matrix has a row for every operation under both vendors, and every cell that may drop drops
// something, so that the comparison above is not of nothing with nothing.
TEST(Invalidation, E9MatrixIsCompleteAndEveryCellDropsSomething) {
  std::set<std::pair<InvalidateOp, TagRules>> seen;
  for (const MatrixRow& row : matrix()) {
    seen.insert({row.op, row.rules});
    std::size_t num_cells = 0;
    const Caches filled(row.rules);
    for (const MatrixRow::Cells& cells : {row.linear, row.combined, row.guest_physical}) {
      for (const std::string_view cell : {cells.translation, cells.structure}) {
        num_cells += cell == "-" ? 0 : 1;
      }
    }
    std::set<std::pair<MappingKind, EntryClass>> dropped;
    filled.for_each([&](const EntryFacts& facts, const std::string&) {
      if (expected_drop(row, Caches::operand(row.rules), facts)) {
        dropped.insert({facts.kind, facts.entry_class});
      }
    });
    EXPECT_EQ(dropped.size(), num_cells) << describe_row(row);
  }
  EXPECT_EQ(seen.size(), 2 * kNumInvalidateOps);
}

// The predicate over every size of the two pages, first and last byte and their neighbours.
TEST(Invalidation, Inv01AddressMatchesTheGuestLeafWhateverTheEntryCovers) {
  for (const unsigned guest : {12U, 21U, 22U, 30U}) {
    for (const unsigned host : {12U, 21U, 30U}) {
      const std::uint64_t size = std::uint64_t{1} << guest;
      const std::uint64_t page = std::uint64_t{3} << 40;
      EntryKey key;
      key.kind = MappingKind::kCombined;
      key.span_bits =
          static_cast<std::uint8_t>(std::min(guest, host) == 22 ? 21 : std::min(guest, host));
      key.address = page + size - (std::uint64_t{1} << key.span_bits);  // the last piece
      key.guest_page_bits = static_cast<std::uint8_t>(guest);
      key.host_page_bits = static_cast<std::uint8_t>(host);
      const auto dropped_by = [&](std::uint64_t address) {
        return drops({.op = InvalidateOp::kInvlpg, .address = Gva(address)}, key);
      };
      EXPECT_TRUE(dropped_by(page));
      EXPECT_TRUE(dropped_by(page + size - 1));
      EXPECT_FALSE(dropped_by(page - 1));
      EXPECT_FALSE(dropped_by(page + size));
    }
  }
}

TEST(Invalidation, Inv05BitsAboveTheTagAreIgnored) {
  EntryKey key;
  key.kind = MappingKind::kCombined;
  key.tags = tags_for(key.kind, {Vpid{1}, Pcid{0x234}, Ep4ta{0x5000}, Asid{0}});
  Invalidation by_pcid{.op = InvalidateOp::kInvpcidSingle};
  by_pcid.tags = {Vpid{1}, Pcid{0xf234}, Ep4ta{0}, Asid{0}};
  EXPECT_TRUE(drops(by_pcid, key));
  by_pcid.tags.pcid = Pcid{0xf235};
  EXPECT_FALSE(drops(by_pcid, key));
  // INVEPT takes an EPTP: memory type, walk length, A/D and the bits above the address do not
  // count.
  Invalidation by_ep4ta{.op = InvalidateOp::kInveptSingle};
  by_ep4ta.tags.ep4ta = Ep4ta{0xfff0'0000'0000'505e};
  EXPECT_TRUE(drops(by_ep4ta, key));
  by_ep4ta.tags.ep4ta = Ep4ta{0x605e};
  EXPECT_FALSE(drops(by_ep4ta, key));
}

TEST(Invalidation, Inv06LastPageOfTheAddressSpaceIsReached) {
  for (const unsigned bits : {12U, 21U, 30U}) {
    EntryKey key;
    key.span_bits = static_cast<std::uint8_t>(bits);
    key.guest_page_bits = static_cast<std::uint8_t>(bits);
    key.address = ~std::uint64_t{0} << bits;
    EXPECT_TRUE(drops({.op = InvalidateOp::kInvlpg, .address = Gva(~std::uint64_t{0})}, key));
    EXPECT_TRUE(drops({.op = InvalidateOp::kInvlpg, .address = Gva(key.address)}, key));
    EXPECT_FALSE(drops({.op = InvalidateOp::kInvlpg, .address = Gva(key.address - 1)}, key));
    EXPECT_FALSE(drops({.op = InvalidateOp::kInvlpg, .address = Gva(0)}, key));
  }
}

TEST(Invalidation, Inv09AddressThatIsNotCanonicalDropsNoTranslation) {
  EntryKey key;
  key.guest_page_bits = 12;
  key.address = 0xffff'8000'0000'0000;
  EXPECT_FALSE(drops({.op = InvalidateOp::kInvlpg, .address = Gva(0x0000'8000'0000'0000)}, key));
  // With guest paging off there is no guest page: the host's is named.
  key.guest_page_bits = kNoPageBits;
  key.host_page_bits = 21;
  key.kind = MappingKind::kCombined;
  key.address = 0x40'3000;
  EXPECT_TRUE(drops({.op = InvalidateOp::kInvlpg, .address = Gva(0x5f'ffff)}, key));
  EXPECT_FALSE(drops({.op = InvalidateOp::kInvlpg, .address = Gva(0x60'0000)}, key));
  key.host_page_bits = kNoPageBits;
  EXPECT_TRUE(drops({.op = InvalidateOp::kInvlpg, .address = Gva(0x40'3fff)}, key));
  EXPECT_FALSE(drops({.op = InvalidateOp::kInvlpg, .address = Gva(0x40'4000)}, key));
}

}  // namespace
}  // namespace nestwalk
