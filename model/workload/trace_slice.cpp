#include "model/workload/trace_slice.h"

#include <algorithm>
#include <cstdio>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "model/workload/trace_error.h"
#include "model/workload/trace_reader.h"
#include "model/workload/trace_regions.h"
#include "model/workload/trace_writer.h"

namespace nestwalk {
namespace {

constexpr std::size_t kBatchRecords = 4096;

class Slicer {
 public:
  Slicer(const SliceOptions& options, TraceReader& reader)
      : options_(options),
        reader_(reader),
        writer_(options.output_path,
                {.command = fmt::format("{}, {} accesses from {}", reader.info().command,
                                        options.count, options.from),
                 .source = reader.info().source,
                 .compression_level = options.compression_level}) {}

  SliceResult run() {
    std::vector<TraceRecord> batch(kBatchRecords);
    std::size_t got = 0;
    while (num_seen_ - skipped() < options_.count && (got = reader_.next_batch(batch)) != 0) {
      for (const TraceRecord& record : std::span(batch).first(got)) {
        take(record);
      }
    }
    writer_.finish(initial_regions_);
    result_.num_accesses = writer_.num_accesses();
    result_.num_regions = initial_regions_.size();
    result_.file_bytes = writer_.file_bytes();
    return result_;
  }

 private:
  // Accesses seen that lie before the slice.
  [[nodiscard]] std::uint64_t skipped() const { return std::min(num_seen_, options_.from); }

  void take(const TraceRecord& record) {
    if (record.event == nullptr) {
      if (num_seen_ == options_.from && options_.count != 0) {
        begin(record.process);
      }
      const bool is_inside = has_begun_ && num_seen_ - options_.from < options_.count;
      ++num_seen_;
      if (is_inside) {
        append(record);
      }
      return;
    }
    if (!has_begun_) {
      regions_.apply(record);
    } else if (num_seen_ - options_.from < options_.count) {
      append(record);
    }
  }

  void append(const TraceRecord& record) {
    writer_.append(record);
    result_.num_instructions += record.num_instructions;
  }

  // The state at the first access, which `current` makes.
  void begin(std::uint32_t current) {
    has_begun_ = true;
    const auto first = regions_.processes().find(0);
    if (first != regions_.processes().end()) {
      initial_regions_ = first->second.regions.regions();
    }
    std::uint32_t running = 0;
    for (const auto& [number, process] : regions_.processes()) {
      if (number != 0) {
        put(running, TraceEventKind::kFork, {}, number);
        switch_to(number, running);
        Region program;
        program.name = process.program.empty() ? reader_.info().command : process.program;
        put(running, TraceEventKind::kExec, program);
        for (const Region& region : process.regions.regions()) {
          put(running, TraceEventKind::kMap, region);
        }
      }
    }
    if (first == regions_.processes().end()) {
      switch_to(0, running);
      put(0, TraceEventKind::kExit, {});
    }
    switch_to(current, running);
  }

  void switch_to(std::uint32_t process, std::uint32_t& running) {
    if (process != running) {
      put(running, TraceEventKind::kSwitchProcess, {}, process);
      running = process;
    }
  }

  void put(std::uint32_t process, TraceEventKind kind, const Region& region,
           std::uint32_t target = 0) {
    const TraceEvent event{.kind = kind, .region = region, .target_process = target};
    TraceRecord record;
    record.event = &event;
    record.process = process;
    append(record);
  }

  const SliceOptions& options_;
  TraceReader& reader_;
  TraceWriter writer_;
  TraceRegions regions_;
  std::vector<Region> initial_regions_;
  std::uint64_t num_seen_ = 0;  // accesses
  bool has_begun_ = false;
  SliceResult result_;
};

}  // namespace

SliceResult slice_trace(const SliceOptions& options) {
  TraceReader reader(options.input_path);
  const std::uint64_t num_accesses = reader.info().num_accesses();
  if (options.from >= num_accesses || options.count == 0) {
    throw TraceError({.path = options.input_path,
                      .offset = options.from,
                      .found = options.count == 0 ? std::string("a slice of no accesses")
                                                  : fmt::format("{} accesses", num_accesses),
                      .expected = options.count == 0 ? "at least one"
                                                     : "a slice that begins before the last one",
                      .unit = "access"});
  }
  Slicer slicer(options, reader);
  try {
    return slicer.run();
  } catch (...) {
    std::remove(options.output_path.c_str());  // ours: it did not exist before
    throw;
  }
}

}  // namespace nestwalk
