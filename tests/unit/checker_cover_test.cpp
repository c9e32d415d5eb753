// What an invalidation covers, said twice: the checker's rules against those of the structures,
// over every operation, vendor and kind of entry.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "model/hypervisor/invalidation_cover.h"
#include "model/lookup/invalidate.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kPage = 0x40'0000'0000;
constexpr std::uint64_t kGpaPage = 0x12'3000;

std::vector<Tags> tags_around(TagRules rules) {
  std::vector<Tags> all;
  for (const unsigned context : {0U, 1U, 2U}) {
    for (const unsigned pcid : {0U, 1U}) {
      for (const std::uint64_t ep4ta : {0ULL, 0x5000ULL, 0x6000ULL}) {
        Tags tags;
        tags.pcid = Pcid(static_cast<std::uint16_t>(pcid));
        if (rules == TagRules::kIntel) {
          tags.vpid = Vpid(static_cast<std::uint16_t>(context));
          tags.ep4ta = Ep4ta(ep4ta);
        } else {
          tags.asid = Asid(context);
        }
        all.push_back(tags);
      }
    }
  }
  return all;
}

// The structures' say, of one class of entry.
bool drops_entry(const Invalidation& invalidation, const CachedUse& use, MappingKind kind,
                 EntryClass entry_class) {
  EntryKey key;
  key.kind = kind;
  key.entry_class = entry_class;
  key.tags = tags_for(kind, use.tags);
  if (kind == MappingKind::kGuestPhysical) {
    key.address = use.gpa.page(use.host_page_bits).value();
    key.span_bits = use.host_page_bits;
    key.host_page_bits = use.host_page_bits;
  } else {
    const bool is_structure = entry_class == EntryClass::kStructure;
    key.global = use.is_global && !is_structure;
    key.guest_page_bits = is_structure ? kNoPageBits : use.guest_page_bits;
    key.host_page_bits = is_structure ? kNoPageBits : use.host_page_bits;
    key.span_bits =
        is_structure ? use.structure_bits : std::min(use.guest_page_bits, use.host_page_bits);
    key.address = use.address.page(key.span_bits).value();
  }
  return drops(invalidation, key);
}

class CheckerCover : public testing::TestWithParam<TagRules> {};

TEST_P(CheckerCover, AgreesWithTheStructuresOnEveryOperation) {
  unsigned num_covered = 0;
  for (unsigned op = 0; op < kNumInvalidateOps; ++op) {
    for (const Tags& acting : tags_around(GetParam())) {
      for (const Tags& cached : tags_around(GetParam())) {
        for (const bool is_global : {false, true}) {
          for (const std::uint64_t offset : {0x0ULL, 0x5000ULL, 0x40'0000ULL, 0x4000'0000ULL}) {
            for (const std::uint8_t guest_bits : {std::uint8_t{12}, std::uint8_t{21}}) {
              Invalidation invalidation;
              invalidation.op = static_cast<InvalidateOp>(op);
              invalidation.rules = GetParam();
              invalidation.tags = acting;
              invalidation.vpid_enabled = false;
              invalidation.address = Gva(kPage + offset);
              invalidation.gpa = Gpa(kGpaPage + offset);
              CachedUse use;
              use.tags = cached;
              use.is_global = is_global;
              use.address = Gva(kPage + 0x10);
              use.gpa = Gpa(kGpaPage + 0x10);
              use.guest_page_bits = guest_bits;
              use.host_page_bits = 12;
              use.structure_bits = 30;
              for (const bool has_host : {false, true}) {
                use.has_host = has_host;
                const MappingKind kind = has_host ? MappingKind::kCombined : MappingKind::kLinear;
                const Cover cover = cover_of(invalidation, use);
                const std::string what =
                    std::string(name_of(invalidation.op)) + (has_host ? " combined" : " linear");
                ASSERT_EQ(cover.translation,
                          drops_entry(invalidation, use, kind, EntryClass::kTranslation))
                    << what;
                ASSERT_EQ(cover.structures,
                          drops_entry(invalidation, use, kind, EntryClass::kStructure))
                    << what;
                ASSERT_EQ(cover.guest_physical,
                          drops_entry(invalidation, use, MappingKind::kGuestPhysical,
                                      EntryClass::kTranslation))
                    << what;
                num_covered += cover == Cover{} ? 0 : 1;
              }
            }
          }
        }
      }
    }
  }
  EXPECT_GT(num_covered, 1000U) << "the comparison met hardly anything that is dropped";
}

INSTANTIATE_TEST_SUITE_P(Vendors, CheckerCover, testing::Values(TagRules::kIntel, TagRules::kAmd));

}  // namespace
}  // namespace nestwalk
