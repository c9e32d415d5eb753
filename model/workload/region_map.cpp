#include "model/workload/region_map.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <utility>

#include "model/arch/check.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr const char* kAnonymous = "[anonymous]";
constexpr const char* kUnknown = "[unknown]";

std::uint64_t end_of(const Region& region) {
  return region.start.value() + region.length_bytes;
}

// A part of a line up to the next blank; the line keeps the rest.
std::string_view take_field(std::string_view& line) {
  const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
  const std::size_t end = std::min(line.find(' ', begin), line.size());
  const std::string_view field = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return field;
}

std::optional<std::uint64_t> parse_hex(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

// START-END RIGHTS OFFSET DEVICE INODE NAME
std::optional<Region> parse_line(std::string_view line) {
  const std::string_view range = take_field(line);
  const std::string_view rights = take_field(line);
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos || rights.size() < 3) {
    return std::nullopt;
  }
  const auto start = parse_hex(range.substr(0, dash));
  const auto end = parse_hex(range.substr(dash + 1));
  if (!start || !end || *end <= *start) {
    return std::nullopt;
  }
  for (int skipped = 0; skipped < 3; ++skipped) {
    take_field(line);
  }
  const std::size_t name = line.find_first_not_of(' ');
  return Region{
      .start = Gva(*start),
      .length_bytes = *end - *start,
      .rights = {.read = rights[0] == 'r', .write = rights[1] == 'w', .execute = rights[2] == 'x'},
      .name = std::string(name == std::string_view::npos ? kAnonymous : line.substr(name))};
}

bool is_foreign_file(const Region& region) {
  return region.name.find("valgrind") != std::string::npos ||
         region.name.find("vgdb") != std::string::npos;
}

bool permits(const Region& region, AccessType type) {
  switch (type) {
    case AccessType::kRead:
      return region.rights.read;
    case AccessType::kWrite:
      return region.rights.write;
    case AccessType::kFetch:
      return region.rights.execute;
  }
  return false;
}

}  // namespace

std::vector<Region> parse_maps(std::string_view maps) {
  std::vector<Region> regions;
  while (!maps.empty()) {
    const std::size_t end = std::min(maps.find('\n'), maps.size());
    if (std::optional<Region> region = parse_line(maps.substr(0, end))) {
      regions.push_back(*std::move(region));
    }
    maps.remove_prefix(std::min(end + 1, maps.size()));
  }
  return regions;
}

PageRange whole_pages(std::uint64_t address, std::uint64_t length_bytes) {
  const std::uint64_t start = address / kPageBytes * kPageBytes;
  const std::uint64_t pages = (address - start + length_bytes) / kPageBytes +
                              ((address - start + length_bytes) % kPageBytes != 0 ? 1 : 0);
  return {.start = start, .length_bytes = pages * kPageBytes};
}

RegionMap::RegionMap(std::string_view maps) {
  std::uint64_t end_of_last = 0;  // of the program's own
  for (Region& region : parse_maps(maps)) {
    const bool follows = region.name == kAnonymous && region.start.value() == end_of_last;
    const bool is_file = region.name.starts_with('/') && !is_foreign_file(region);
    const bool is_data_segment = follows && region.rights.execute;  // as Valgrind prepares it
    if ((follows || is_file) && !is_data_segment) {
      end_of_last = end_of(region);
      regions_.emplace(region.start.value(), std::move(region));
    }
  }
}

Region RegionMap::mark_stack(Gva address, std::uint64_t stack_bytes, const MapsReader& read_maps) {
  std::vector<TraceEvent> part_of_the_stack;
  Region stack = cover(address.value(), read_maps, part_of_the_stack);
  const auto at = regions_.find(stack.start.value());
  std::uint64_t floor = end_of(stack) - std::min(stack_bytes, end_of(stack));
  if (at != regions_.begin()) {
    floor = std::max(floor, end_of(std::prev(at)->second));
  }
  if (floor < stack.start.value()) {
    stack.length_bytes = end_of(stack) - floor;
    stack.start = Gva(floor);
  }
  stack.name = "[stack]";
  regions_.erase(at);
  regions_.emplace(stack.start.value(), stack);
  last_ = {};
  return stack;
}

bool RegionMap::overlaps(PageRange range) const {
  const auto after = regions_.lower_bound(range.end());
  return after != regions_.begin() && end_of(std::prev(after)->second) > range.start;
}

void RegionMap::map(const Region& region) {
  const PageRange range{.start = region.start.value(), .length_bytes = region.length_bytes};
  unmap(range);
  if (range.length_bytes != 0) {
    regions_.emplace(range.start, region);
  }
}

