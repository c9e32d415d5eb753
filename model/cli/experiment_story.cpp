#include "model/cli/experiment_story.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <utility>

#include "model/arch/bits.h"
#include "model/arch/fault.h"
#include "model/arch/paging_format.h"
#include "model/guest/guest_layout.h"

namespace nestwalk {

namespace {

// Whom a record enters, if anybody.
std::optional<LogActor> entered_by(const LogRecord& r) {
  switch (r.kind) {
    case LogKind::kVmExit:
      return LogActor::kHypervisor;
    case LogKind::kPageFault:
    case LogKind::kSystemCall:
    case LogKind::kSwitch:
      return LogActor::kGuestKernel;
    default:
      return std::nullopt;
  }
}

std::string joined(const std::string& list, const std::string& next, const char* separator) {
  return list.empty() ? next : list + separator + next;
}

std::string entry_text(const LogRecord& r) {
  return fmt::format("{} level {}: {:#x} to {:#x}", name_of(r.table.table), r.table.level,
                     r.old_value, r.value);
}

// What an exit is about.
std::string operand_of(const LogRecord& r, const StoryPages& pages) {
  if (r.cause == name_of(FaultKind::kEptViolation) ||
      r.cause == name_of(FaultKind::kNestedPageFault)) {
    return fmt::format(" of GPA {:#x}", r.address);
  }
  return r.address == 0 ? std::string() : " of " + pages.name_of(r.address);
}

std::string what_of(const LogRecord& r, const StoryPages& pages) {
  switch (r.kind) {
    case LogKind::kSystemCall:
      return fmt::format("calls {}", r.cause);
    case LogKind::kSwitch:
      return "switches to the other process";
    case LogKind::kPageFault:
      return fmt::format("page fault to the guest kernel: {} of {}, code {:#x}", r.cause,
                         pages.name_of(r.address), r.value);
    case LogKind::kHandlerEnd:
      return fmt::format("returns: {}, {} cycles", r.cause, r.cycles);
    case LogKind::kVmExit:
      return fmt::format("VM exit: {}{}", r.cause, operand_of(r, pages));
    case LogKind::kVmEntry:
      return fmt::format("VM entry, {} cycles after the exit", r.cycles);
    case LogKind::kTableWrite:
      return "writes " + entry_text(r);
    case LogKind::kAccessedDirty:
      return "sets A or D: " + entry_text(r);
    case LogKind::kInvalidation:
      return fmt::format("{}: {} entries dropped", r.cause, r.count);
    case LogKind::kFrameZeroed:
      return fmt::format("zeroes {} bytes at {:#x}", r.count, r.address);
    case LogKind::kFrameCopied:
      return fmt::format("copies {} bytes to {:#x}", r.count, r.address);
  }
  return {};
}

}  // namespace

std::string StoryPages::name_of(std::uint64_t address) const {
  const std::uint64_t page = (address - base.value()) >> kSmallPageBits;
  if (address >= base.value() && page < num_pages) {
    return fmt::format("VA {}", page);
  }
  const std::uint64_t direct_map = guest_layout(FormatId::kX86FourLevel).direct_map_base;
  return address >= direct_map ? fmt::format("GPA {:#x} in the direct map", address - direct_map)
                               : fmt::format("{:#x}", address);
}

std::vector<LogActor> entries_of(const std::vector<LogRecord>& log) {
  std::vector<LogActor> entries;
  for (const LogRecord& record : log) {
    if (const auto actor = entered_by(record)) {
      entries.push_back(*actor);
    }
  }
  return entries;
}

StorySummary summary_of(const std::vector<LogRecord>& log) {
  StorySummary summary;
  std::map<LogActor, std::map<LogTable, unsigned>> writes;
  std::vector<std::pair<std::string_view, std::uint64_t>> flushes;
  for (const LogRecord& r : log) {
    summary.num_exits += r.kind == LogKind::kVmExit ? 1 : 0;
    if (r.kind == LogKind::kTableWrite || r.kind == LogKind::kAccessedDirty) {
      ++writes[r.actor][r.table.table];
    }
    if (r.kind == LogKind::kInvalidation) {
      flushes.emplace_back(r.cause, r.count);
    }
  }
  const std::vector<LogActor> entries = entries_of(log);
  for (std::size_t i = 0; i < entries.size();) {
    std::size_t end = i;
    while (end < entries.size() && entries[end] == entries[i]) {
      ++end;
    }
    const std::string name(name_of(entries[i]));
    summary.entered =
        joined(summary.entered, end - i == 1 ? name : fmt::format("{} x{}", name, end - i), ", ");
    i = end;
  }
  for (const auto& [actor, tables] : writes) {
    std::string list;
    for (const auto& [table, count] : tables) {
      list = joined(list, fmt::format("{} {}", count, name_of(table)), ", ");
    }
    summary.writes = joined(summary.writes, fmt::format("{}: {}", name_of(actor), list), "; ");
  }
  for (std::size_t i = 0; i < flushes.size();) {
    std::size_t end = i;
    std::uint64_t dropped = 0;
    while (end < flushes.size() && flushes[end].first == flushes[i].first) {
      dropped += flushes[end++].second;
    }
    const std::string times = end - i == 1 ? "" : fmt::format(" x{}", end - i);
    summary.flushed =
        joined(summary.flushed, fmt::format("{}{} ({})", flushes[i].first, times, dropped), ", ");
    i = end;
  }
  for (std::string* text : {&summary.entered, &summary.writes, &summary.flushed}) {
    *text = text->empty() ? "-" : *text;
  }
  return summary;
}

TextTable story_of(const StepResult& step, const StoryPages& pages) {
  TextTable table{step.name, {"cycle", "who", "what"}, {}};
  for (const LogRecord& r : step.log) {
    table.rows.push_back({std::to_string(r.cycle - step.log.front().cycle),
                          std::string(name_of(r.actor)), what_of(r, pages)});
  }
  return table;
}

}  // namespace nestwalk
