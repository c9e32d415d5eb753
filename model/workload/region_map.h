// The regions of a recorded process, learnt while it runs. Grows to cover every access, so that a
// trace never touches what it has not mapped.
//
//   RegionMap map(maps_text);              // of /proc/PID/maps, at the start of the process
//   map.mark_stack(first_data_address, 8 << 20);
//   map.touch(record, [&] { return maps_text_of_now(); });
//   map.regions();
//
// Valgrind lives in the address space of the process that it runs, so not every line of that text
// is the program's. At the start its own are the files that are not Valgrind's and what directly
// follows them; later, what it touches.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/workload/stream.h"

namespace nestwalk {

// The lines of a maps text; a line that is none is passed over. Without a name: [anonymous].
[[nodiscard]] std::vector<Region> parse_maps(std::string_view maps);

class RegionMap {
 public:
  using MapsReader = std::function<std::string()>;

  explicit RegionMap(std::string_view maps);
  RegionMap(const RegionMap&) = delete;
  RegionMap& operator=(const RegionMap&) = delete;

  // The region of the first data access is the stack. It may grow downwards to stack_bytes.
  void mark_stack(Gva address, std::uint64_t stack_bytes, const MapsReader& read_maps);

  // Makes sure that an access falls into regions that permit it. Asks for the maps text of now only
  // when what is known does not cover it.
  void touch(const TraceRecord& access, const MapsReader& read_maps);

  // In order of address; neighbours of the same name and rights are one.
  [[nodiscard]] std::vector<Region> regions() const;
  // Regions made up for accesses outside everything in the maps text.
  [[nodiscard]] std::uint64_t num_added() const { return num_added_; }
  // Regions that got a right because the program used it.
  [[nodiscard]] std::uint64_t num_widened() const { return num_widened_; }

 private:
  [[nodiscard]] Region* find(std::uint64_t address);
  Region& cover(std::uint64_t address, const MapsReader& read_maps);
  void insert(const Region& region);
  void permit(std::uint64_t address, AccessType type, const MapsReader& read_maps);

  std::map<std::uint64_t, Region> regions_;  // by start, disjoint
  std::array<const Region*, 3> last_{};      // by access type: permits the access before
  std::uint64_t num_added_ = 0;
  std::uint64_t num_widened_ = 0;
};

}  // namespace nestwalk
