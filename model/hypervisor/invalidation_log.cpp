#include "model/hypervisor/invalidation_log.h"

#include <algorithm>

#include "model/arch/bits.h"
#include "model/arch/paging_format.h"

namespace nestwalk {
namespace {

bool is_same_operation(const Invalidation& a, const Invalidation& b) {
  return a.op == b.op && a.rules == b.rules && a.tags == b.tags && a.vpid_enabled == b.vpid_enabled;
}

std::uint64_t page_of(Gva address) {
  return address.value() >> kSmallPageBits;
}

}  // namespace

void InvalidationLog::add(std::uint64_t event, const Invalidation& invalidation) {
  const bool is_by_address = names_an_address(invalidation.op);
  if (!is_by_address || invalidation.op == InvalidateOp::kInvlpg) {
    const auto known =
        std::find_if(whole_.begin(), whole_.end(), [&](const LoggedInvalidation& logged) {
          return is_same_operation(logged.invalidation, invalidation);
        });
    if (known == whole_.end()) {
      whole_.push_back({event, invalidation});
    } else {
      *known = {event, invalidation};
    }
  }
  if (!is_by_address) {
    return;
  }
  add(by_address_, {event, invalidation});
  if (invalidation.op != InvalidateOp::kInvlpg) {
    add(by_prefix_, {event, invalidation});
  }
}

void InvalidationLog::add(ByPage& map, const LoggedInvalidation& logged) {
  const std::uint64_t page = page_of(logged.invalidation.address);
  const auto [first, last] = map.equal_range(page);
  for (auto it = first; it != last; ++it) {
    if (is_same_operation(it->second.invalidation, logged.invalidation) &&
        it->second.invalidation.gpa == logged.invalidation.gpa) {
      it->second = logged;
      return;
    }
  }
  map.emplace(page, logged);
}

template <class Visit>
void InvalidationLog::for_each_in(const ByPage& map, Gva address, unsigned bits,
                                  std::uint64_t since, Visit&& visit) {
  if (map.empty()) {
    return;
  }
  const std::uint64_t first = address.page(bits).value() >> kSmallPageBits;
  const std::uint64_t last = first + (bit(bits - kSmallPageBits) - 1);
  for (auto it = map.lower_bound(first); it != map.end() && it->first <= last; ++it) {
    if (it->second.event > since) {
      visit(it->second);
    }
  }
}

template <class Visit>
void InvalidationLog::for_each_candidate(const CachedUse& use, std::uint64_t since,
                                         Visit&& visit) const {
  for (const LoggedInvalidation& logged : whole_) {
    if (logged.event > since) {
      visit(logged);
    }
  }
  unsigned bits = kSmallPageBits;
  for (const std::uint8_t page_bits : {use.guest_page_bits, use.host_page_bits}) {
    bits = page_bits == kNoPageBits ? bits : std::max<unsigned>(bits, page_bits);
  }
  for_each_in(by_address_, use.address, bits, since, visit);
  for_each_in(by_prefix_, use.address, std::max<unsigned>(use.structure_bits, bits), since, visit);
}

DropVerdict InvalidationLog::completed_drop(const CachedUse& use, std::uint64_t since,
                                            CachedKinds kinds) const {
  struct Drop {
    const LoggedInvalidation* logged;
    Cover cover;
  };
  std::vector<Drop> drops;
  for_each_candidate(use, since, [&](const LoggedInvalidation& logged) {
    const Cover cover = cover_of(logged.invalidation, use);
    if (cover != Cover{}) {
      drops.push_back({&logged, cover});
    }
  });
  std::sort(drops.begin(), drops.end(),
            [](const Drop& a, const Drop& b) { return a.logged->event < b.logged->event; });
  DropVerdict verdict;
  for (const Drop& drop : drops) {
    kinds.guest_physical &= !drop.cover.guest_physical;
    kinds.structures &= kinds.guest_physical || !drop.cover.structures;
    const bool is_closed = !kinds.guest_physical && !kinds.structures;
    if (is_closed && !verdict.closed) {
      verdict.closed = drop.logged->event;
    }
    kinds.translation &= !is_closed || !drop.cover.translation;
    if (!kinds.translation) {
      verdict.dropped = *drop.logged;
      return verdict;
    }
  }
  return verdict;
}

std::optional<LoggedInvalidation> InvalidationLog::last_since(std::uint64_t since) const {
  std::optional<LoggedInvalidation> last;
  const auto consider = [&](const LoggedInvalidation& logged) {
    if (logged.event > since && (!last || logged.event > last->event)) {
      last = logged;
    }
  };
  for (const LoggedInvalidation& logged : whole_) {
    consider(logged);
  }
  for (const auto& [page, logged] : by_address_) {
    consider(logged);
  }
  return last;
}

void InvalidationLog::forget_before(std::uint64_t event) {
  std::erase_if(whole_, [event](const LoggedInvalidation& l) { return l.event < event; });
  const auto is_older = [event](const auto& item) { return item.second.event < event; };
  std::erase_if(by_address_, is_older);
  std::erase_if(by_prefix_, is_older);
}

void InvalidationLog::clear() {
  whole_.clear();
  by_address_.clear();
  by_prefix_.clear();
}

}  // namespace nestwalk
