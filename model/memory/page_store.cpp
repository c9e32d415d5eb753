#include "model/memory/page_store.h"

#include <sys/mman.h>

#include <cstring>
#include <new>

#include "model/arch/check.h"

namespace nestwalk {

namespace {

constexpr std::size_t kSlabBytes = std::size_t{1} << 21;

}  // namespace

void PageStore::Unmap::operator()(std::byte* slab) const {
  ::munmap(slab, kSlabBytes);
}

PageStore::Slab PageStore::make_slab() {
  // Twice the size, then cut to the aligned half, so that a host huge page fits.
  void* mapped = ::mmap(nullptr, 2 * kSlabBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) {
    throw std::bad_alloc();
  }
  auto* start = static_cast<std::byte*>(mapped);
  void* aligned = start;
  std::size_t space = 2 * kSlabBytes;
  fatal_unless(std::align(kSlabBytes, kSlabBytes, aligned, space) != nullptr,
               "twice a slab holds an aligned one");
  auto* slab = static_cast<std::byte*>(aligned);
  const auto head = static_cast<std::size_t>(slab - start);
  if (head != 0) {
    ::munmap(start, head);
  }
  if (head != kSlabBytes) {
    ::munmap(slab + kSlabBytes, kSlabBytes - head);
  }
  return Slab(slab);
}

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
    slabs_.push_back(make_slab());
    if (slabs_.size() > 1) {
      // Content beyond the first slab is worth a huge page. A host without them goes on as it is.
      ::madvise(slabs_.back().get(), kSlabBytes, MADV_HUGEPAGE);
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
