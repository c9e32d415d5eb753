// TLB levels as lists that are searched in order: what TlbHierarchy is held against. Written from
// the pages of the reference, with nothing of lookup's in it but the parameters. Every array is
// LRU; the list of an array runs from the least to the most recently used.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <ostream>
#include <utility>
#include <vector>

#include "model/arch/access.h"
#include "model/params/machine.h"

namespace nestwalk::lookup_test {

struct NaivePage {
  unsigned guest_bits = 12;
  unsigned host_bits = 12;
  unsigned pcid = 0;
  bool global = false;
  std::uint64_t content = 0;  // tells one walk's result from another's

  bool is_splintered() const { return host_bits < guest_bits; }
  unsigned bits() const { return std::min(guest_bits, host_bits); }
  auto operator<=>(const NaivePage&) const = default;
};

struct NaiveEntry {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  NaivePage page;

  std::uint64_t size() const { return last - first + 1; }
  bool holds(std::uint64_t address) const { return first <= address && address <= last; }
  bool meets(const NaiveEntry& other) const {
    return first <= other.last && other.first <= last &&
           (page.global || other.page.global || page.pcid == other.page.pcid);
  }
  auto operator<=>(const NaiveEntry&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const NaiveEntry& e) {
    return out << std::hex << "[" << e.first << " to " << e.last << std::dec << ", page "
               << e.page.guest_bits << "/" << e.page.host_bits << ", pcid " << e.page.pcid
               << (e.page.global ? " global" : "") << ", walk " << e.page.content << "]";
  }
};

inline std::pair<std::uint64_t, std::uint64_t> naive_block(std::uint64_t address,
                                                           std::uint64_t size) {
  return {address / size * size, address / size * size + (size - 1)};
}

class NaiveTlb {
 public:
  explicit NaiveTlb(const TlbParams& p) {
    take(12, p.page_4k);
    take(12, p.beside, 3);
    take(21, p.unified_2m ? p.page_4k : p.page_2m, p.unified_2m ? 0 : 1);
    if (p.beside_1g && !p.unified_1g) {
      take(30, p.beside, 3);
    } else {
      take(30, p.unified_1g ? p.page_4k : p.page_1g, p.unified_1g ? 0 : 2);
    }
    keeps_pieces_ = p.keep_pieces;
  }

  // The size that a page of so many bits is kept in; 0: not at all.
  std::uint64_t kept_size(unsigned bits) const {
    std::uint64_t size = 0;
    for (const Home& home : homes_) {
      size = home.bits <= bits ? std::uint64_t{1} << home.bits : size;
    }
    return keeps_pieces_ || size == std::uint64_t{1} << bits ? size : 0;
  }

  std::optional<NaiveEntry> find(std::uint64_t address, unsigned pcid) const {
    for (const Kept& kept : kept_) {
      if (kept.entry.holds(address) && (kept.entry.page.global || kept.entry.page.pcid == pcid)) {
        return kept.entry;
      }
    }
    return std::nullopt;
  }
  void use(const NaiveEntry& entry) {
    const auto found =
        std::find_if(kept_.begin(), kept_.end(), [&](const Kept& k) { return k.entry == entry; });
    std::rotate(found, found + 1, kept_.end());
  }

  // Returns what was lost: the entries it overlapped, and the victim.
  struct Lost {
    std::vector<NaiveEntry> replaced;
    std::optional<NaiveEntry> victim;
  };
  Lost put(const NaiveEntry& entry) {
    Lost lost;
    lost.replaced = drop_if([&](const NaiveEntry& e) { return e.meets(entry); });
    const Home& home = home_of(entry);
    const Kept kept{entry, home.array, set_of(entry, home)};
    const auto same_set = [&](const Kept& k) { return k.array == kept.array && k.set == kept.set; };
    if (is_full(entry, home)) {
      const auto oldest = std::find_if(kept_.begin(), kept_.end(), same_set);
      lost.victim = oldest->entry;
      kept_.erase(oldest);
    }
    kept_.push_back(kept);
    return lost;
  }

