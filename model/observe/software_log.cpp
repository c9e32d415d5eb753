#include "model/observe/software_log.h"

#include <fmt/format.h>

namespace nestwalk {

std::string json_line(const LogRecord& r) {
  std::string line =
      fmt::format(R"({{"cycle":{},"core":{},"vm":{},"process":{},"actor":"{}","what":"{}")",
                  r.cycle, r.core, r.vm, r.process, name_of(r.actor), name_of(r.kind));
  const auto text = [&line](std::string_view key, std::string_view value) {
    line += fmt::format(R"(,"{}":"{}")", key, value);
  };
  const auto number = [&line](std::string_view key, std::uint64_t value) {
    line += fmt::format(R"(,"{}":{})", key, value);
  };
  const auto address = [&line](std::string_view key, std::uint64_t value) {
    line += fmt::format(R"(,"{}":"{:#x}")", key, value);
  };
  if (!r.cause.empty()) {
    text("cause", r.cause);
  }
  switch (r.kind) {
    case LogKind::kSwitch:
      break;
    case LogKind::kSystemCall:
      address("address", r.address);
      break;
    case LogKind::kPageFault:
      address("address", r.address);
      address("code", r.value);
      break;
    case LogKind::kHandlerEnd:
    case LogKind::kVmEntry:
      number("cycles", r.cycles);
      break;
    case LogKind::kVmExit:
      address("address", r.address);
      break;
    case LogKind::kTableWrite:
    case LogKind::kAccessedDirty:
      text("table", name_of(r.table.table));
      number("level", r.table.level);
      address("address", r.address);
      address("old", r.old_value);
      address("new", r.value);
      break;
    case LogKind::kInvalidation:
      address("address", r.address);
      number("dropped", r.count);
      break;
    case LogKind::kFrameZeroed:
    case LogKind::kFrameCopied:
      address("address", r.address);
      number("bytes", r.count);
      break;
  }
  return line + "}";
}

}  // namespace nestwalk
