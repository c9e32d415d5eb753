#include "model/workload/trace_import.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "model/workload/byte_source.h"
#include "model/workload/foreign_trace.h"
#include "model/workload/trace_error.h"
#include "model/workload/trace_writer.h"

namespace nestwalk {
namespace {

constexpr unsigned kPageBits = 12;
constexpr std::uint64_t kAccessesPerCall = 1000000;
constexpr const char* kRegionName = "[imported]";

// The pages that were touched, and how.
class TouchedPageRights {
 public:
  void touch(const TraceRecord& access) {
    const std::uint64_t first = access.address.value();
    const std::uint64_t last = first + (std::max<std::uint64_t>(access.size_bytes, 1) - 1);
    for (std::uint64_t page = first >> kPageBits; page <= last >> kPageBits; ++page) {
      std::uint64_t& recent = recent_[static_cast<std::size_t>(access.type)];
      if (page != recent) {
        recent = page;
        RegionRights& rights = pages_.try_emplace(page, RegionRights{.read = false}).first->second;
        rights.read |= access.type == AccessType::kRead;
        rights.write |= access.type == AccessType::kWrite;
        rights.execute |= access.type == AccessType::kFetch;
      }
    }
  }

  [[nodiscard]] std::uint64_t num_pages() const { return pages_.size(); }

  // Neighbours are one region; code and data are not.
  [[nodiscard]] std::vector<Region> regions() const {
    std::vector<std::pair<std::uint64_t, RegionRights>> pages(pages_.begin(), pages_.end());
    std::sort(pages.begin(), pages.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<Region> regions;
    for (const auto& [page, rights] : pages) {
      const std::uint64_t start = page << kPageBits;
      if (!regions.empty() && regions.back().rights.execute == rights.execute &&
          regions.back().start.value() + regions.back().length_bytes == start) {
        regions.back().length_bytes += std::uint64_t{1} << kPageBits;
        regions.back().rights.read |= rights.read;
        regions.back().rights.write |= rights.write;
      } else {
        regions.push_back({.start = Gva(start),
                           .length_bytes = std::uint64_t{1} << kPageBits,
                           .rights = rights,
                           .name = kRegionName});
      }
    }
    return regions;
  }

 private:
  static constexpr std::uint64_t kNoPage = ~std::uint64_t{0};
  std::array<std::uint64_t, 3> recent_{kNoPage, kNoPage, kNoPage};  // by access type
  std::unordered_map<std::uint64_t, RegionRights> pages_;
};

class Import {
 public:
  Import(const ImportOptions& options, const ImportCallback& callback)
      : options_(options),
        callback_(callback),
        source_(options.input_path),
        trace_(open_foreign_trace(source_)) {
    result_.format = trace_->format();
    result_.compression = name_of(source_.compression());
    writer_.emplace(options.output_path,
                    TraceWriterOptions{.command = options.input_path,
                                       .source = fmt::format("import of {}", result_.format),
                                       .compression_level = options.compression_level});
  }

  ImportResult run() {
    std::vector<TraceRecord> records;
    while (goes_on_ && trace_->next(records)) {
      for (auto record = records.begin(); goes_on_ && record != records.end(); ++record) {
        take(*record);
      }
    }
    if (writer_->num_accesses() == 0) {
      throw TraceError({.path = source_.path(),
                        .offset = source_.num_read(),
                        .found = "the end of the file without any access",
                        .expected = fmt::format("accesses in the form of {}", result_.format)});
    }
    const std::vector<Region> regions = pages_.regions();
    writer_->finish(regions);
    result_.num_accesses = writer_->num_accesses();
    result_.num_pages = pages_.num_pages();
    result_.num_regions = regions.size();
    result_.file_bytes = writer_->file_bytes();
    return result_;
  }

 private:
  void take(const TraceRecord& record) {
    pages_.touch(record);
    writer_->append(record);
    result_.num_instructions += record.num_instructions;
    const std::uint64_t count = writer_->num_accesses();
    goes_on_ = count != options_.max_accesses &&
               (count % kAccessesPerCall != 0 || !callback_ || callback_(count));
  }

  const ImportOptions& options_;
  const ImportCallback& callback_;
  ByteSource source_;
  std::unique_ptr<ForeignTrace> trace_;
  std::optional<TraceWriter> writer_;
  TouchedPageRights pages_;
  bool goes_on_ = true;
  ImportResult result_;
};

}  // namespace

ImportResult import_trace(const ImportOptions& options, const ImportCallback& callback) {
  Import import(options, callback);
  try {
    return import.run();
  } catch (...) {
    std::remove(options.output_path.c_str());  // ours: it did not exist before
    throw;
  }
}

}  // namespace nestwalk