  template <class Drop>
  std::vector<NaiveEntry> drop_if(Drop drop) {
    std::vector<NaiveEntry> dropped;
    for (std::size_t i = 0; i < kept_.size();) {
      if (drop(kept_[i].entry)) {
        dropped.push_back(kept_[i].entry);
        kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(i));
      } else {
        ++i;
      }
    }
    return dropped;
  }

  std::vector<NaiveEntry> sorted() const {
    std::vector<NaiveEntry> entries;
    for (const Kept& kept : kept_) {
      entries.push_back(kept.entry);
    }
    std::sort(entries.begin(), entries.end());
    return entries;
  }

 private:
  struct Home {
    unsigned bits;
    unsigned array;
    std::uint64_t sets;
    unsigned ways;
    bool folds;
  };
  struct Kept {
    NaiveEntry entry;
    unsigned array;
    std::uint64_t set;
  };

  void take(unsigned bits, const ArrayParams& p, unsigned array = 0) {
    if (p.entries != 0) {
      const unsigned ways = p.ways == 0 ? p.entries : p.ways;
      homes_.push_back({bits, array, p.entries / ways, ways, p.index == SetIndex::kXorFold});
    }
  }
  const Home& home_of(const NaiveEntry& entry) {
    std::vector<const Home*> fitting;
    for (const Home& home : homes_) {
      if (std::uint64_t{1} << home.bits == entry.size()) {
        fitting.push_back(&home);
      }
    }
    for (const Home* home : fitting) {
      if (fitting.size() == 1 || !is_full(entry, *home)) {
        return *home;
      }
    }
    last_went_beside_ = !last_went_beside_;
    return *fitting[last_went_beside_ ? 1 : 0];
  }
  static std::uint64_t set_of(const NaiveEntry& entry, const Home& home) {
    const std::uint64_t number = entry.first / entry.size();
    return home.folds ? (number % home.sets) ^ (number / home.sets % home.sets)
                      : number % home.sets;
  }
  bool is_full(const NaiveEntry& entry, const Home& home) const {
    return static_cast<unsigned>(std::count_if(kept_.begin(), kept_.end(), [&](const Kept& k) {
             return k.array == home.array && k.set == set_of(entry, home);
           })) == home.ways;
  }

  bool keeps_pieces_ = true;
  bool last_went_beside_ = false;  // of those that found both full
  std::vector<Home> homes_;
  std::vector<Kept> kept_;
};

class NaiveHierarchy {
 public:
  explicit NaiveHierarchy(const MmuParams& p)
      : inclusion_(p.inclusion),
        refuses_(p.splintering == Splintering::kRefuse),
        is_broad_(p.invalidate == InvalidateExtent::kBroad),
        tlbs_{NaiveTlb(p.l1_itlb), NaiveTlb(p.l1_dtlb), NaiveTlb(p.store_tlb), NaiveTlb(p.l2_itlb),
              NaiveTlb(p.l2_tlb)},
        has_store_tlb_(p.store_tlb.is_present()),
        has_l2_itlb_(p.l2_itlb.is_present()) {}

  // 1 or 2: the level that hit; 0: `walked` was entered. The content that was found is in *content.
  unsigned access(std::uint64_t address, AccessType type, const NaivePage& walked,
                  std::uint64_t* content) {
    NaiveTlb& l1 = tlbs_[first_of(type)];
    NaiveTlb& l2 = tlbs_[second_of(type)];
    *content = walked.content;
    if (const auto hit = l1.find(address, walked.pcid)) {
      *content = hit->page.content;
      l1.use(*hit);
      return 1;
    }
    const auto hit = l2.find(address, walked.pcid);
    if (!hit) {
      enter(type, address, walked);
      return 0;
    }
    *content = hit->page.content;
    l2.use(*hit);
    NaivePage page = hit->page;
    page.pcid = walked.pcid;  // of a global entry: whoever brings it up
    if (inclusion_ == TlbInclusion::kExclusive) {
      if (l1.kept_size(hit->page.bits()) >= hit->size()) {
        l2.drop_if([&](const NaiveEntry& e) { return e == *hit; });
      }
      put_first(type, address, page);
    } else if (const auto entry = made_for(l1, address, page)) {
      l1.put(*entry);
    }
    return 2;
  }

