// Parameters of the guest kernel model, and of its page policy.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "model/arch/paging_format.h"
#include "model/params/descriptor.h"

namespace nestwalk {

// The formats that a guest can use are the first of FormatId, in its order.
inline constexpr std::array<std::string_view, 4> kGuestFormatNames = {"x86-2level", "x86-pae",
                                                                      "x86-4level", "x86-5level"};
static_assert(kGuestFormatNames[static_cast<unsigned>(FormatId::kX86FiveLevel)] ==
              format_of(FormatId::kX86FiveLevel).name);

// A preferred page size. What does not fit (alignment, size, format, free memory) takes the next
// smaller one. A 2-level format reads 2m as its 4M page.
enum class PageSize : std::uint8_t { k4K, k2M, k1G };
inline constexpr std::array<std::string_view, 3> kPageSizeNames = {"4k", "2m", "1g"};

// Which level's leaf a page size is: 1, 2 or 3.
constexpr unsigned leaf_level(PageSize size) {
  return static_cast<unsigned>(size) + 1;
}

// What happens to a process whose access nothing permits.
enum class SegfaultAction : std::uint8_t {
  kSkip,  // the access is left out, the process goes on
  kKill,  // the process ends
  kStop,  // the run ends with a message
};
inline constexpr std::array<std::string_view, 3> kSegfaultActionNames = {"skip", "kill", "stop"};

// Making a large page of small ones that are in use, as khugepaged does.
struct CollapseParams {
  std::uint32_t every_faults = 0;  // 0: never
  std::uint32_t blocks = 8;        // looked at each time
  std::uint32_t max_missing_pages = 0;
};
void describe(CollapseParams& p, ParameterVisitor& v);

// Making frames free by moving pages to swap.
struct ReclaimParams {
  std::uint64_t swap_bytes = 0;  // 0: nothing is reclaimed
  std::uint64_t low_pages = 128;
  std::uint64_t high_pages = 256;
  std::uint32_t batch_pages = 32;
  std::uint32_t scan_cycles = 100;
  std::uint32_t write_cycles = 15000;
  std::uint32_t read_cycles = 15000;
};
void describe(ReclaimParams& p, ParameterVisitor& v);

struct GuestParams {
  FormatId format = FormatId::kX86FourLevel;
  PageSize page_size = PageSize::k4K;  // of anonymous memory
  bool pcid = true;                    // only the 4- and 5-level formats have PCIDs
  bool global_kernel_pages = true;
  bool preset_accessed_dirty = true;  // false: the MMU has to set A and D itself
  bool clear_data_pages = true;       // false: only table pages are cleared

  // Times of kernel code, besides the table accesses, which take their time through the MMU.
  std::uint32_t fault_cycles = 1000;
  std::uint32_t frame_allocation_cycles = 150;
  std::uint32_t clear_4k_cycles = 250;
  std::uint32_t copy_4k_cycles = 500;
  std::uint32_t context_switch_cycles = 1500;
  std::uint32_t process_creation_cycles = 20000;
  std::uint32_t region_cycles = 600;
  std::uint32_t unmap_page_cycles = 60;

  std::uint32_t max_single_invalidations = 33;
  SegfaultAction on_segfault = SegfaultAction::kSkip;
  CollapseParams collapse;
  ReclaimParams reclaim;
};
void describe(GuestParams& p, ParameterVisitor& v);

}  // namespace nestwalk
