// Who wants to hear of every translation that an MMU gives, of every walk that may leave something
// cached, and of invalidations. Without an observer an MMU pays nothing on its fastest path.
//
//   mmu.set_observer(&checker_probe, core);
//
// An observer changes nothing; what it is told is over when the call is made.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "model/arch/access.h"
#include "model/arch/invalidation.h"
#include "model/arch/translation.h"
#include "model/walk/context.h"

namespace nestwalk {

// The structure that a translation came from.
enum class TranslationPath : std::uint8_t {
  kFirstLevel,  // a first-level TLB
  kSecondLevel,
  kWalk,
  kMergedMiss,     // the walk of another access to the same page
  kPrefetch,       // a walk ahead of any access, for a TLB to keep
  kDirectPointer,  // a pointer to memory that was handed out before
};
inline constexpr unsigned kNumTranslationPaths = 6;

inline constexpr std::array<std::string_view, kNumTranslationPaths> kTranslationPathNames = {
    "first-level TLB", "second-level TLB", "walk",
    "merged miss",     "prefetch walk",    "direct memory pointer"};

constexpr std::string_view name_of(TranslationPath path) {
  return kTranslationPathNames[static_cast<unsigned>(path)];
}

// The context of an access, with a number that changes whenever the context of this core does.
struct ObservedContext {
  unsigned core = 0;
  std::uint64_t version = 0;
  const WalkContext& context;
};

class TranslationObserver {
 public:
  virtual ~TranslationObserver() = default;
  // A walk begins, or has ended in a fault: what it reads may be cached.
  virtual void on_walk(const ObservedContext& where, const Access& access) = 0;
  virtual void on_translation(const ObservedContext& where, const Access& access,
                              const Translation& translation, TranslationPath path) = 0;
  // From here on nothing that the operation covers is used on this core.
  virtual void on_acknowledged(unsigned core, const Invalidation& invalidation) = 0;

  // Under shadow paging: what the guest of this core would be walked by if hardware walked its own
  // tables, or nothing; and what that guest has invalidated, on return from it.
  virtual void on_guest_context(unsigned /*core*/, const std::optional<WalkContext>& /*guest*/) {}
  virtual void on_guest_acknowledged(unsigned /*core*/, const Invalidation& /*invalidation*/) {}
  // The core runs this VM from now on, by whatever tables.
  virtual void on_vm(unsigned /*core*/, std::uint32_t /*vm*/) {}
  // The core makes no access any more.
  virtual void on_core_ended(unsigned /*core*/) {}
};

}  // namespace nestwalk
