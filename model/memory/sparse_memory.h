// Host-physical memory with content only where it was written: a terabyte costs nothing until then.
// A value: a copy is an independent memory with the same content and no observer.
//
//   SparseMemory memory(std::uint64_t{1} << 40);
//   memory.write(Hpa{0x1000}, 8, 0x2007);
//   memory.read(Hpa{0x1000}, 8);  // 0x2007
//   memory.read(Hpa{0x8000}, 8);  // 0, and no page comes to be
//
// Scalar accesses are little-endian, 1, 2, 4 or 8 bytes, naturally aligned and inside the memory;
// whoever passes on an address that may lie outside asks contains() first.
// Not for: timing, ownership (FrameOwnerMap), allocation (FrameAllocator), use by several threads.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "model/arch/address.h"
#include "model/arch/bits.h"
#include "model/arch/check.h"
#include "model/memory/memory_observer.h"
#include "model/memory/page_directory.h"
#include "model/memory/page_store.h"

namespace nestwalk {

class SparseMemory {
 public:
  static constexpr unsigned kMaxSizeBits = 52;
  static constexpr unsigned kPageBits = PageStore::kPageBits;
  static constexpr std::size_t kPageBytes = PageStore::kPageBytes;

  explicit SparseMemory(std::uint64_t size_bytes);
  SparseMemory(const SparseMemory& other);
  SparseMemory& operator=(const SparseMemory& other);
  SparseMemory(SparseMemory&& other) noexcept = default;
  SparseMemory& operator=(SparseMemory&& other) noexcept = default;
  ~SparseMemory() = default;

  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }
  [[nodiscard]] bool contains(Hpa address, std::uint64_t num_bytes) const {
    return num_bytes <= size_bytes_ && address.value() <= size_bytes_ - num_bytes;
  }

  [[nodiscard]] std::uint64_t read(Hpa address, unsigned num_bytes) const {
    if (num_bytes == 8) [[likely]] {
      return read_word(address);
    }
    check_scalar(address, num_bytes);
    const std::byte* page = find(address);
    return page == nullptr
               ? 0
               : (load_word(page, address) >> word_shift(address)) & low_bytes(num_bytes);
  }
  // The same for 8 bytes: what a walk reads most.
  [[nodiscard]] std::uint64_t read_word(Hpa address) const {
    fatal_unless((address.value() & 7) == 0 && address.value() < size_bytes_, kScalarRule);
    const std::byte* page = find(address);
    return page == nullptr ? 0 : load_word(page, address);
  }

  // An aligned word of 4 or 8 bytes, as entries of page tables are; false: it lies outside.
  [[nodiscard]] bool read_entry(Hpa address, unsigned num_bytes, std::uint64_t& word) const {
    if (num_bytes != 8 || (address.value() & 7) != 0 || address.value() >= size_bytes_)
        [[unlikely]] {
      return read_entry_checked(address, num_bytes, word);
    }
    const std::byte* page = find(address);
    word = page == nullptr ? 0 : load_word(page, address);
    return true;
  }

  // Tells the host that the word at an address inside the memory will be read soon.
  void prefetch(Hpa address) const {
    if (const std::byte* page = find(address)) {
      __builtin_prefetch(page + word_offset(address));
    }
  }

  // Writing zero where nothing was written yet allocates nothing.
  void write(Hpa address, unsigned num_bytes, std::uint64_t value) {
    check_scalar(address, num_bytes);
    const std::uint64_t ones = low_bytes(num_bytes);
    std::byte* page = find(address);
    if (page == nullptr && (value & ones) != 0) {
      page = add_page(address);
    }
    if (page != nullptr) {
      const unsigned shift = word_shift(address);
      const std::uint64_t kept = load_word(page, address) & ~(ones << shift);
      store_word(page, address, kept | ((value & ones) << shift));
    }
    notify(address, num_bytes);
  }

  // Stores `desired` and returns true if the memory holds `expected`; else changes nothing.
  bool compare_and_swap(Hpa address, unsigned num_bytes, std::uint64_t expected,
                        std::uint64_t desired) {
    if (read(address, num_bytes) != (expected & low_bytes(num_bytes))) {
      return false;
    }
    write(address, num_bytes, desired);
    return true;
  }

  // Any length and alignment.
  void read_bytes(Hpa address, std::span<std::byte> to) const;
  void write_bytes(Hpa address, std::span<const std::byte> from);
  void zero_bytes(Hpa address, std::uint64_t num_bytes);

  // The kPageBytes of the page that holds an address, valid as long as this memory, until clear()
  // or assignment. The observer does not see what is written through them.
  [[nodiscard]] std::byte* page_if_present(Hpa address);
  [[nodiscard]] const std::byte* page_if_present(Hpa address) const;
  [[nodiscard]] std::byte* materialize(Hpa address);

  [[nodiscard]] std::uint64_t num_pages() const { return pages_.num_pages(); }
  // Calls visit(Hpa first, const std::byte* content) for every page with content, in the order in
  // which they came to be.
  template <class Visit>
  void for_each_page(Visit&& visit) const {
    for (std::uint32_t page = 0; page < pages_.num_pages(); ++page) {
      visit(Hpa(page_numbers_[page] << kPageBits),
            static_cast<const std::byte*>(pages_.data(page)));
    }
  }

  // Forgets all content; cheaper than a new memory.
  void clear();

  // At most one; nullptr for none. It must outlive this memory or be taken away.
  void set_observer(MemoryObserver* observer) { observer_.set(observer); }

 private:
  static_assert(std::endian::native == std::endian::little, "words are stored as the host's");

  static constexpr std::string_view kScalarRule =
      "a scalar access is aligned and inside the memory";

  static constexpr unsigned word_shift(Hpa address) {
    return static_cast<unsigned>(address.offset(3)) * 8;
  }
  static constexpr std::uint64_t low_bytes(unsigned num_bytes) {
    return ~std::uint64_t{0} >> (64 - 8 * num_bytes);
  }
  void check_scalar(Hpa address, unsigned num_bytes) const {
    // A memory has whole pages, so what is aligned and starts inside also ends inside.
    constexpr unsigned kScalarSizes = 1U << 1 | 1U << 2 | 1U << 4 | 1U << 8;
    fatal_unless(num_bytes <= 8 && (kScalarSizes >> num_bytes & 1U) != 0 &&
                     (address.value() & (num_bytes - 1)) == 0 && address.value() < size_bytes_,
                 kScalarRule);
  }

  bool read_entry_checked(Hpa address, unsigned num_bytes, std::uint64_t& word) const;
  // The page that holds an address inside the memory, or nullptr.
  [[nodiscard]] std::byte* find(Hpa address) const {
    return directory_.find(address.value() >> kPageBits);
  }
  static std::size_t word_offset(Hpa address) { return address.page(3).offset(kPageBits); }
  static std::uint64_t load_word(const std::byte* page, Hpa address) {
    std::uint64_t word = 0;
    std::memcpy(&word, page + word_offset(address), sizeof word);
    return word;
  }
  static void store_word(std::byte* page, Hpa address, std::uint64_t word) {
    std::memcpy(page + word_offset(address), &word, sizeof word);
  }
  void notify(Hpa address, std::uint64_t num_bytes) {
    if (observer_.get() != nullptr) [[unlikely]] {
      observer_.get()->on_write(address, num_bytes);
    }
  }
  std::byte* add_page(Hpa address);

  std::uint64_t size_bytes_;
  PageDirectory directory_;
  PageStore pages_;
  std::vector<std::uint64_t> page_numbers_;  // of each page in pages_
  ObserverLink observer_;
};

}  // namespace nestwalk
