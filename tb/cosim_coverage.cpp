#include "tb/cosim_coverage.h"

#include <fmt/format.h>

#include <sstream>

#include "model/arch/paging_format.h"

namespace nestwalk {
namespace {

constexpr const char* kOutcomes = "formats and outcome";
constexpr const char* kFaults = "fault and position";
constexpr const char* kSizes = "page sizes of both stages";
constexpr const char* kRights = "access, privilege and outcome";
constexpr const char* kUpdates = "update and position";
constexpr const char* kInvalidations = "invalidation";

constexpr std::array<std::string_view, 3> kAccessNames = {"read", "write", "fetch"};

WalkContext context_of(int guest, int host) {
  WalkContext context;
  context.has_guest = guest >= 0;
  context.has_host = host >= 0;
  context.guest_format = guest >= 0 ? static_cast<FormatId>(guest) : context.guest_format;
  context.host_format = host >= 0 ? static_cast<FormatId>(host) : context.host_format;
  return context;
}

std::string stages_of(const WalkContext& context) {
  return fmt::format("{} over {}",
                     context.has_guest ? format_of(context.guest_format).name : "none",
                     context.has_host ? format_of(context.host_format).name : "none");
}

std::string at(Position position) {
  return fmt::format("({},{})", position.g, position.h);
}

// A walk in this context can end so. The load of PDPTEs, which ends otherwise, is another request.
bool can_fault(const WalkContext& context, FaultKind kind) {
  switch (kind) {
    case FaultKind::kGuestPageFault:
      return context.has_guest;
    case FaultKind::kEptViolation:
    case FaultKind::kEptMisconfiguration:
      return context.has_host && !context.is_npt();
    case FaultKind::kNestedPageFault:
      return context.is_npt();
    case FaultKind::kNonCanonical:
      return context.has_guest && format_of(context.guest_format).sign_extended;
    case FaultKind::kPdpteReserved:
      return false;
    case FaultKind::kMemoryError:
      return context.has_guest || context.has_host;
  }
  return false;
}

const char* kind_of_end(const WalkerResponse& response) {
  return response.is_translation                          ? "translation"
         : is_guest_fault(response.fault.kind)            ? "guest fault"
         : response.fault.kind == FaultKind::kMemoryError ? "memory error"
                                                          : "host fault";
}

}  // namespace

CosimCoverage::CosimCoverage() {
  for (int guest = -1; guest <= static_cast<int>(FormatId::kX86FiveLevel); ++guest) {
    for (int host = -1; host < static_cast<int>(kNumFormats); ++host) {
      const WalkContext context = context_of(guest, host);
      groups_[kOutcomes][stages_of(context) + ": translation"] = 0;
      for (unsigned kind = 0; kind < kNumFaultKinds; ++kind) {
        if (can_fault(context, static_cast<FaultKind>(kind))) {
          groups_[kOutcomes][fmt::format("{}: {}", stages_of(context), kFaultKindNames.at(kind))] =
              0;
        }
      }
    }
  }
  for (std::uint8_t g = 0; g <= kMaxLevels; ++g) {
    if (g != 0) {
      groups_[kFaults]["guest_page_fault " + at({g, 0})] = 0;
      groups_[kUpdates]["guest " + at({g, 0})] = 0;
    }
    for (std::uint8_t h = 1; h <= kMaxLevels; ++h) {
      groups_[kUpdates]["host " + at({g, h})] = 0;
      for (const FaultKind kind : {FaultKind::kEptViolation, FaultKind::kEptMisconfiguration,
                                   FaultKind::kNestedPageFault}) {
        groups_[kFaults][fmt::format("{} {}", name_of(kind), at({g, h}))] = 0;
      }
    }
  }
  for (const unsigned guest : {12U, 21U, 22U, 30U}) {
    for (const unsigned host : {12U, 21U, 22U, 30U}) {
      groups_[kSizes][fmt::format("2^{} over 2^{}", guest, host)] = 0;
    }
  }
  for (const std::string_view access : kAccessNames) {
    for (const char* privilege : {"user", "supervisor"}) {
      for (const char* end : {"translation", "guest fault", "host fault", "memory error"}) {
        groups_[kRights][fmt::format("{} by {}: {}", access, privilege, end)] = 0;
      }
    }
  }
  for (unsigned op = 0; op < kNumInvalidateOps; ++op) {
    for (const char* rules : {"Intel", "AMD"}) {
      groups_[kInvalidations][fmt::format("{} ({})", kInvalidateOpNames.at(op), rules)] = 0;
    }
  }
}

void CosimCoverage::hit(const std::string& group, const std::string& bin) {
  Bins& bins = groups_.at(group);
  const auto found = bins.find(bin);
  if (found != bins.end()) {
    ++found->second;
  }
}

void CosimCoverage::responded(const WalkerRequest& request, const WalkerResponse& response) {
  if (request.is_pdpte_load) {
    return;
  }
  const WalkContext& context = request.context;
  hit(kOutcomes,
      fmt::format("{}: {}", stages_of(context),
                  response.is_translation ? "translation" : name_of(response.fault.kind)));
  hit(kRights,
      fmt::format("{} by {}: {}", kAccessNames.at(static_cast<unsigned>(request.access.type)),
                  request.access.privilege == Privilege::kUser ? "user" : "supervisor",
                  kind_of_end(response)));
  if (!response.is_translation) {
    hit(kFaults, fmt::format("{} {}", name_of(response.fault.kind), at(response.fault.position)));
  } else if (context.has_guest && context.has_host) {
    hit(kSizes, fmt::format("2^{} over 2^{}", response.translation.guest_page_bits,
                            response.translation.host_page_bits));
  }
}

void CosimCoverage::observe(const Record& record) {
  const Event& event = record.event;
  switch (event.kind) {
    case EventKind::kAccept:
      slots_.at(event.slot) = record.request;
      return;
    case EventKind::kRespond:
      return responded(slots_.at(event.slot), record.response);
    case EventKind::kUpdate:
      return hit(kUpdates,
                 (event.stage == Stage::kGuest ? "guest " : "host ") + at(event.position));
    case EventKind::kInvalidate:
      if (!record.is_by_fault) {
        const bool is_intel = record.invalidation.rules == TagRules::kIntel;
        hit(kInvalidations,
            fmt::format("{} ({})", name_of(record.invalidation.op), is_intel ? "Intel" : "AMD"));
      }
      return;
    default:
      return;
  }
}

std::size_t CosimCoverage::num_bins() const {
  std::size_t count = 0;
  for (const auto& [group, bins] : groups_) {
    count += bins.size();
  }
  return count;
}

std::size_t CosimCoverage::num_hit() const {
  return num_bins() - holes().size();
}

std::vector<std::string> CosimCoverage::holes() const {
  std::vector<std::string> names;
  for (const auto& [group, bins] : groups_) {
    for (const auto& [bin, count] : bins) {
      if (count == 0) {
        names.push_back(fmt::format("{}: {}", group, bin));
      }
    }
  }
  return names;
}

std::string CosimCoverage::text() const {
  std::string text;
  for (const auto& [group, bins] : groups_) {
    std::size_t hit = 0;
    for (const auto& [bin, count] : bins) {
      hit += count != 0 ? 1 : 0;
    }
    text += fmt::format("  {:<30} {:>4} of {:>4} bins\n", group, hit, bins.size());
  }
  text +=
      fmt::format("  {:<30} {:>4} of {:>4} bins, {:.1f} per cent\n", "all", num_hit(), num_bins(),
                  100.0 * static_cast<double>(num_hit()) / static_cast<double>(num_bins()));
  for (const std::string& hole : holes()) {
    text += "  hole: " + hole + "\n";
  }
  return text;
}

std::string CosimCoverage::html() const {
  std::string text = "<h1>Functional coverage</h1>\n";
  text += fmt::format("<p>{} of {} bins</p>\n", num_hit(), num_bins());
  for (const auto& [group, bins] : groups_) {
    text += fmt::format("<h2>{}</h2>\n<table>\n", group);
    for (const auto& [bin, count] : bins) {
      text += fmt::format("<tr{}><td>{}</td><td>{}</td></tr>\n",
                          count == 0 ? " class=\"hole\"" : "", bin, count);
    }
    text += "</table>\n";
  }
  return text;
}

std::string CosimCoverage::counts() const {
  std::string text;
  for (const auto& [group, bins] : groups_) {
    for (const auto& [bin, count] : bins) {
      text += fmt::format("{} {}: {}\n", count, group, bin);
    }
  }
  return text;
}

bool CosimCoverage::add(const std::string& counts) {
  std::istringstream lines(counts);
  bool has_any = false;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::uint64_t count = 0;
    std::string name;
    const bool is_read = static_cast<bool>(words >> count) &&
                         static_cast<bool>(std::getline(words >> std::ws, name));
    const std::size_t colon = name.find(": ");  // no name of a group has one
    const auto group = groups_.find(name.substr(0, colon));
    if (!is_read || colon == std::string::npos || group == groups_.end()) {
      return false;
    }
    const auto bin = group->second.find(name.substr(colon + 2));
    if (bin == group->second.end()) {
      return false;
    }
    bin->second += count;
    has_any = true;
  }
  return has_any;
}

}  // namespace nestwalk
