// Random sequences of fills, lookups and invalidations against a model that is a list of entries
// with their first and last addresses, searched in order.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "model/lookup/tlb.h"
#include "model/lookup/walk_cache.h"
#include "tests/support/test_random.h"
#include "tests/unit/lookup_matrix.h"

namespace nestwalk {
namespace {

using lookup_test::EntryFacts;
using lookup_test::expected_drop;
using lookup_test::matrix;
using lookup_test::MatrixRow;

// Two ends of the address space, a few pages of every size in each.
std::uint64_t random_address(SplitMix64& random) {
  const std::uint64_t base = random.percent(50) ? 0 : 0xffff'ffff'8000'0000;
  return base + (random.below(2) << 30) +
         (random.percent(50) ? random.below(3) << 21 : 510U << 21) +
         (random.percent(50) ? random.below(3) << 12 : 511U << 12) + random.below(0x1000);
}

Tags random_tags(SplitMix64& random, TagRules rules) {
  Tags tags;
  tags.pcid = Pcid{static_cast<std::uint16_t>(random.below(2))};
  if (rules == TagRules::kAmd) {
    tags.asid = Asid{static_cast<std::uint32_t>(random.below(2))};
  } else {
    tags.vpid = Vpid{static_cast<std::uint16_t>(random.below(2))};
    tags.ep4ta = Ep4ta{random.below(2) * 0x1000 + 0x1000};
  }
  return tags;
}

Tags used_by(MappingKind kind, Tags tags) {
  if (kind == MappingKind::kLinear) {
    tags.ep4ta = {};
  } else if (kind == MappingKind::kGuestPhysical) {
    tags.vpid = {};
    tags.pcid = {};
  }
  return tags;
}

struct Range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  bool holds(std::uint64_t address) const { return first <= address && address <= last; }
  bool meets(const Range& other) const { return first <= other.last && other.first <= last; }
};

Range block(std::uint64_t address, unsigned bits) {
  const std::uint64_t size = std::uint64_t{1} << bits;
  const std::uint64_t first = address / size * size;
  return {first, first + (size - 1)};
}

struct ModelEntry {
  EntryFacts facts;  // is_named is set for each operation
  Range covers;
  Range page;
  std::uint64_t set = 0;  // of all arrays
  std::uint64_t payload = 0;

  bool serves(MappingKind kind, const Tags& tags, std::uint64_t address) const {
    Tags mine = facts.tags;
    if (facts.global) {
      mine.pcid = tags.pcid;
    }
    return facts.kind == kind && mine == tags && covers.holds(address);
  }
};

// Oldest use first.
class ModelList {
 public:
  const ModelEntry* use(MappingKind kind, const Tags& tags, std::uint64_t address) {
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const ModelEntry& e) {
      return e.serves(kind, tags, address);
    });
    if (found == entries_.end()) {
      return nullptr;
    }
    std::rotate(found, found + 1, entries_.end());
    return &entries_.back();
  }

  void use_payload(std::uint64_t payload) {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const ModelEntry& e) { return e.payload == payload; });
    std::rotate(found, found + 1, entries_.end());
  }

  void fill(const ModelEntry& entry, std::size_t ways) {
    drop_if([&](const ModelEntry& e) {
      Tags mine = e.facts.tags;
      if (e.facts.global || entry.facts.global) {
        mine.pcid = entry.facts.tags.pcid;
      }
      return e.facts.kind == entry.facts.kind && e.facts.entry_class == entry.facts.entry_class &&
             mine == entry.facts.tags && e.covers.meets(entry.covers) &&
             (e.facts.entry_class == EntryClass::kTranslation ||
              e.covers.last - e.covers.first == entry.covers.last - entry.covers.first);
    });
    const auto in_set = [&](const ModelEntry& e) { return e.set == entry.set; };
    if (static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), in_set)) == ways) {
      entries_.erase(std::find_if(entries_.begin(), entries_.end(), in_set));
    }
    entries_.push_back(entry);
  }

  std::size_t invalidate(const MatrixRow& row, const Invalidation& op) {
    return drop_if([&](ModelEntry& e) {
      e.facts.is_named = e.page.holds(
          e.facts.kind == MappingKind::kGuestPhysical ? op.gpa.value() : op.address.value());
      return expected_drop(row, op.tags, e.facts);
    });
  }

  const std::vector<ModelEntry>& entries() const { return entries_; }

 private:
  template <class Drop>
  std::size_t drop_if(Drop drop) {
    const std::size_t before = entries_.size();
    entries_.erase(std::remove_if(entries_.begin(), entries_.end(), drop), entries_.end());
    return before - entries_.size();
  }

  std::vector<ModelEntry> entries_;
};

MatrixRow random_row(SplitMix64& random, TagRules rules) {
  for (;;) {
    const MatrixRow& row = matrix()[random.below(matrix().size())];
    if (row.rules == rules) {
      return row;
    }
  }
}

