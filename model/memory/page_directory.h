// Where the pages of a sparse memory lie in the host's: page number to pointer, in one load. A flat
// table over address space that the host fills only where it is written: eight bytes for each page
// in use, one host page for each 2 MiB touched.
//
//   PageDirectory directory(num_pages);
//   directory.set(7, data);
//   directory.find(7);  // data
//   directory.find(8);  // nullptr
//
// One table spans 1 TiB; what lies beyond has further ones, a branch away. The pointers are its
// owner's, who also copies: not for owning pages (PageStore).
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "model/arch/bits.h"
#include "model/memory/host_mapping.h"

namespace nestwalk {

class PageDirectory {
 public:
  explicit PageDirectory(std::uint64_t num_pages) : num_pages_(num_pages) {}
  PageDirectory(PageDirectory&& other) noexcept
      : num_pages_(other.num_pages_),
        first_(std::exchange(other.first_, nullptr)),
        first_entries_(std::exchange(other.first_entries_, 0)),
        tables_(std::move(other.tables_)) {}
  PageDirectory& operator=(PageDirectory&& other) noexcept {
    num_pages_ = other.num_pages_;
    first_ = std::exchange(other.first_, nullptr);
    first_entries_ = std::exchange(other.first_entries_, 0);
    tables_ = std::move(other.tables_);
    return *this;
  }
  PageDirectory(const PageDirectory&) = delete;
  PageDirectory& operator=(const PageDirectory&) = delete;
  ~PageDirectory() = default;

  // nullptr for a page that was not set.
  [[nodiscard]] std::byte* find(std::uint64_t number) const {
    if (number < first_entries_) [[likely]] {
      return first_[number];
    }
    return find_beyond(number);
  }
  // `number` is below num_pages.
  void set(std::uint64_t number, std::byte* page);
  void clear();

 private:
  static constexpr unsigned kTableBits = 28;

  [[nodiscard]] std::byte* find_beyond(std::uint64_t number) const;

  std::uint64_t num_pages_;
  // The first table, once something in it is set.
  std::byte** first_ = nullptr;
  std::uint64_t first_entries_ = 0;
  std::vector<HostMapping> tables_;  // of each TiB up to the highest that has pages
};

}  // namespace nestwalk
