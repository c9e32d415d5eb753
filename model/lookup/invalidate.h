// Which cached entries an invalidation drops: the one place where this is decided. With extent
// exact, what the manual does not require to be dropped survives. With extent broad an operation
// that may drop a mapping of a stage drops all mappings of that stage, as hardware does that
// flushes a whole structure; what a fault drops of itself stays exact.
//
//   const InvalidationScope scope(invalidation);
//   InvalidationCount count;
//   array.erase_if([&](const auto& entry) { return scope.drops(entry.key, count); });
//
// An operation that the vendor does not have drops nothing (INVEPT under AMD rules, INVLPGA under
// Intel's). On AMD the ASID takes the place of the VPID; a part without PCIDs keeps them zero.
// Sources: Intel SDM vol. 3, "Operations that invalidate cached mappings" and "Invalidation of TLBs
// and paging-structure caches"; AMD APM vol. 2, "TLB control" and INVLPGA.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "model/arch/invalidation.h"
#include "model/arch/position.h"
#include "model/lookup/entry_key.h"
#include "model/params/structures.h"

namespace nestwalk {

// One row of the matrix. A tag is compared as tags_for() leaves it for the kind at hand, so that
// guest-physical entries never depend on VPID or PCID.
struct InvalidationRule {
  enum class Context : std::uint8_t { kAny, kSame, kZero, kNotZero };  // VPID and ASID
  enum class Match : std::uint8_t { kAny, kSame };
  enum class Globals : std::uint8_t { kDropped, kKept };
  enum class Range : std::uint8_t {
    kEverything,
    kAddress,              // whatever would be used to translate the address
    kAddressAnyStructure,  // translations for the address, structure entries for any
  };
  static constexpr std::uint8_t kNothing = 0;
  static constexpr std::uint8_t kLinear = 1U << static_cast<unsigned>(MappingKind::kLinear);
  static constexpr std::uint8_t kGuestPhysical =
      1U << static_cast<unsigned>(MappingKind::kGuestPhysical);
  static constexpr std::uint8_t kCombined = 1U << static_cast<unsigned>(MappingKind::kCombined);

  std::uint8_t kinds = kNothing;
  Range range = Range::kEverything;
  Context context = Context::kAny;
  Match pcid = Match::kAny;
  Match ep4ta = Match::kAny;
  Globals globals = Globals::kDropped;
};

const InvalidationRule& rule_of(InvalidateOp op, TagRules rules);

struct InvalidationCount {
  std::size_t dropped = 0;
  std::size_t collateral = 0;  // of those, what extent exact would have kept
};

// One invalidation, ready to be held against many entries.
class InvalidationScope {
 public:
  explicit InvalidationScope(const Invalidation& invalidation,
                             InvalidateExtent extent = InvalidateExtent::kExact);

  // Counts the entry if it is to be dropped.
  bool drops(const EntryKey& key, InvalidationCount& count) const {
    const bool exact = must_drop(key);
    if (!exact && !(is_broad_ && concerns(key.kind))) {
      return false;
    }
    ++count.dropped;
    count.collateral += exact ? 0 : 1;
    return true;
  }

  // What extent exact drops.
  [[nodiscard]] bool must_drop(const EntryKey& key) const {
    const auto kind = static_cast<unsigned>(key.kind);
    if (((rule_.kinds >> kind) & 1U) == 0) {
      return false;
    }
    const bool translation = key.entry_class == EntryClass::kTranslation;
    if (rule_.range == InvalidationRule::Range::kAddress ||
        (rule_.range == InvalidationRule::Range::kAddressAnyStructure && translation)) {
      if (!key.is_named_by(address_[kind])) {
        return false;
      }
    }
    return tags_match(key, tags_[kind]);
  }

  [[nodiscard]] bool drops_nothing() const { return rule_.kinds == InvalidationRule::kNothing; }
  // No translation is dropped but those that an address names.
  [[nodiscard]] bool is_by_address() const {
    return !is_broad_ && rule_.range != InvalidationRule::Range::kEverything;
  }
  // The address by which entries of this kind are named.
  [[nodiscard]] std::uint64_t address(MappingKind kind) const {
    return address_[static_cast<unsigned>(kind)];
  }
  // Table words kept by their physical address have neither tags nor an input address: every
  // operation that may drop any mapping made from words of this stage drops them all, whatever the
  // extent.
  [[nodiscard]] bool drops_words(Stage stage) const;

 private:
  [[nodiscard]] bool concerns(MappingKind kind) const;
  [[nodiscard]] bool tags_match(const EntryKey& key, const Tags& wanted) const;

  InvalidationRule rule_;
  bool is_broad_ = false;
  std::array<Tags, 3> tags_;              // by kind
  std::array<std::uint64_t, 3> address_;  // by kind
};

inline bool drops(const Invalidation& invalidation, const EntryKey& key) {
  return InvalidationScope(invalidation).must_drop(key);
}

}  // namespace nestwalk
