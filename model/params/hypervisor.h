// Parameters of a virtual machine and of the hypervisor's costs.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/arch/paging_format.h"
#include "model/params/descriptor.h"
#include "model/params/guest.h"
#include "model/params/switching.h"

namespace nestwalk {

// A host format is a paging format and whose rules it is used under: an x86 format means NPT.
enum class HostFormat : std::uint8_t {
  kEptFourLevel,
  kEptFiveLevel,
  kNptTwoLevel,
  kNptPae,
  kNptFourLevel,
  kNptFiveLevel,
};
inline constexpr std::array<std::string_view, 6> kHostFormatNames = {
    "ept-4level", "ept-5level", "npt-2level", "npt-pae", "npt-4level", "npt-5level"};

inline constexpr std::array<FormatId, 6> kHostFormatIds = {
    FormatId::kEptFourLevel, FormatId::kEptFiveLevel, FormatId::kX86TwoLevel,
    FormatId::kX86Pae,       FormatId::kX86FourLevel, FormatId::kX86FiveLevel};

constexpr FormatId format_id(HostFormat format) {
  return kHostFormatIds[static_cast<unsigned>(format)];
}

// How writes to a range of guest memory are noticed.
enum class DirtyLogMethod : std::uint8_t {
  kWriteProtect,  // entries are read-only until the first write, which exits
  kDirtyBits,     // the MMU sets D; where it does not (EPT without A and D), as kWriteProtect
};
inline constexpr std::array<std::string_view, 2> kDirtyLogMethodNames = {"write_protect",
                                                                         "dirty_bits"};

// What the guest may do to a page while it moves to another frame.
enum class MigrationMethod : std::uint8_t { kWriteProtect, kNotPresent };
inline constexpr std::array<std::string_view, 2> kMigrationMethodNames = {"write_protect",
                                                                          "not_present"};

// What the hypervisor does to guest memory by itself, besides serving faults.
enum class HostAction : std::uint8_t {
  kDirtyLogStart,
  kDirtyLogHarvest,
  kDirtyLogStop,
  kBalloonInflate,
  kBalloonDeflate,
  kSplit,
  kMerge,     // in place, where the frames lie as one large frame
  kCollapse,  // also where the content must move to one
  kReclaim,
  kMigrate,
};
inline constexpr std::array<std::string_view, 10> kHostActionNames = {
    "dirty_log_start", "dirty_log_harvest", "dirty_log_stop",
    "balloon_inflate", "balloon_deflate",   "split",
    "merge",           "collapse",          "reclaim",
    "migrate"};

struct HostEventParams {
  std::uint64_t at_accesses = 0;
  std::uint64_t every_accesses = 0;  // and again; 0: once
  HostAction action = HostAction::kDirtyLogStart;
  std::uint64_t start = 0;         // of the range; a balloon and reclaim choose their pages
  std::uint64_t length_bytes = 0;  // 0: to the end of guest memory
};
void describe(HostEventParams& p, ParameterVisitor& v);
// How a VM's guest-virtual addresses reach host memory.
enum class Paging : std::uint8_t {
  kNested,  // the MMU walks both stages
  kShadow,  // the MMU walks one table, which the hypervisor merges from both
};
inline constexpr std::array<std::string_view, 2> kPagingNames = {"nested", "shadow"};

// When a shadow follows a write to the last-level guest table that it mirrors.
enum class ShadowSync : std::uint8_t {
  kAtOnce,   // each such write is emulated
  kOnFlush,  // the table goes out of sync until the guest flushes
};
inline constexpr std::array<std::string_view, 2> kShadowSyncNames = {"at_once", "on_flush"};

struct ShadowParams {
  ShadowSync sync = ShadowSync::kOnFlush;
  std::uint32_t max_tables = 4096;
  std::uint32_t flood_writes = 3;  // 0: never
};
void describe(ShadowParams& p, ParameterVisitor& v);

struct VmParams {
  std::uint64_t memory_bytes = std::uint64_t{4} << 30;
  Paging paging = Paging::kNested;
  HostFormat format = HostFormat::kEptFourLevel;
  PageSize backing = PageSize::k4K;
  bool accessed_dirty = false;  // EPT A/D bits
  bool vpid = true;
  std::uint32_t vcpus = 1;

  DirtyLogMethod dirty_log_method = DirtyLogMethod::kWriteProtect;
  bool dirty_log_splits_pages = true;
  MigrationMethod migration = MigrationMethod::kNotPresent;
  std::uint64_t resident_limit_bytes = 0;  // 0: none
  std::uint32_t reclaim_batch_pages = 32;
  std::vector<HostEventParams> host_events;
  ShadowParams shadow;
  SwitchingParams switching;
};
void describe(VmParams& p, ParameterVisitor& v);

// Software times of shadow paging, without the accesses to tables, which take theirs.
struct ShadowCosts {
  std::uint32_t fault_cycles = 2500;
  std::uint32_t fill_cycles = 1500;
  std::uint32_t reflect_cycles = 1000;
  std::uint32_t emulation_cycles = 5000;
  std::uint32_t protection_cycles = 500;
  std::uint32_t unsync_cycles = 500;
  std::uint32_t sync_cycles = 1000;
  std::uint32_t zap_cycles = 1000;
  std::uint32_t root_cycles = 1000;
  std::uint32_t intercept_cycles = 800;
};
void describe(ShadowCosts& p, ParameterVisitor& v);

// Software times by cause. Table accesses of a service take their time through memory on top.
struct HypervisorParams {
  std::uint32_t exit_cycles = 1100;
  std::uint32_t violation_cycles = 2500;
  std::uint32_t frame_allocation_cycles = 400;
  std::uint32_t table_allocation_cycles = 300;
  std::uint32_t clear_4k_cycles = 250;
  std::uint32_t copy_4k_cycles = 500;
  std::uint32_t page_update_cycles = 40;
  std::uint32_t swap_out_4k_cycles = 6000;
  std::uint32_t swap_in_4k_cycles = 60000;
  ShadowCosts shadow;
  SwitchCosts switching;
};
void describe(HypervisorParams& p, ParameterVisitor& v);

}  // namespace nestwalk