Invalidation random_invalidation(SplitMix64& random, const MatrixRow& row) {
  Invalidation op;
  op.op = row.op;
  op.rules = row.rules;
  op.tags = random_tags(random, row.rules);
  op.address = Gva(random_address(random));
  op.gpa = Gpa(random_address(random));
  op.vpid_enabled = row.vpid_enabled;
  return op;
}

// Where a TLB of the parameters below keeps an entry of each size: array 0 to 2, or nowhere.
struct TlbShape {
  TlbParams params;
  int array_2m;
  int array_1g;
};

std::vector<TlbShape> tlb_shapes() {
  std::vector<TlbShape> shapes;
  TlbParams params;
  params.page_4k = {8, 2};
  params.page_2m = {4, 2};
  params.page_1g = {2, 0};
  shapes.push_back({params, 1, 2});
  params.unified_2m = true;
  params.page_4k = {12, 4};  // three sets
  params.page_1g = {};
  shapes.push_back({params, 0, -1});
  params.unified_1g = true;
  params.page_4k = {8, 0};
  shapes.push_back({params, 0, 0});
  params.unified_2m = params.unified_1g = false;
  params.page_4k = {20, 10};
  params.page_2m = {};
  shapes.push_back({params, -1, -1});
  return shapes;
}

class RandomTlb {
 public:
  RandomTlb(const TlbShape& shape, TagRules rules, std::uint64_t seed)
      : shape_(shape), rules_(rules), random_(seed), tlb_(shape.params) {}

  void step() {
    const std::uint64_t address = random_address(random_);
    const MappingKind kind = random_.percent(30) ? MappingKind::kLinear : MappingKind::kCombined;
    const Tags tags = random_tags(random_, rules_);
    const std::uint64_t choice = random_.below(100);
    if (choice < 45) {
      lookup(address, kind, tags);
    } else if (choice < 90) {
      fill(address, kind, tags);
    } else {
      const MatrixRow row = random_row(random_, rules_);
      const Invalidation op = random_invalidation(random_, row);
      ASSERT_EQ(tlb_.invalidate(op), model_.invalidate(row, op)) << describe_row(row);
    }
    const TlbStats& s = tlb_.stats();
    ASSERT_EQ(s.lookups, s.hits + s.misses);
    ASSERT_EQ(s.fills, s.evictions + s.replaced + s.invalidated + tlb_.size());
    ASSERT_EQ(tlb_.size(), model_.entries().size());
  }

  void compare() const {
    using Line = std::tuple<std::uint64_t, Tags, MappingKind, bool, std::uint64_t>;
    std::vector<Line> expected;
    std::vector<Line> cached;
    for (const ModelEntry& e : model_.entries()) {
      expected.emplace_back(e.covers.first, e.facts.tags, e.facts.kind, e.facts.global, e.payload);
    }
    tlb_.for_each([&](const TlbEntry& e) {
      cached.emplace_back(e.key.address, e.key.tags, e.key.kind, e.key.global,
                          e.payload.hpa.value());
    });
    std::sort(expected.begin(), expected.end());
    std::sort(cached.begin(), cached.end());
    ASSERT_EQ(cached, expected);
  }

 private:
  void lookup(std::uint64_t address, MappingKind kind, const Tags& tags) {
    const auto found = tlb_.lookup(Gva(address), kind, tags);
    const ModelEntry* const expected = model_.use(kind, used_by(kind, tags), address);
    ASSERT_EQ(found.has_value(), expected != nullptr);
    if (expected != nullptr) {
      ASSERT_EQ(found->hpa.value(), expected->payload + (address - expected->covers.first));
    }
  }

  void fill(std::uint64_t address, MappingKind kind, const Tags& tags) {
    static constexpr std::uint8_t kGuestBits[] = {12, 12, 21, 22, 30, kNoPageBits};
    static constexpr std::uint8_t kHostBits[] = {12, 12, 21, 30};
    Translation t;
    t.guest_page_bits = kGuestBits[random_.below(6)];
    t.host_page_bits = kind == MappingKind::kCombined ? kHostBits[random_.below(4)] : kNoPageBits;
    t.global = random_.percent(25);
    const unsigned smaller = std::min(t.guest_page_bits, t.host_page_bits);
    const unsigned page_bits = smaller == kNoPageBits ? 12 : smaller;
    t.hpa = Hpa((random_.below(1000) << 31) + (address & ((std::uint64_t{1} << page_bits) - 1)));
    tlb_.fill(Gva(address), t, kind, tags);

    const auto& p = shape_.params;
    unsigned span = 12;
    int array = 0;
    if (page_bits >= 30 && shape_.array_1g >= 0) {
      span = 30;
      array = shape_.array_1g;
    } else if (page_bits >= 21 && shape_.array_2m >= 0) {
      span = 21;
      array = shape_.array_2m;
    }
    const ArrayParams& own = array == 0 ? p.page_4k : array == 1 ? p.page_2m : p.page_1g;
    const std::uint64_t ways = own.ways == 0 ? own.entries : own.ways;
    ModelEntry entry;
    entry.facts.kind = kind;
    entry.facts.tags = used_by(kind, tags);
    entry.facts.global = t.global;
    entry.covers = block(address, span);
    const unsigned named = t.guest_page_bits != kNoPageBits  ? t.guest_page_bits
                           : t.host_page_bits != kNoPageBits ? t.host_page_bits
                                                             : 12U;
    entry.page = block(address, named);
    entry.set = static_cast<std::uint64_t>(array) * 1000 +
                entry.covers.first / (std::uint64_t{1} << span) % (own.entries / ways);
    entry.payload = t.hpa.value() - (address - entry.covers.first);
    model_.fill(entry, ways);
  }

