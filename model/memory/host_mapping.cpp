#include "model/memory/host_mapping.h"

#include <sys/mman.h>

#include <memory>
#include <new>

#include "model/arch/check.h"

namespace nestwalk {

HostMapping::HostMapping(std::size_t num_bytes, std::size_t alignment) : num_bytes_(num_bytes) {
  // Room for any place of the start, then cut to what is wanted.
  std::size_t space = num_bytes + alignment - kHostPageBytes;
  void* mapped = ::mmap(nullptr, space, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) {
    throw std::bad_alloc();
  }
  auto* const start = static_cast<std::byte*>(mapped);
  void* aligned = mapped;
  fatal_unless(std::align(alignment, num_bytes, aligned, space) != nullptr,
               "the room holds an aligned piece");
  data_ = static_cast<std::byte*>(aligned);
  if (data_ != start) {
    ::munmap(start, static_cast<std::size_t>(data_ - start));
  }
  if (space != num_bytes) {
    ::munmap(data_ + num_bytes, space - num_bytes);
  }
}

HostMapping::~HostMapping() {
  if (data_ != nullptr) {
    ::munmap(data_, num_bytes_);
  }
}

void HostMapping::prefer_huge_pages() const {
  ::madvise(data_, num_bytes_, MADV_HUGEPAGE);
}

}  // namespace nestwalk
