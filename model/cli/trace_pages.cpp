#include "model/cli/trace_pages.h"

#include <algorithm>
#include <span>
#include <unordered_set>
#include <vector>

#include "model/arch/paging_format.h"
#include "model/workload/trace_reader.h"

namespace nestwalk {

namespace {

class PageSet {
 public:
  void touch(Gva address, unsigned num_bytes) {
    const std::uint64_t last = (address + (std::max(num_bytes, 1U) - 1)).value() >> kSmallPageBits;
    for (std::uint64_t page = address.value() >> kSmallPageBits; page <= last; ++page) {
      if (page != recent_) {
        recent_ = page;
        pages_.insert(page);
      }
    }
  }
  [[nodiscard]] const std::unordered_set<std::uint64_t>& pages() const { return pages_; }

 private:
  std::uint64_t recent_ = ~std::uint64_t{0};
  std::unordered_set<std::uint64_t> pages_;
};

}  // namespace

TouchedPages read_touched_pages(const std::string& path) {
  PageSet data;
  PageSet code;
  TraceReader reader(path);
  std::vector<TraceRecord> batch(4096);
  while (const std::size_t count = reader.next_batch(batch)) {
    for (const TraceRecord& record : std::span(batch).first(count)) {
      if (record.event == nullptr) {
        PageSet& set = record.type == AccessType::kFetch ? code : data;
        set.touch(record.address, record.size_bytes);
      }
    }
  }
  TouchedPages result;
  result.num_data = data.pages().size();
  result.num_code = code.pages().size();
  result.num_distinct =
      result.num_data + static_cast<std::uint64_t>(std::count_if(
                            code.pages().begin(), code.pages().end(),
                            [&](std::uint64_t page) { return !data.pages().contains(page); }));
  return result;
}

}  // namespace nestwalk
