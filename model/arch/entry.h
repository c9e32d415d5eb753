// Bit positions in paging-structure entries, each once.
// Sources: Intel SDM vol. 3, "Paging" (x86) and "The extended page-table mechanism" (EPT); AMD APM
// vol. 2, "Nested paging" (NPT entries are x86 entries).
#pragma once

#include <cstdint>

#include "model/arch/bits.h"

namespace nestwalk {

namespace x86 {
inline constexpr unsigned kPresent = 0;
inline constexpr unsigned kWrite = 1;
inline constexpr unsigned kUser = 2;
inline constexpr unsigned kAccessed = 5;
inline constexpr unsigned kDirty = 6;     // leaf entries only
inline constexpr unsigned kPageSize = 7;  // entries above level 1: this entry is a leaf
inline constexpr unsigned kGlobal = 8;    // leaf entries only
inline constexpr unsigned kPkeyLow = 59;  // leaf entries, 4- and 5-level
inline constexpr unsigned kPkeyWidth = 4;
inline constexpr unsigned kNoExecute = 63;

// Page-fault error code (SDM vol. 3, "Page-fault exceptions").
namespace error_code {
inline constexpr unsigned kPresent = 0;
inline constexpr unsigned kWrite = 1;
inline constexpr unsigned kUser = 2;
inline constexpr unsigned kReserved = 3;
inline constexpr unsigned kFetch = 4;
inline constexpr unsigned kProtectionKey = 5;
inline constexpr unsigned kFinal = 32;       // #NPF: the final translation (AMD EXITINFO1)
inline constexpr unsigned kGuestTable = 33;  // #NPF: an access to a guest paging structure
}  // namespace error_code
}  // namespace x86

namespace ept {
inline constexpr unsigned kRead = 0;
inline constexpr unsigned kWrite = 1;
inline constexpr unsigned kExecute = 2;        // with mode-based execute: supervisor execute (XS)
inline constexpr unsigned kMemoryTypeLow = 3;  // leaf entries
inline constexpr unsigned kMemoryTypeWidth = 3;
inline constexpr unsigned kPageSize = 7;
inline constexpr unsigned kAccessed = 8;
inline constexpr unsigned kDirty = 9;
inline constexpr unsigned kUserExecute = 10;  // mode-based execute only (XU)
inline constexpr std::uint64_t kWriteBack = std::uint64_t{6} << kMemoryTypeLow;

// Exit qualification of an EPT violation (SDM vol. 3, table of that name). Bits 12:9 belong to
// "advanced VM-exit information", which this machine does not report: always zero here.
namespace qualification {
inline constexpr unsigned kRead = 0;
inline constexpr unsigned kWrite = 1;
inline constexpr unsigned kFetch = 2;
inline constexpr unsigned kReadable = 3;  // bits 3 to 6: AND over the EPT entries used
inline constexpr unsigned kWritable = 4;
inline constexpr unsigned kExecutable = 5;
inline constexpr unsigned kUserExecutable = 6;
inline constexpr unsigned kLinearValid = 7;
inline constexpr unsigned kFinal = 8;  // 1: the final translation, 0: a guest paging structure
}  // namespace qualification
}  // namespace ept

// Agile paging (Gandhi, Hill, Swift: "Agile Paging", ISCA 2016).
namespace agile {
// The switching bit of a shadow entry that points to a table, and of the shadow root: what it names
// is not the next shadow table but the guest's own one. Ignored by all other x86 tables; a leaf of
// the shadow must not have it.
inline constexpr unsigned kSwitch = 11;
}  // namespace agile

}  // namespace nestwalk
