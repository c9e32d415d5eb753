#include "tests/support/oracle_codes.h"

#include <cstdlib>

namespace nestwalk::oracle_entries {

bool is_npt(const WalkContext& context) {
  return context.has_host && !is_ept(context.host_format);
}

bool is_write_type(const WalkContext& context, const Access& access, Purpose purpose) {
  switch (purpose) {
    case Purpose::kFinal:
      return access.is_write();
    case Purpose::kGuestTable:
      return is_npt(context) || context.control.accessed_dirty;
    case Purpose::kGuestUpdate:
      return true;
    case Purpose::kPdpteLoad:
      return false;
  }
  std::abort();
}

// SDM vol. 3, "Page-fault exceptions".
Word page_fault_code(const WalkContext& context, const Access& access, PageFaultCause cause) {
  const bool shows_fetch = context.control.smep ||
                           (context.control.nxe && context.guest_format != FormatId::kX86TwoLevel);
  Word code = 0;
  code |= cause == PageFaultCause::kNotPresent ? 0U : 0x1U;
  code |= access.is_write() ? 0x2U : 0U;
  code |= access.is_user() ? 0x4U : 0U;
  code |= cause == PageFaultCause::kReserved ? 0x8U : 0U;
  code |= access.is_fetch() && shows_fetch ? 0x10U : 0U;
  code |= cause == PageFaultCause::kKey ? 0x20U : 0U;
  return code;
}

// AMD APM vol. 2, "Nested versus guest page faults".
Word nested_fault_code(const WalkContext& context, const Access& access, Purpose purpose,
                       PageFaultCause cause) {
  const bool is_final = purpose == Purpose::kFinal;
  const bool has_nx = context.host_format != FormatId::kX86TwoLevel;
  Word code = 0x4;  // every nested access is a user access
  code |= cause == PageFaultCause::kNotPresent ? 0U : 0x1U;
  code |= is_write_type(context, access, purpose) ? 0x2U : 0U;
  code |= cause == PageFaultCause::kReserved ? 0x8U : 0U;
  code |= is_final && access.is_fetch() && has_nx ? 0x10U : 0U;
  code |= is_final ? one(32) : one(33);
  return code;
}

// SDM vol. 3, "Exit qualification for EPT violations".
Word ept_qualification(const WalkContext& context, const Access& access, Purpose purpose,
                       HostRights rights) {
  Word code = 0;
  if (purpose == Purpose::kFinal) {
    code |= access.is_write() ? 0x2U : access.is_fetch() ? 0x4U : 0x1U;
    code |= 0x100;
  } else {
    code |= 0x1;
    code |= is_write_type(context, access, purpose) ? 0x2U : 0U;
  }
  code |= rights.read() ? 0x8U : 0U;
  code |= rights.write() ? 0x10U : 0U;
  code |= rights.execute() ? 0x20U : 0U;
  code |= context.control.mode_based_execute && rights.user_execute() ? 0x40U : 0U;
  code |= purpose == Purpose::kPdpteLoad ? 0U : 0x80U;
  return code;
}

}  // namespace nestwalk::oracle_entries
