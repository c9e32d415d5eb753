// What our transactions carry beside the generic payload.
#pragma once

#include <cstdint>
#include <tlm>

#include "model/arch/access.h"
#include "model/arch/fault.h"
#include "model/arch/position.h"
#include "model/arch/translation.h"
#include "model/walk/context.h"

namespace nestwalk {

// Where the time of one access went, in cycles.
struct AccessTimes {
  std::uint64_t tlb = 0;   // from arrival to a hit, or to the end of the last miss
  std::uint64_t walk = 0;  // waiting for a walk, its queues included
  std::uint64_t data = 0;  // the data or instruction bytes
};

// Initiator to Mmu. An initiator without it makes a user data access whose bytes move; a fault then
// shows only as TLM_ADDRESS_ERROR_RESPONSE.
struct AccessExtension : tlm::tlm_extension<AccessExtension> {
  AccessType type = AccessType::kRead;
  // The access is counted and timed everywhere, but no byte moves: traces have no values. (It
  // stands here so that type and privilege are not read back as one word, which would wait for both
  // stores.)
  bool timing_only = false;
  Privilege privilege = Privilege::kUser;
  bool implicit = false;

  // Answer.
  bool is_translated = false;  // translation is valid; otherwise, with an error response, fault is
  Translation translation;
  Fault fault;
  AccessTimes times;  // non-blocking only; blocking transport annotates the sum

  [[nodiscard]] tlm::tlm_extension_base* clone() const override {
    return new AccessExtension(*this);
  }
  void copy_from(const tlm::tlm_extension_base& other) override {
    *this = static_cast<const AccessExtension&>(other);
  }
};

// Mmu to Walker. The payload's address is the GVA, its command TLM_IGNORE_COMMAND; the response is
// TLM_OK_RESPONSE for a translation, TLM_ADDRESS_ERROR_RESPONSE for a fault.
struct WalkExtension : tlm::tlm_extension<WalkExtension> {
  const WalkContext* context = nullptr;  // stays as it is until the answer
  Access access;
  // Ahead of any access: a fault drops nothing, and where an accessed or dirty bit would have to be
  // set, or an invalidation comes, the walk ends as if the memory had refused.
  bool is_prefetch = false;

  // Answer.
  bool is_translation = false;
  Translation translation;
  Fault fault;

  [[nodiscard]] tlm::tlm_extension_base* clone() const override { return new WalkExtension(*this); }
  void copy_from(const tlm::tlm_extension_base& other) override {
    *this = static_cast<const WalkExtension&>(other);
  }
};

// Walker to memory: which entry this is. An update is a write that happens only if the word still
// is `expected`; `is_stored` answers.
struct TableExtension : tlm::tlm_extension<TableExtension> {
  Stage stage = Stage::kGuest;
  Position position;
  bool is_shadow = false;  // an entry of the shadow (agile)
  bool is_update = false;
  std::uint64_t expected = 0;
  bool is_stored = false;
  std::uint8_t slot = 0;         // of the walker, non-blocking: whose it is
  std::uint32_t generation = 0;  // and of which walk there

  [[nodiscard]] tlm::tlm_extension_base* clone() const override {
    return new TableExtension(*this);
  }
  void copy_from(const tlm::tlm_extension_base& other) override {
    *this = static_cast<const TableExtension&>(other);
  }
};

}  // namespace nestwalk
