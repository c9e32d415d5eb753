// Regions of a process's address space; they never overlap.
//
//   GuestRegionMap map;
//   map.insert({.start = Gva(0x400000), .length_bytes = 0x1000, .rights = {.write = true}});
//   map.find_for_fault(Gva(0x400123));
//
// Knows nothing of page tables.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/arch/access.h"
#include "model/arch/address.h"

namespace nestwalk {

struct GuestRegionRights {
  bool read = true;
  bool write = false;
  bool execute = false;

  // On x86 whatever may be written or executed may be read.
  [[nodiscard]] constexpr bool permits(AccessType type) const {
    switch (type) {
      case AccessType::kRead:
        return read || write || execute;
      case AccessType::kWrite:
        return write;
      case AccessType::kFetch:
        return execute;
    }
    return false;
  }
  friend constexpr bool operator==(const GuestRegionRights&, const GuestRegionRights&) = default;
};

// A region may grow to cover a fault just outside it: a stack downwards, a heap upwards.
enum class Growth : std::uint8_t { kNone, kDown, kUp };

struct GuestRegion {
  Gva start;
  std::uint64_t length_bytes = 0;
  GuestRegionRights rights;
  std::string name;
  Growth growth = Growth::kNone;
  std::uint64_t max_bytes = 0;  // how long it may grow to

  [[nodiscard]] Gva end() const { return start + length_bytes; }
  [[nodiscard]] bool contains(Gva address) const { return address >= start && address < end(); }
};

class GuestRegionMap {
 public:
  // False, and nothing changed, if it would overlap.
  [[nodiscard]] bool insert(GuestRegion region);

  // As insert, and makes one region of it and of neighbours that differ in nothing but their place.
  [[nodiscard]] bool insert_joined(GuestRegion region);

  // Cuts [start, end) out of all regions and returns the pieces that were cut out, by address.
  std::vector<GuestRegion> remove(Gva start, Gva end);

  // What of the regions lies in [start, end), by address.
  [[nodiscard]] std::vector<GuestRegion> pieces(Gva start, Gva end) const;
  // Gives all regions in [start, end) these rights: splits those that reach beyond, and joins
  // neighbours that came to be alike.
  void set_rights(Gva start, Gva end, GuestRegionRights rights);

  [[nodiscard]] const GuestRegion* find(Gva address) const;
  // As find, but grows a region that may grow to there.
  const GuestRegion* find_for_fault(Gva address);

  [[nodiscard]] bool overlaps(Gva start, Gva end) const;
  [[nodiscard]] std::vector<GuestRegion> list() const;

 private:
  using Regions = std::map<Gva, GuestRegion>;

  [[nodiscard]] Regions::const_iterator first_behind(Gva start) const;
  void join_at(Gva border);

  Regions regions_;  // by start
};

}  // namespace nestwalk
