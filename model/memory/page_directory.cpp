#include "model/memory/page_directory.h"

#include <algorithm>

namespace nestwalk {

namespace {

std::byte** entries_of(const HostMapping& table) {
  return reinterpret_cast<std::byte**>(table.data());
}

}  // namespace

std::byte* PageDirectory::find_beyond(std::uint64_t number) const {
  const std::uint64_t table = number >> kTableBits;
  if (table >= tables_.size() || tables_[table].data() == nullptr) {
    return nullptr;
  }
  return entries_of(tables_[table])[number & mask(kTableBits - 1, 0)];
}

void PageDirectory::set(std::uint64_t number, std::byte* page) {
  const std::uint64_t table = number >> kTableBits;
  if (table >= tables_.size()) {
    tables_.resize(table + 1);
  }
  if (tables_[table].data() == nullptr) {
    // A memory below 1 TiB needs no more than its own pages.
    const std::uint64_t num_entries = std::min(bit(kTableBits), num_pages_);
    const std::uint64_t num_bytes = num_entries * sizeof(std::byte*);
    tables_[table] = HostMapping((num_bytes + HostMapping::kHostPageBytes - 1) &
                                 ~std::uint64_t{HostMapping::kHostPageBytes - 1});
    if (table == 0) {
      first_ = entries_of(tables_[0]);
      first_entries_ = num_entries;
    }
  }
  entries_of(tables_[table])[number & mask(kTableBits - 1, 0)] = page;
}

void PageDirectory::clear() {
  first_ = nullptr;
  first_entries_ = 0;
  tables_.clear();
}

}  // namespace nestwalk
