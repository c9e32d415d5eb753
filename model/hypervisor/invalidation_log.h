// The invalidations that one core has acknowledged, as far as an old table word may still want to
// know of them. Of equal operations only the last is kept: it covers no less.
//
//   log.add(event, invalidation);
//   log.is_unusable({use, event, needs}) ;   // nothing made before may be used any more
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/arch/invalidation.h"
#include "model/hypervisor/invalidation_cover.h"

namespace nestwalk {

// Which kinds of cached entries an old table word may live in. A kind that is dropped may be filled
// again from the ones before it: guest-physical, then structures, then translations.
struct CachedKinds {
  bool guest_physical = false;
  bool structures = false;
  bool translation = true;
};

struct LoggedInvalidation {
  std::uint64_t event = 0;
  Invalidation invalidation;
};

class InvalidationLog {
 public:
  void add(std::uint64_t event, const Invalidation& invalidation);

  // Whether everything that was cached before `since` has been dropped, in an order in which
  // nothing could be filled from what was dropped later. The operation that completed it, if so.
  [[nodiscard]] std::optional<LoggedInvalidation> completed_drop(const CachedUse& use,
                                                                 std::uint64_t since,
                                                                 CachedKinds kinds) const;
  // The last operation since then, whatever it covers.
  [[nodiscard]] std::optional<LoggedInvalidation> last_since(std::uint64_t since) const;

  // Forgets what is older than any old word.
  void forget_before(std::uint64_t event);
  void clear();
  [[nodiscard]] std::size_t size() const { return whole_.size() + by_address_.size(); }

 private:
  template <class Visit>
  void for_each_candidate(const CachedUse& use, std::uint64_t since, Visit&& visit) const;

  std::vector<LoggedInvalidation> whole_;  // without an address; INVLPG for its structures
  // By page of 4K of the linear address; several operations may name one page.
  std::multimap<std::uint64_t, LoggedInvalidation> by_address_;
};

}  // namespace nestwalk
