#include "model/memory/sparse_memory.h"

#include <algorithm>

namespace nestwalk {

namespace {

// Splits [address, address + num_bytes) at page borders: visit(Hpa piece, offset, piece_bytes).
template <class Visit>
void for_each_piece(Hpa address, std::uint64_t num_bytes, Visit&& visit) {
  std::uint64_t done = 0;
  while (done < num_bytes) {
    const Hpa piece = address + done;
    const std::uint64_t to_border =
        SparseMemory::kPageBytes - piece.offset(SparseMemory::kPageBits);
    const std::uint64_t piece_bytes = std::min(num_bytes - done, to_border);
    visit(piece, done, piece_bytes);
    done += piece_bytes;
  }
}

}  // namespace

SparseMemory::SparseMemory(std::uint64_t size_bytes)
    : size_bytes_(size_bytes), directory_(size_bytes >> kPageBits) {
  fatal_unless(size_bytes <= bit(kMaxSizeBits), "a memory has at most 2^52 bytes");
  fatal_unless(Hpa(size_bytes).offset(kPageBits) == 0, "a memory has whole pages");
}

SparseMemory::SparseMemory(const SparseMemory& other)
    : size_bytes_(other.size_bytes_), directory_(other.size_bytes_ >> kPageBits) {
  *this = other;
}

SparseMemory& SparseMemory::operator=(const SparseMemory& other) {
  if (this == &other) {
    return *this;
  }
  size_bytes_ = other.size_bytes_;
  directory_ = PageDirectory(size_bytes_ >> kPageBits);
  pages_ = other.pages_;
  page_numbers_ = other.page_numbers_;
  for (std::uint32_t page = 0; page < pages_.num_pages(); ++page) {
    directory_.set(page_numbers_[page], pages_.data(page));
  }
  return *this;
}

bool SparseMemory::read_entry_checked(Hpa address, unsigned num_bytes, std::uint64_t& word) const {
  if (!contains(address, num_bytes)) {
    return false;
  }
  word = read(address, num_bytes);
  return true;
}

void SparseMemory::read_bytes(Hpa address, std::span<std::byte> to) const {
  fatal_unless(contains(address, to.size()), "a read is inside the memory");
  for_each_piece(address, to.size(),
                 [&](Hpa piece, std::uint64_t offset, std::uint64_t piece_bytes) {
                   const std::byte* page = page_if_present(piece);
                   if (page == nullptr) {
                     std::memset(to.data() + offset, 0, piece_bytes);
                   } else {
                     std::memcpy(to.data() + offset, page + piece.offset(kPageBits), piece_bytes);
                   }
                 });
}

void SparseMemory::write_bytes(Hpa address, std::span<const std::byte> from) {
  fatal_unless(contains(address, from.size()), "a write is inside the memory");
  for_each_piece(
      address, from.size(), [&](Hpa piece, std::uint64_t offset, std::uint64_t piece_bytes) {
        const auto part = from.subspan(offset, piece_bytes);
        const auto is_zero = [](std::byte b) { return b == std::byte{0}; };
        if (page_if_present(piece) != nullptr || !std::ranges::all_of(part, is_zero)) {
          std::memcpy(materialize(piece) + piece.offset(kPageBits), part.data(), piece_bytes);
        }
      });
  notify(address, from.size());
}

void SparseMemory::zero_bytes(Hpa address, std::uint64_t num_bytes) {
  fatal_unless(contains(address, num_bytes), "a write is inside the memory");
  for_each_piece(address, num_bytes, [&](Hpa piece, std::uint64_t, std::uint64_t piece_bytes) {
    if (std::byte* page = page_if_present(piece)) {
      std::memset(page + piece.offset(kPageBits), 0, piece_bytes);
    }
  });
  notify(address, num_bytes);
}

std::byte* SparseMemory::page_if_present(Hpa address) {
  fatal_unless(contains(address, 1), "a page is inside the memory");
  return find(address);
}

const std::byte* SparseMemory::page_if_present(Hpa address) const {
  fatal_unless(contains(address, 1), "a page is inside the memory");
  return find(address);
}

std::byte* SparseMemory::materialize(Hpa address) {
  fatal_unless(contains(address, 1), "a page is inside the memory");
  std::byte* page = find(address);
  return page == nullptr ? add_page(address) : page;
}

void SparseMemory::clear() {
  directory_.clear();
  pages_.clear();
  page_numbers_.clear();
}

std::byte* SparseMemory::add_page(Hpa address) {
  const std::uint64_t number = address.value() >> kPageBits;
  std::byte* page = pages_.data(pages_.add());
  page_numbers_.push_back(number);
  directory_.set(number, page);
  return page;
}

}  // namespace nestwalk
