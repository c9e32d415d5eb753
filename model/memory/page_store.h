// Host storage for 4 KiB pages, handed out in order of first use, so that the table pages of a run
// lie side by side in host memory however far apart their addresses are.
//
//   PageStore store;
//   const std::uint32_t page = store.add();  // zeroed
//   store.data(page)[0] = std::byte{1};
//
// Not for: addresses (SparseMemory's). Pages are never given back one by one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/memory/host_mapping.h"

namespace nestwalk {

class PageStore {
 public:
  static constexpr unsigned kPageBits = 12;
  static constexpr std::size_t kPageBytes = std::size_t{1} << kPageBits;

  PageStore() = default;
  PageStore(const PageStore& other);
  PageStore& operator=(const PageStore& other);
  PageStore(PageStore&&) noexcept = default;
  PageStore& operator=(PageStore&&) noexcept = default;
  ~PageStore() = default;

  // Adds a zeroed page and returns its number; numbers count from 0.
  std::uint32_t add();
  // Forgets all pages but keeps their storage.
  void clear() { num_pages_ = 0; }

  [[nodiscard]] std::uint32_t num_pages() const { return num_pages_; }
  [[nodiscard]] std::byte* data(std::uint32_t page) const {
    return slabs_[page >> kSlabPageBits].data() +
           (std::size_t{page & (kPagesPerSlab - 1)} << kPageBits);
  }

 private:
  static constexpr unsigned kSlabPageBits = 9;  // a slab is one 2 MiB host page where possible
  static constexpr std::uint32_t kPagesPerSlab = 1U << kSlabPageBits;

  std::vector<HostMapping> slabs_;
  std::uint32_t num_pages_ = 0;
  std::uint32_t num_used_pages_ = 0;  // pages below may hold old content
};

}  // namespace nestwalk
