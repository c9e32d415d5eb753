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

struct DropVerdict {
  // After this event translations alone may still hold it: none was made from it any more. An
  // operation, for a walk under way goes on with what it has read until one ends it.
  std::optional<std::uint64_t> closed;
  std::optional<LoggedInvalidation> dropped;
};

class InvalidationLog {
 public:
  void add(std::uint64_t event, const Invalidation& invalidation);

  // Whether what was cached before `since` has been dropped, in an order in which nothing could be
  // filled from what was dropped later.
  [[nodiscard]] DropVerdict completed_drop(const CachedUse& use, std::uint64_t since,
                                           CachedKinds kinds) const;
  // The last operation since then, whatever it covers.
  [[nodiscard]] std::optional<LoggedInvalidation> last_since(std::uint64_t since) const;

  // Forgets what is older than any old word.
  void forget_before(std::uint64_t event);
  void clear();
  [[nodiscard]] std::size_t size() const {
    return whole_.size() + by_address_.size() + by_prefix_.size();
  }

 private:
  using ByPage = std::multimap<std::uint64_t, LoggedInvalidation>;
  static void add(ByPage& map, const LoggedInvalidation& logged);
  // Calls visit for those since then that name an address of the block of 2^bits bytes.
  template <class Visit>
  static void for_each_in(const ByPage& map, Gva address, unsigned bits, std::uint64_t since,
                          Visit&& visit);
  template <class Visit>
  void for_each_candidate(const CachedUse& use, std::uint64_t since, Visit&& visit) const;

  std::vector<LoggedInvalidation> whole_;  // without an address; INVLPG for its structures
  // By page of 4K of the linear address; several operations may name one page.
  ByPage by_address_;
  // Of these, those that drop the structures of the address alone.
  ByPage by_prefix_;
};

}  // namespace nestwalk
