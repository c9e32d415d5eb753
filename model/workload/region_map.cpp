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

RegionMap::RegionMap(std::string_view maps) {
  std::uint64_t end_of_last = 0;  // of the program's own
  for (Region& region : parse_maps(maps)) {
    const bool follows = region.name == kAnonymous && region.start.value() == end_of_last;
    const bool is_file = region.name.starts_with('/') && !is_foreign_file(region);
    if (!follows && !is_file) {
      continue;
    }
    end_of_last = end_of(region);
    if (follows && region.rights.execute) {  // Valgrind makes the data segment executable
      region.name = "[heap]";
      region.rights.execute = false;
    }
    regions_.emplace(region.start.value(), std::move(region));
  }
}

void RegionMap::mark_stack(Gva address, std::uint64_t stack_bytes, const MapsReader& read_maps) {
  Region stack = cover(address.value(), read_maps);
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
  regions_.emplace(stack.start.value(), std::move(stack));
  last_ = {};
}

void RegionMap::touch(const TraceRecord& access, const MapsReader& read_maps) {
  const std::uint64_t first = access.address.value();
  const std::uint64_t size = std::max<std::uint64_t>(access.size_bytes, 1);
  const Region*& known = last_[static_cast<std::size_t>(access.type)];
  if (known != nullptr && known->length_bytes >= size &&
      first - known->start.value() <= known->length_bytes - size) {
    return;
  }
  permit(first, access.type, read_maps);
  if (first / kPageBytes != (first + size - 1) / kPageBytes) {
    permit(first + size - 1, access.type, read_maps);
  }
  known = find(first);
}

void RegionMap::permit(std::uint64_t address, AccessType type, const MapsReader& read_maps) {
  Region& region = cover(address, read_maps);
  if (permits(region, type)) {
    return;
  }
  ++num_widened_;
  region.rights.read |= type == AccessType::kRead;
  region.rights.write |= type == AccessType::kWrite;
  region.rights.execute |= type == AccessType::kFetch;
}

Region* RegionMap::find(std::uint64_t address) {
  auto after = regions_.upper_bound(address);
  if (after == regions_.begin()) {
    return nullptr;
  }
  Region& region = std::prev(after)->second;
  return region.contains(Gva(address)) ? &region : nullptr;
}

Region& RegionMap::cover(std::uint64_t address, const MapsReader& read_maps) {
  if (Region* known = find(address)) {
    return *known;
  }
  for (const Region& region : parse_maps(read_maps())) {
    if (region.contains(Gva(address))) {
      insert(region);
    }
  }
  if (find(address) == nullptr) {
    ++num_added_;
    insert({.start = Gva(address / kPageBytes * kPageBytes),
            .length_bytes = kPageBytes,
            .rights = {.read = true, .write = true},
            .name = kUnknown});
  }
  Region* covered = find(address);
  fatal_unless(covered != nullptr, "an inserted region covers its addresses");
  return *covered;
}

// Adds the parts that are not covered. Where the region overlaps a known one, it is that one,
// grown.
void RegionMap::insert(const Region& region) {
  Region part = region;
  for (const auto& [start, known] : regions_) {
    if (start < end_of(region) && end_of(known) > region.start.value()) {
      part.name = known.name;
      part.rights = known.rights;
    }
  }
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
