// The six steps by which a walk engine asks, and the answers it takes.
#pragma once

#include <cstdint>

#include "model/arch/address.h"
#include "model/arch/fault.h"
#include "model/arch/position.h"
#include "model/arch/resume.h"
#include "model/arch/translation.h"

namespace nestwalk {

enum class StepKind : std::uint8_t {
  kLookup,  // stage, address: is there a Resume for it? Host: nested TLB and host PWC together
  kRead,    // hpa, bytes: the entry at `position`
  kUpdate,  // hpa, bytes, expected, desired: compare and swap (A/D)
  kFill,    // stage, address, level, resume: may be cached now
  kDone,    // translation
  kFault,   // fault
};

struct Step {
  StepKind kind = StepKind::kFault;
  Stage stage = Stage::kGuest;
  Position position;
  std::uint8_t bytes = 0;
  bool is_shadow = false;  // kRead, kUpdate of the guest stage: an entry of the shadow (agile)
  // kFill: the level of the entry that was passed; resume.next_level is one less, or 0 for a page.
  // A host fill with next_level 0 is a nested-TLB entry, any other a page-walk-cache entry.
  std::uint8_t level = 0;
  std::uint64_t address = 0;  // kLookup, kFill: GVA (guest stage) or GPA (host stage)
  Hpa hpa;                    // kRead, kUpdate
  Gpa gpa;                    // kRead, kUpdate: GPA of a guest entry; the GPA under translation
  std::uint64_t expected = 0;
  std::uint64_t desired = 0;
  Resume resume;            // kFill
  Translation translation;  // kDone
  Fault fault;              // kFault
};

enum class AnswerKind : std::uint8_t {
  kNone,    // to kFill, and before the first step
  kHit,     // to kLookup, with resume
  kMiss,    // to kLookup
  kValue,   // to kRead, with value
  kStored,  // to kUpdate
  kLost,    // to kUpdate: the entry no longer holds the expected word; the walk restarts
  kError,   // to kRead or kUpdate: the memory refused
};

struct Answer {
  AnswerKind kind = AnswerKind::kNone;
  std::uint64_t value = 0;
  Resume resume;
};

}  // namespace nestwalk
