// The shadow tables of one VM: what each mirrors, what stands in its entries, who links to it. The
// entries themselves are words in host memory; here is what a hypervisor notes beside them.
//
//   const ShadowId id = cache.add({guest_table, role}, host_frame);
//   cache.find(key);                  // the table with exactly this key, or kNoShadow
//   cache.is_protected(guest_table);  // the guest must not write this frame unseen
//
// A value: tables refer to each other by number. Not for: writing entries (ShadowPager does).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "model/hypervisor/shadow_reverse_map.h"
#include "model/hypervisor/shadow_role.h"

namespace nestwalk {

struct ShadowEntry {
  enum class Kind : std::uint8_t { kEmpty, kLeaf, kTable };
  Kind kind = Kind::kEmpty;
  ShadowId child = kNoShadow;  // kTable
  Gpa page;                    // kLeaf: the guest-physical page that it maps
};

struct ShadowTable {
  ShadowKey key;
  Hpa frame;
  std::vector<ShadowLink> parents;
  std::vector<ShadowEntry> entries;  // kShadowEntries
  std::uint32_t num_roots = 0;       // virtual CPUs that have it as their root
  std::uint32_t num_writes = 0;      // emulated since a fault last came through it
  std::uint64_t last_use = 0;
  // Found by its key. A root that is dropped while a virtual CPU uses it, and what stands above the
  // tables of a 32-bit guest, are not.
  bool is_listed = true;
  bool is_out_of_sync = false;
};

class ShadowCache {
 public:
  [[nodiscard]] ShadowId add(const ShadowKey& key, Hpa frame, bool is_listed = true);
  // Without parents, entries and roots.
  void remove(ShadowId id);
  // From here on it is found by no key and protects no frame.
  void unlist(ShadowId id);

  [[nodiscard]] ShadowTable& table(ShadowId id);
  [[nodiscard]] const ShadowTable& table(ShadowId id) const;
  [[nodiscard]] ShadowId find(const ShadowKey& key) const;
  // Shadows of the guest table in a frame; direct ones mirror none.
  [[nodiscard]] std::vector<ShadowId> shadows_of(Gpa frame) const;
  [[nodiscard]] bool is_shadowed(Gpa frame) const;
  // Shadowed, and in sync.
  [[nodiscard]] bool is_protected(Gpa frame) const;
  // Whether a shadowed frame lies in the page of 2^bits bytes.
  [[nodiscard]] bool has_shadowed_in(Gpa page, unsigned bits) const;
  [[nodiscard]] std::vector<Gpa> shadowed_in(Gpa page, unsigned bits) const;

  void set_out_of_sync(ShadowId id, bool is_out_of_sync);
  [[nodiscard]] const std::set<ShadowId>& out_of_sync() const { return out_of_sync_; }

  void touch(ShadowId id) { table(id).last_use = ++clock_; }
  // The table unused longest that is nobody's root, or kNoShadow.
  [[nodiscard]] ShadowId find_oldest() const;

  [[nodiscard]] std::uint64_t num_tables() const { return tables_.size() - free_.size(); }
  // Calls visit(ShadowId, const ShadowTable&) for each.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t i = 0; i < tables_.size(); ++i) {
      if (!tables_[i].entries.empty()) {
        visit(ShadowId{static_cast<std::uint32_t>(i)}, tables_[i]);
      }
    }
  }

 private:
  using ByFrame = std::map<std::uint64_t, std::vector<ShadowId>>;
  [[nodiscard]] ByFrame& index_of(const ShadowKey& key) {
    return key.role.direct ? direct_ : shadowed_;
  }

  std::vector<ShadowTable> tables_;  // by number; without entries: free
  std::vector<ShadowId> free_;
  ByFrame shadowed_;  // listed ones
  ByFrame direct_;
  std::set<ShadowId> out_of_sync_;
  std::uint64_t clock_ = 0;
};

}  // namespace nestwalk
