#include "model/memory/page_store.h"

#include <cstring>

namespace nestwalk {

PageStore::PageStore(const PageStore& other) {
  *this = other;
}

PageStore& PageStore::operator=(const PageStore& other) {
  if (this == &other) {
    return *this;
  }
  clear();
  while (num_pages_ < other.num_pages_) {
    const std::uint32_t page = add();
    std::memcpy(data(page), other.data(page), kPageBytes);
  }
  return *this;
}

std::uint32_t PageStore::add() {
  const std::uint32_t page = num_pages_;
  if ((page >> kSlabPageBits) == slabs_.size()) {
    constexpr std::size_t kSlabBytes = kPagesPerSlab * kPageBytes;
    slabs_.emplace_back(kSlabBytes, kSlabBytes);
    if (slabs_.size() > 1) {
      slabs_.back().prefer_huge_pages();  // content beyond the first slab is worth it
    }
  }
  if (page < num_used_pages_) {
    std::memset(data(page), 0, kPageBytes);
  } else {
    num_used_pages_ = page + 1;
  }
  ++num_pages_;
  return page;
}

}  // namespace nestwalk