  void invlpg(std::uint64_t address, unsigned pcid) {
    const auto named = [&](const NaiveEntry& e) {
      const std::uint64_t page = std::uint64_t{1} << e.page.guest_bits;
      const auto block = naive_block(e.first, std::max(page, e.size()));
      return is_broad_ || (block.first <= address && address <= block.second &&
                           (e.page.global || e.page.pcid == pcid));
    };
    for (NaiveTlb& tlb : tlbs_) {
      tlb.drop_if(named);
    }
  }

  unsigned first_of(AccessType type) const {
    return type == AccessType::kFetch ? 0 : type == AccessType::kWrite && has_store_tlb_ ? 2 : 1;
  }
  unsigned second_of(AccessType type) const {
    return type == AccessType::kFetch && has_l2_itlb_ ? 3 : 4;
  }
  // L1 I, L1 D, store, L2 I, L2.
  const NaiveTlb& tlb(unsigned index) const { return tlbs_[index]; }

 private:
  static std::optional<NaiveEntry> made_for(const NaiveTlb& tlb, std::uint64_t address,
                                            const NaivePage& page) {
    const std::uint64_t size = tlb.kept_size(page.bits());
    if (size == 0) {
      return std::nullopt;
    }
    const auto block = naive_block(address, size);
    return NaiveEntry{block.first, block.second, page};
  }

  void enter(AccessType type, std::uint64_t address, const NaivePage& page) {
    NaiveTlb& l1 = tlbs_[first_of(type)];
    NaiveTlb& l2 = tlbs_[second_of(type)];
    const auto low = made_for(l1, address, page);
    const auto high = second_refuses(page) ? std::nullopt : made_for(l2, address, page);
    if (inclusion_ == TlbInclusion::kExclusive) {
      if (high && (!low || high->size() > low->size())) {
        l2.put(*high);
      } else if (low) {
        l2.drop_if([&](const NaiveEntry& e) { return e.meets(*low); });
      }
      put_first(type, address, page);
      return;
    }
    if (high) {
      const NaiveTlb::Lost lost = l2.put(*high);
      if (inclusion_ == TlbInclusion::kInclusive) {
        drop_first(type, lost, *high);
      }
    }
    if (low) {
      l1.put(*low);
    }
  }

  bool second_refuses(const NaivePage& page) const { return refuses_ && page.is_splintered(); }

  void drop_first(AccessType asker, const NaiveTlb::Lost& lost, const NaiveEntry& made) {
    NaiveEntry around = made;
    for (const NaiveEntry& e : lost.replaced) {
      around.first = std::min(around.first, e.first);
      around.last = std::max(around.last, e.last);
    }
    for (const AccessType type : {AccessType::kRead, AccessType::kWrite, AccessType::kFetch}) {
      if (second_of(type) != second_of(asker)) {
        continue;
      }
      tlbs_[first_of(type)].drop_if([&](const NaiveEntry& e) {
        return (lost.victim && e.meets(*lost.victim)) ||
               (!lost.replaced.empty() && e.meets(around));
      });
    }
  }

  void put_first(AccessType type, std::uint64_t address, const NaivePage& page) {
    NaiveTlb& l1 = tlbs_[first_of(type)];
    NaiveTlb& l2 = tlbs_[second_of(type)];
    const auto entry = made_for(l1, address, page);
    if (!entry) {
      return;
    }
    const auto victim = l1.put(*entry).victim;
    if (!victim || second_refuses(victim->page)) {
      return;
    }
    const unsigned bits = victim->size() == 1U << 12 ? 12 : victim->size() == 1U << 21 ? 21 : 30;
    const auto covering = l2.find(victim->first, victim->page.pcid);
    if (l2.kept_size(bits) == victim->size() && (!covering || covering->size() <= victim->size())) {
      l2.put(*victim);
    }
  }

  TlbInclusion inclusion_;
  bool refuses_;
  bool is_broad_;
  NaiveTlb tlbs_[5];
  bool has_store_tlb_;
  bool has_l2_itlb_;
};

}  // namespace nestwalk::lookup_test
