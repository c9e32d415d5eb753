// What the second witness reports with a fault: error codes and exit qualifications, written from
// the manuals by literal bit values.
//
//   page_fault_code(context, access, PageFaultCause::kRights);  // 0x7: a user's write was denied
//
// Not for use outside oracle.cpp.
#pragma once

#include "model/arch/access.h"
#include "model/arch/rights.h"
#include "model/walk/context.h"
#include "tests/support/oracle_entries.h"

namespace nestwalk::oracle_entries {

// Why the host stage is asked. kGuestUpdate: to set A or D of a guest entry already read.
enum class Purpose { kGuestTable, kGuestUpdate, kPdpteLoad, kFinal };

// kKey: a protection key denies, perhaps not it alone.
enum class PageFaultCause { kNotPresent, kReserved, kRights, kKey };

bool is_npt(const WalkContext& context);

// Does the host stage treat it as a write?
bool is_write_type(const WalkContext& context, const Access& access, Purpose purpose);

Word page_fault_code(const WalkContext& context, const Access& access, PageFaultCause cause);
Word nested_fault_code(const WalkContext& context, const Access& access, Purpose purpose,
                       PageFaultCause cause);
Word ept_qualification(const WalkContext& context, const Access& access, Purpose purpose,
                       HostRights rights);

}  // namespace nestwalk::oracle_entries
