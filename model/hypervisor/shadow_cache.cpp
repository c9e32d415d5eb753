#include "model/hypervisor/shadow_cache.h"

#include <algorithm>

#include "model/arch/check.h"

namespace nestwalk {

ShadowId ShadowCache::add(const ShadowKey& key, Hpa frame, bool is_listed) {
  ShadowId id{static_cast<std::uint32_t>(tables_.size())};
  if (free_.empty()) {
    tables_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  ShadowTable& table = tables_[static_cast<std::size_t>(id)];
  table.key = key;
  table.frame = frame;
  table.entries.resize(kShadowEntries);
  table.is_listed = is_listed;
  table.last_use = ++clock_;
  if (is_listed) {
    index_of(key)[key.frame.value()].push_back(id);
  }
  return id;
}

void ShadowCache::remove(ShadowId id) {
  unlist(id);
  const ShadowTable& gone = table(id);
  fatal_unless(gone.parents.empty() && gone.num_roots == 0, "a table that is removed is unused");
  tables_[static_cast<std::size_t>(id)] = {};
  free_.push_back(id);
}

void ShadowCache::unlist(ShadowId id) {
  set_out_of_sync(id, false);
  ShadowTable& gone = table(id);
  if (!gone.is_listed) {
    return;
  }
  gone.is_listed = false;
  ByFrame& index = index_of(gone.key);
  const auto found = index.find(gone.key.frame.value());
  std::erase(found->second, id);
  if (found->second.empty()) {
    index.erase(found);
  }
}

ShadowTable& ShadowCache::table(ShadowId id) {
  ShadowTable& table = tables_.at(static_cast<std::size_t>(id));
  fatal_unless(!table.entries.empty(), "a shadow table is used while it exists");
  return table;
}

const ShadowTable& ShadowCache::table(ShadowId id) const {
  const ShadowTable& table = tables_.at(static_cast<std::size_t>(id));
  fatal_unless(!table.entries.empty(), "a shadow table is used while it exists");
  return table;
}

ShadowId ShadowCache::find(const ShadowKey& key) const {
  const ByFrame& index = key.role.direct ? direct_ : shadowed_;
  const auto found = index.find(key.frame.value());
  if (found != index.end()) {
    for (const ShadowId id : found->second) {
      if (table(id).key == key) {
        return id;
      }
    }
  }
  return kNoShadow;
}

std::vector<ShadowId> ShadowCache::shadows_of(Gpa frame) const {
  const auto found = shadowed_.find(frame.value());
  return found == shadowed_.end() ? std::vector<ShadowId>() : found->second;
}

bool ShadowCache::is_shadowed(Gpa frame) const {
  return shadowed_.contains(frame.value());
}

// All shadows of a frame are in sync or none is.
bool ShadowCache::is_protected(Gpa frame) const {
  const auto found = shadowed_.find(frame.value());
  return found != shadowed_.end() && !table(found->second.front()).is_out_of_sync;
}

bool ShadowCache::has_shadowed_in(Gpa page, unsigned bits) const {
  const auto first = shadowed_.lower_bound(page.value());
  return first != shadowed_.end() && first->first - page.value() < bit(bits);
}

std::vector<Gpa> ShadowCache::shadowed_in(Gpa page, unsigned bits) const {
  std::vector<Gpa> frames;
  for (auto it = shadowed_.lower_bound(page.value());
       it != shadowed_.end() && it->first - page.value() < bit(bits); ++it) {
    frames.emplace_back(it->first);
  }
  return frames;
}

void ShadowCache::set_out_of_sync(ShadowId id, bool is_out_of_sync) {
  table(id).is_out_of_sync = is_out_of_sync;
  if (is_out_of_sync) {
    out_of_sync_.insert(id);
  } else {
    out_of_sync_.erase(id);
  }
}

ShadowId ShadowCache::find_oldest() const {
  ShadowId oldest = kNoShadow;
  for_each([&](ShadowId id, const ShadowTable& each) {
    if (each.num_roots == 0 && each.is_listed &&
        (oldest == kNoShadow || each.last_use < table(oldest).last_use)) {
      oldest = id;
    }
  });
  return oldest;
}

}  // namespace nestwalk
