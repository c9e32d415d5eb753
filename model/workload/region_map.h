// The regions of a recorded process, as its system calls change them. Grows to cover every access,
// so that a trace never touches what it has not mapped.
//
//   RegionMap map(maps_text);              // of /proc/PID/maps, at the start of a program
//   map.mark_stack(first_data_address, 8 << 20, read_maps);
//   map.unmap({0x4840000, 4096});
//   map.touch(record, read_maps, made_up);
//
// Valgrind lives in the address space of the process that it runs, so not every line of that text
// is the program's. At the start its own are the files that are not Valgrind's and what directly
// follows them, without the data segment that Valgrind has prepared: a program asks for that.
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

struct PageRange {
  std::uint64_t start = 0;
  std::uint64_t length_bytes = 0;

  [[nodiscard]] std::uint64_t end() const { return start + length_bytes; }
};

// The whole pages that hold these bytes.
[[nodiscard]] PageRange whole_pages(std::uint64_t address, std::uint64_t length_bytes);

class RegionMap {
 public:
  using MapsReader = std::function<std::string()>;

  RegionMap() = default;
  explicit RegionMap(std::string_view maps);

  // The region of the first data access is the stack, and is returned. It may grow downwards to
  // stack_bytes.
  Region mark_stack(Gva address, std::uint64_t stack_bytes, const MapsReader& read_maps);

  [[nodiscard]] bool overlaps(PageRange range) const;
  // Replaces what is there.
  void map(const Region& region);
  void unmap(PageRange range);
  void protect(PageRange range, RegionRights rights);
  // What is mapped within the range, cut to it.
  [[nodiscard]] std::vector<Region> within(PageRange range) const;

  // Makes sure that an access falls into regions that permit it; what had to be changed for that is
  // appended to `made_up` as the map and protect events that the access must follow. Asks for the
  // maps text of now only when what is known does not cover it.
  void touch(const TraceRecord& access, const MapsReader& read_maps,
             std::vector<TraceEvent>& made_up);

  // In order of address; neighbours of the same name and rights are one.
  [[nodiscard]] std::vector<Region> regions() const;

 private:
  [[nodiscard]] Region* find(std::uint64_t address);
  void split(std::uint64_t address);
  void insert(const Region& region, std::vector<TraceEvent>& made_up);
  Region& cover(std::uint64_t address, const MapsReader& read_maps,
                std::vector<TraceEvent>& made_up);
  void permit(std::uint64_t address, AccessType type, const MapsReader& read_maps,
              std::vector<TraceEvent>& made_up);

  std::map<std::uint64_t, Region> regions_;  // by start, disjoint
  std::array<PageRange, 3> last_{};          // by access type: permits the access before
};

}  // namespace nestwalk