void RegionMap::unmap(PageRange range) {
  split(range.start);
  split(range.end());
  regions_.erase(regions_.lower_bound(range.start), regions_.lower_bound(range.end()));
}

void RegionMap::protect(PageRange range, RegionRights rights) {
  split(range.start);
  split(range.end());
  const auto end = regions_.lower_bound(range.end());
  for (auto at = regions_.lower_bound(range.start); at != end; ++at) {
    at->second.rights = rights;
  }
}

std::vector<Region> RegionMap::within(PageRange range) const {
  std::vector<Region> parts;
  for (const auto& [start, region] : regions_) {
    const std::uint64_t from = std::max(start, range.start);
    const std::uint64_t to = std::min(end_of(region), range.end());
    if (from < to) {
      parts.push_back(region);
      parts.back().start = Gva(from);
      parts.back().length_bytes = to - from;
    }
  }
  return parts;
}

// A region that begins before the address ends there, and another one begins.
void RegionMap::split(std::uint64_t address) {
  last_ = {};
  Region* region = find(address);
  if (region == nullptr || region->start.value() == address) {
    return;
  }
  Region upper = *region;
  upper.start = Gva(address);
  upper.length_bytes = end_of(*region) - address;
  region->length_bytes -= upper.length_bytes;
  regions_.emplace(address, std::move(upper));
}

void RegionMap::touch(const TraceRecord& access, const MapsReader& read_maps,
                      std::vector<TraceEvent>& made_up) {
  const std::uint64_t first = access.address.value();
  const std::uint64_t size = std::max<std::uint64_t>(access.size_bytes, 1);
  PageRange& known = last_[static_cast<std::size_t>(access.type)];
  if (known.length_bytes >= size && first - known.start <= known.length_bytes - size) {
    return;
  }
  permit(first, access.type, read_maps, made_up);
  if (first / kPageBytes != (first + size - 1) / kPageBytes) {
    permit(first + size - 1, access.type, read_maps, made_up);
  }
  const Region* covered = find(first);
  fatal_unless(covered != nullptr, "a touched address lies in a region");
  known = {.start = covered->start.value(), .length_bytes = covered->length_bytes};
}

void RegionMap::permit(std::uint64_t address, AccessType type, const MapsReader& read_maps,
                       std::vector<TraceEvent>& made_up) {
  Region& region = cover(address, read_maps, made_up);
  if (permits(region, type)) {
    return;
  }
  region.rights.read |= type == AccessType::kRead;
  region.rights.write |= type == AccessType::kWrite;
  region.rights.execute |= type == AccessType::kFetch;
  made_up.push_back({.kind = TraceEventKind::kProtect, .region = region});
}

Region* RegionMap::find(std::uint64_t address) {
  auto after = regions_.upper_bound(address);
  if (after == regions_.begin()) {
    return nullptr;
  }
  Region& region = std::prev(after)->second;
  return region.contains(Gva(address)) ? &region : nullptr;
}

Region& RegionMap::cover(std::uint64_t address, const MapsReader& read_maps,
                         std::vector<TraceEvent>& made_up) {
  if (Region* known = find(address)) {
    return *known;
  }
  for (const Region& region : parse_maps(read_maps())) {
    if (region.contains(Gva(address))) {
      insert(region, made_up);
    }
  }
  if (find(address) == nullptr) {
    insert({.start = Gva(address / kPageBytes * kPageBytes),
            .length_bytes = kPageBytes,
            .rights = {.read = true, .write = true},
            .name = kUnknown},
           made_up);
  }
  Region* covered = find(address);
  fatal_unless(covered != nullptr, "an inserted region covers its addresses");
  return *covered;
}

// Adds the parts that are not covered.
void RegionMap::insert(const Region& region, std::vector<TraceEvent>& made_up) {
  last_ = {};
  Region part = region;
  std::uint64_t at = region.start.value();
  while (at < end_of(region)) {
    if (const Region* known = find(at)) {
      at = end_of(*known);
      continue;
    }
    const auto next = regions_.lower_bound(at);
    const std::uint64_t end =
        next == regions_.end() ? end_of(region) : std::min(end_of(region), next->first);
    part.start = Gva(at);
    part.length_bytes = end - at;
    regions_.emplace(at, part);
    made_up.push_back({.kind = TraceEventKind::kMap, .region = part});
    at = end;
  }
}

std::vector<Region> RegionMap::regions() const {
  std::vector<Region> merged;
  for (const auto& [start, region] : regions_) {
    if (!merged.empty() && end_of(merged.back()) == start && merged.back().name == region.name &&
        merged.back().rights == region.rights) {
      merged.back().length_bytes += region.length_bytes;
    } else {
      merged.push_back(region);
    }
  }
  return merged;
}

}  // namespace nestwalk
