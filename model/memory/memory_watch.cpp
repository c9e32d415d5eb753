#include "model/memory/memory_watch.h"

#include <algorithm>
#include <utility>

#include "model/arch/check.h"

namespace nestwalk {

MemoryWatch::Handle MemoryWatch::add(Hpa first, std::uint64_t num_bytes, Callback callback) {
  fatal_unless(num_bytes != 0, "a watched range is not empty");
  longest_bytes_ = std::max(longest_bytes_, num_bytes);
  ranges_.emplace(first.value(),
                  Range{first.value() + num_bytes, ++last_handle_, std::move(callback)});
  return last_handle_;
}

void MemoryWatch::remove(Handle handle) {
  const auto it = std::ranges::find_if(
      ranges_, [&](const auto& range) { return range.second.handle == handle; });
  fatal_unless(it != ranges_.end(), "a removed watch was added");
  ranges_.erase(it);
}

void MemoryWatch::on_write(Hpa address, std::uint64_t num_bytes) {
  // A range that reaches the write starts less than the longest range's length before it.
  const std::uint64_t begin = address.value();
  const std::uint64_t lowest = begin < longest_bytes_ ? 0 : begin - longest_bytes_ + 1;
  const auto end = ranges_.lower_bound(begin + num_bytes);
  for (auto it = ranges_.lower_bound(lowest); it != end; ++it) {
    if (it->second.end > begin) {
      it->second.callback(address, num_bytes);
    }
  }
}

}  // namespace nestwalk
