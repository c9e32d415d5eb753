// Whether accumulated rights permit an access, and the codes that say why not. Used by the walk on
// a miss and by the TLB on every hit, so that a hit and a miss give the same answer. Sources: Intel
// SDM vol. 3, "Access rights", "Protection keys", "Page-fault exceptions", "EPT violations"; AMD
// APM vol. 2, "Nested versus guest page faults".
#pragma once

#include <cstdint>

#include "model/arch/access.h"
#include "model/arch/entry.h"
#include "model/arch/rights.h"
#include "model/arch/translation.h"
#include "model/walk/context.h"

namespace nestwalk {

struct GuestVerdict {
  bool permitted = true;
  bool key_denies = false;  // reported even where another right is missing too
};

// `protection_key` is the key of the leaf; it counts for user pages only.
constexpr GuestVerdict judge_guest(const Access& access, const Control& control, GuestRights rights,
                                   unsigned protection_key, bool has_keys) {
  GuestVerdict verdict;
  const bool user = access.is_user();
  bool denied = user && !rights.user();
  if (access.is_fetch()) {
    denied |= !rights.execute();
    denied |= control.smep && !user && rights.user();
  } else {
    denied |= access.is_write() && !rights.write() && (user || control.wp);
    denied |= control.smap && !user && rights.user() && (access.implicit || !control.ac);
    if (has_keys && control.pke && rights.user()) {
      const std::uint32_t key = (control.pkru >> (2 * protection_key)) & 3U;
      const bool access_disabled = (key & 1U) != 0;
      const bool write_disabled = (key & 2U) != 0;
      verdict.key_denies =
          access_disabled || (write_disabled && access.is_write() && (user || control.wp));
    }
  }
  verdict.permitted = !denied && !verdict.key_denies;
  return verdict;
}

constexpr std::uint64_t page_fault_code(const Access& access, const WalkContext& context,
                                        bool present, bool reserved, bool key_denies) {
  namespace code = x86::error_code;
  std::uint64_t value = 0;
  value |= present ? bit(code::kPresent) : 0;
  value |= access.is_write() ? bit(code::kWrite) : 0;
  value |= access.is_user() ? bit(code::kUser) : 0;
  value |= reserved ? bit(code::kReserved) : 0;
  const bool no_execute_active =
      context.control.nxe && format_of(context.guest_format).has_no_execute;
  value |= access.is_fetch() && (context.control.smep || no_execute_active) ? bit(code::kFetch) : 0;
  value |= key_denies ? bit(code::kProtectionKey) : 0;
  return value;
}

// What a host walk is for.
enum class HostPurpose : std::uint8_t {
  kFinal,       // the page of the access itself
  kGuestTable,  // a guest paging structure: a read; a write under EPT A/D and NPT
  kPdpteLoad,   // the PDPTEs at a load of CR3: a plain read (SDM vol. 3, "PDPTE registers")
};

struct HostAccess {
  HostPurpose purpose = HostPurpose::kFinal;
  AccessType type = AccessType::kRead;  // of the final access
  bool user_page = true;  // U over the whole guest path; true with guest paging off (mode-based
                          // execute takes XU then)
};

constexpr bool is_host_write(const WalkContext& context, const HostAccess& access) {
  if (access.purpose == HostPurpose::kGuestTable) {
    return context.is_npt() || context.control.accessed_dirty;
  }
  return access.purpose == HostPurpose::kFinal && access.type == AccessType::kWrite;
}

// The rights that a host page must give, all of them.
constexpr HostRights required_host_rights(const WalkContext& context, const HostAccess& access) {
  HostRights required{HostRights::kUser};
  if (is_host_write(context, access)) {
    required.bits |= HostRights::kWrite;
  }
  if (access.purpose == HostPurpose::kFinal && access.type == AccessType::kWrite) {
    return required;  // W without R is a misconfiguration
  }
  if (access.purpose == HostPurpose::kFinal && access.type == AccessType::kFetch) {
    required.bits |= access.user_page ? HostRights::kUserExecute : HostRights::kExecute;
    return required;
  }
  required.bits |= HostRights::kRead;
  return required;
}

constexpr bool host_permits(const WalkContext& context, const HostAccess& access,
                            HostRights rights) {
  return rights.has_all(required_host_rights(context, access));
}

constexpr std::uint64_t ept_qualification(const WalkContext& context, const HostAccess& access,
                                          HostRights rights) {
  namespace q = ept::qualification;
  std::uint64_t value = 0;
  if (access.purpose == HostPurpose::kFinal) {
    value |= bit(q::kFinal);
    switch (access.type) {
      case AccessType::kRead:
        value |= bit(q::kRead);
        break;
      case AccessType::kWrite:
        value |= bit(q::kWrite);
        break;
      case AccessType::kFetch:
        value |= bit(q::kFetch);
        break;
    }
  } else {
    value |= bit(q::kRead);
    value |= is_host_write(context, access) ? bit(q::kWrite) : 0;
  }
  value |= rights.read() ? bit(q::kReadable) : 0;
  value |= rights.write() ? bit(q::kWritable) : 0;
  value |= rights.execute() ? bit(q::kExecutable) : 0;
  value |=
      context.control.mode_based_execute && rights.user_execute() ? bit(q::kUserExecutable) : 0;
  value |= access.purpose == HostPurpose::kPdpteLoad ? 0 : bit(q::kLinearValid);
  return value;
}

constexpr std::uint64_t nested_page_fault_code(const WalkContext& context, const HostAccess& access,
                                               bool present, bool reserved) {
  namespace code = x86::error_code;
  const bool final = access.purpose == HostPurpose::kFinal;
  std::uint64_t value = bit(code::kUser) | bit(final ? code::kFinal : code::kGuestTable);
  value |= present ? bit(code::kPresent) : 0;
  value |= is_host_write(context, access) ? bit(code::kWrite) : 0;
  value |= reserved ? bit(code::kReserved) : 0;
  value |=
      final && access.type == AccessType::kFetch && format_of(context.host_format).has_no_execute
          ? bit(code::kFetch)
          : 0;
  return value;
}

// Whether a cached translation serves the access as it is. If not, it counts as a miss: no fault is
// ever raised from a cached translation.
constexpr bool cached_translation_serves(const WalkContext& context, const Access& access,
                                         const Translation& t) {
  if (access.is_write() && !t.dirty) {
    return false;
  }
  if (context.has_guest && !judge_guest(access, context.control, t.guest, t.protection_key,
                                        format_of(context.guest_format).has_protection_keys)
                                .permitted) {
    return false;
  }
  return !context.has_host ||
         host_permits(context,
                      {HostPurpose::kFinal, access.type, !context.has_guest || t.guest.user()},
                      t.host);
}

}  // namespace nestwalk
