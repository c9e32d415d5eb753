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

SparseMemory::SparseMemory(std::uint64_t size_bytes) : size_bytes_(size_bytes) {
  fatal_unless(size_bytes <= bit(kMaxSizeBits), "a memory has at most 2^52 bytes");
  fatal_unless(Hpa(size_bytes).offset(kPageBits) == 0, "a memory has whole pages");
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
  const std::uint32_t page = find(address);
  return page == kNoPage ? nullptr : pages_.data(page);
}

const std::byte* SparseMemory::page_if_present(Hpa address) const {
  fatal_unless(contains(address, 1), "a page is inside the memory");
  const std::uint32_t page = find(address);
  return page == kNoPage ? nullptr : pages_.data(page);
}

std::byte* SparseMemory::materialize(Hpa address) {
  fatal_unless(contains(address, 1), "a page is inside the memory");
  const std::uint32_t page = find(address);
  return pages_.data(page == kNoPage ? add_page(address) : page);
}

void SparseMemory::clear() {
  top_.clear();
  middle_.clear();
  leaves_.clear();
  pages_.clear();
  page_numbers_.clear();
}

std::uint32_t SparseMemory::add_page(Hpa address) {
  const std::uint64_t number = address.value() >> kPageBits;
  const auto top = static_cast<std::size_t>(number >> (2 * kNodeBits));
  if (top >= top_.size()) {
    top_.resize(top + 1);
  }
  if (top_[top] == 0) {
    middle_.emplace_back();
    top_[top] = static_cast<std::uint32_t>(middle_.size());
  }
  std::uint32_t& leaf = middle_[top_[top] - 1][node_index(number >> kNodeBits)];
  if (leaf == 0) {
    leaves_.emplace_back();
    leaf = static_cast<std::uint32_t>(leaves_.size());
  }
  const std::uint32_t page = pages_.add();
  page_numbers_.push_back(number);
  leaves_[leaf - 1][node_index(number)] = page + 1;
  return page;
}

}  // namespace nestwalk
