#include "model/cli/trace_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <span>
#include <string_view>
#include <vector>

#include "model/workload/trace_error.h"
#include "model/workload/trace_reader.h"

namespace nestwalk {

namespace {

constexpr std::size_t kMaxBatch = 4096;

std::string event_text(const TraceEvent& event) {
  const Region& region = event.region;
  const std::uint64_t start = region.start.value();
  const std::string name = fmt::format("{:<9}", name_of(event.kind));
  switch (event.kind) {
    case TraceEventKind::kMap:
      return fmt::format("{}{:#14x} to {:#x} {} {}", name, start, start + region.length_bytes,
                         rights_text(region.rights), region.name);
    case TraceEventKind::kUnmap:
      return fmt::format("{}{:#14x} to {:#x}", name, start, start + region.length_bytes);
    case TraceEventKind::kProtect:
      return fmt::format("{}{:#14x} to {:#x} {}", name, start, start + region.length_bytes,
                         rights_text(region.rights));
    case TraceEventKind::kBreak:
      return fmt::format("{}{:#14x}, {} bytes in all", name, start, region.length_bytes);
    case TraceEventKind::kFork:
      return fmt::format("{}process {}", name, event.target_process);
    case TraceEventKind::kExec:
      return fmt::format("{}{}", name, region.name);
    case TraceEventKind::kExit:
      return std::string(name_of(event.kind));
    case TraceEventKind::kSwitchProcess:
      return fmt::format("switch   to process {}", event.target_process);
  }
  return name;
}

}  // namespace

std::string rights_text(const RegionRights& rights) {
  return fmt::format("{}{}{}", rights.read ? 'r' : '-', rights.write ? 'w' : '-',
                     rights.execute ? 'x' : '-');
}

std::string record_text(const TraceRecord& record) {
  if (record.event != nullptr) {
    return event_text(*record.event);
  }
  constexpr std::array<std::string_view, 3> kTypes = {"read", "write", "fetch"};
  return fmt::format("{:<9}{:#14x} {:>3}", kTypes[static_cast<std::size_t>(record.type)],
                     record.address.value(), record.size_bytes);
}

int run_trace_head(const TraceHeadOptions& options, const Streams& streams) {
  try {
    TraceReader reader(options.path);
    streams.out << "process  instructions  record\n";
    std::uint64_t left = options.num_records;
    std::uint64_t num_instructions = 0;
    std::vector<TraceRecord> batch(std::min<std::uint64_t>(left, kMaxBatch));
    while (const std::size_t count = reader.next_batch(
               std::span(batch).first(std::min<std::uint64_t>(left, batch.size())))) {
      for (const TraceRecord& record : std::span(batch).first(count)) {
        num_instructions += record.num_instructions;
        streams.out << fmt::format("{:>7}  {:>12}  {}\n", record.process, num_instructions,
                                   record_text(record));
      }
      left -= count;
    }
    return kExitOk;
  } catch (const TraceError& error) {
    streams.err << "nestwalk trace: " << error.what() << "\n";
    return kExitInput;
  }
}

}  // namespace nestwalk
