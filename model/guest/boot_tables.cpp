#include "model/guest/boot_tables.h"

#include <algorithm>

namespace nestwalk {
namespace {

class Builder {
 public:
  Builder(BootMemory& memory, GuestFrames& frames, const DirectMapRequest& request)
      : memory_(memory),
        frames_(frames),
        request_(request),
        codec_(request.format, request.control),
        layout_(guest_layout(request.format)),
        base_(layout_.direct_map_base),
        low_bytes_(std::min(layout_.low_bytes, request.memory_bytes)) {}

  std::optional<KernelHalf> build() {
    const std::optional<Gpa> root = allocate();
    if (!root) {
      return std::nullopt;
    }
    half_.root = *root;
    if (!fill(*root, codec_.format().levels, 0) || !add_window()) {
      return std::nullopt;
    }
    return half_;
  }

 private:
  std::optional<Gpa> allocate() {
    ++half_.num_tables;
    return frames_.allocate_table();
  }

  // Fills the table of `level` for the guest memory from `first` on, as far as the table reaches.
  bool fill(Gpa table, unsigned level, std::uint64_t first) {
    const PagingFormat& format = codec_.format();
    const unsigned span_bits = format.table_span_bits(level);
    const std::uint64_t span = (base_ + first) >> span_bits;
    std::uint64_t at = first;  // the base is aligned to every page size, so this is as well
    while (at < low_bytes_ && (base_ + at) >> span_bits == span) {
      const std::optional<std::uint64_t> entry = make_entry(level, at);
      if (!entry) {
        return false;
      }
      write(table, level, at, *entry);
      at += bit(format.page_bits(level));
    }
    return true;
  }

  std::optional<std::uint64_t> make_entry(unsigned level, std::uint64_t at) {
    const bool is_whole = low_bytes_ - at >= bit(codec_.format().page_bits(level));
    if (is_whole && has_leaf_at(codec_.format(), level, request_.control)) {
      return codec_.leaf(
          level, Gpa(at),
          {.write = true, .accessed = true, .dirty = true, .global = request_.global_pages});
    }
    const std::optional<Gpa> table = allocate();
    if (!table || !fill(*table, level - 1, at)) {
      return std::nullopt;
    }
    return codec_.table(level, *table, EntryCodec::Half::kKernel);
  }

  // One empty table of level 1, below the last table of the direct map (PAE) or below the root.
  bool add_window() {
    if (request_.memory_bytes <= low_bytes_) {
      return true;
    }
    const std::optional<Gpa> table = allocate();
    if (!table) {
      return false;
    }
    half_.window_table = *table;
    write(last_of_level_2_, 2, layout_.window_base - base_,
          codec_.table(2, *table, EntryCodec::Half::kKernel));
    return true;
  }

  void write(Gpa table, unsigned level, std::uint64_t at, std::uint64_t entry) {
    if (level == 2) {
      last_of_level_2_ = table;
    }
    const Gva address(base_ + at);
    const std::uint64_t index = codec_.format().index(level, address.value());
    memory_.write(table + index * codec_.bytes(), codec_.bytes(), entry);
    if (level == codec_.format().levels) {
      half_.entries.push_back({address, entry});
    }
  }

  BootMemory& memory_;
  GuestFrames& frames_;
  const DirectMapRequest& request_;
  EntryCodec codec_;
  GuestLayout layout_;
  std::uint64_t base_;
  std::uint64_t low_bytes_;
  Gpa last_of_level_2_;  // the table that was written last
  KernelHalf half_;
};

}  // namespace

std::optional<KernelHalf> build_direct_map(BootMemory& memory, GuestFrames& frames,
                                           const DirectMapRequest& request) {
  return Builder(memory, frames, request).build();
}

}  // namespace nestwalk
