// Zeroed memory straight from the operating system. It costs address space at once, and memory only
// page by page, where it is written.
//
//   HostMapping slab(std::size_t{2} << 20, std::size_t{2} << 20);  // bytes, alignment
//   slab.data()[5] = std::byte{1};
//
// Owned by one and not copied: what lies in it is its owner's to copy. Throws std::bad_alloc.
// Not for small objects: the unit is the host's page.
#pragma once

#include <cstddef>
#include <utility>

namespace nestwalk {

class HostMapping {
 public:
  static constexpr std::size_t kHostPageBytes = 4096;

  HostMapping() = default;  // nothing
  // Both are multiples of kHostPageBytes; the alignment is a power of two.
  explicit HostMapping(std::size_t num_bytes, std::size_t alignment = kHostPageBytes);
  HostMapping(HostMapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        num_bytes_(std::exchange(other.num_bytes_, 0)) {}
  HostMapping& operator=(HostMapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(num_bytes_, other.num_bytes_);
    return *this;
  }
  HostMapping(const HostMapping&) = delete;
  HostMapping& operator=(const HostMapping&) = delete;
  ~HostMapping();

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t num_bytes() const { return num_bytes_; }
  // Asks for large host pages. A host without them goes on as it is.
  void prefer_huge_pages() const;

 private:
  std::byte* data_ = nullptr;
  std::size_t num_bytes_ = 0;
};

}  // namespace nestwalk