  TlbShape shape_;
  TagRules rules_;
  SplitMix64 random_;
  Tlb tlb_;
  ModelList model_;
};

TEST(Tlb, AgreesWithAListOverRandomSequences) {
  std::uint64_t seed = 0x5eed0003;
  for (const TlbShape& shape : tlb_shapes()) {
    for (const TagRules rules : {TagRules::kIntel, TagRules::kAmd}) {
      SCOPED_TRACE("seed " + std::to_string(++seed));
      RandomTlb run(shape, rules, seed);
      for (int step = 0; step < 8000; ++step) {
        run.step();
        if (step % 20 == 0) {
          run.compare();
        }
        if (HasFatalFailure()) {
          FAIL() << "step " << step;
        }
      }
    }
  }
}

TEST(WalkCache, AgreesWithAListOverRandomSequences) {
  std::uint64_t seed = 0x5eed0103;
  for (const bool unified : {false, true}) {
    for (const PwcSharing sharing : {PwcSharing::kSplit, PwcSharing::kShared}) {
      for (const TagRules rules : {TagRules::kIntel, TagRules::kAmd}) {
        SCOPED_TRACE("seed " + std::to_string(++seed));
        SplitMix64 random(seed);
        PwcParams params;
        params.organisation = unified ? PwcOrganisation::kUnified : PwcOrganisation::kPerLevel;
        params.sharing = sharing;
        params.level_2 = params.level_3 = params.level_4 = params.unified = {6, 2};
        WalkCache pwc(params);
        ModelList model;
        for (int step = 0; step < 4000; ++step) {
          const bool host = random.percent(40);
          PwcQuery query;
          query.stage = host ? Stage::kHost : Stage::kGuest;
          query.kind = host                 ? MappingKind::kGuestPhysical
                       : random.percent(30) ? MappingKind::kLinear
                                            : MappingKind::kCombined;
          query.address = random_address(random);
          query.tags = random_tags(random, rules);
          query.format = &format_of(host ? FormatId::kEptFourLevel : FormatId::kX86FourLevel);
          const Tags used = used_by(query.kind, query.tags);
          const std::uint64_t choice = random.below(100);
          if (choice < 45) {
            // The deepest match of all, in the order of levels.
            const ModelEntry* deepest = nullptr;
            for (const ModelEntry& e : model.entries()) {
              if (e.serves(query.kind, used, query.address) &&
                  (deepest == nullptr || e.covers.first > deepest->covers.first ||
                   e.covers.last < deepest->covers.last)) {
                deepest = &e;
              }
            }
            const std::optional<std::uint64_t> expected =
                deepest == nullptr ? std::nullopt : std::optional(deepest->payload);
            const auto found = pwc.lookup(query);
            ASSERT_EQ(found.has_value(), expected.has_value()) << step;
            if (found) {
              ASSERT_EQ(found->base, *expected) << step;
              model.use_payload(*expected);
            }
          } else if (choice < 90) {
            const auto level = static_cast<unsigned>(2 + random.below(3));
            Resume resume;
            resume.next_level = static_cast<std::uint8_t>(level - 1);
            resume.base = (static_cast<std::uint64_t>(step) + 1) << 12;
            pwc.fill(query, level, resume);
            ModelEntry entry;
            entry.facts.kind = query.kind;
            entry.facts.entry_class = EntryClass::kStructure;
            entry.facts.tags = used;
            entry.covers = entry.page = block(query.address, 3 + 9 * level);
            const std::uint64_t unit = sharing == PwcSharing::kSplit && host ? 1 : 0;
            entry.set = (unit * 10 + (unified ? 0 : level)) * 10 +
                        query.address / (std::uint64_t{1} << (3 + 9 * level)) % 3;
            entry.payload = resume.base;
            model.fill(entry, 2);
          } else {
            const MatrixRow row = random_row(random, rules);
            const Invalidation op = random_invalidation(random, row);
            ASSERT_EQ(pwc.invalidate(op), model.invalidate(row, op)) << describe_row(row);
          }
          ASSERT_EQ(pwc.size(), model.entries().size()) << step;
        }
      }
    }
  }
}

}  // namespace
}  // namespace nestwalk
