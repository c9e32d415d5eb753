#include "model/cli/walk_snapshot_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <ostream>
#include <string_view>
#include <vector>

#include "model/cli/walk_answer.h"
#include "model/cli/walk_explain.h"
#include "model/cli/walk_names.h"
#include "model/cli/walk_request.h"
#include "model/cli/walk_snapshot.h"
#include "model/params/nearest_name.h"

namespace nestwalk {

namespace {

using Problem = std::optional<std::string>;

constexpr std::string_view kNone = "none";

template <class Formats>
std::vector<std::string_view> names_of(const Formats& formats) {
  std::vector<std::string_view> names;
  names.reserve(formats.size());
  for (const FormatName& format : formats) {
    names.push_back(format.name);
  }
  return names;
}

Problem not_among(std::string_view option, std::string_view found,
                  const std::vector<std::string_view>& names) {
  const auto nearest = nearest_name(found, names);
  return fmt::format("{} {}: expected one of {}{}", option, found, fmt::join(names, ", "),
                     nearest ? fmt::format("; did you mean {}?", *nearest) : "");
}

Problem read_address(std::string_view option, const std::string& text, std::uint64_t& address) {
  const std::optional<std::uint64_t> value = parse_hex(text);
  if (!value) {
    return fmt::format("{} {}: expected an address like 0x54e0000", option, text);
  }
  address = *value;
  return std::nullopt;
}

template <class Names, class Enum>
Problem read_name(std::string_view option, const std::string& text, const Names& names,
                  Enum& value) {
  const auto found = std::find(names.begin(), names.end(), text);
  if (found == names.end()) {
    return not_among(option, text, {names.begin(), names.end()});
  }
  value = static_cast<Enum>(found - names.begin());
  return std::nullopt;
}

template <class Formats>
Problem read_format(std::string_view option, const std::string& text, const Formats& formats,
                    FormatId& id) {
  for (const FormatName& format : formats) {
    if (format.name == text) {
      id = format.id;
      return std::nullopt;
    }
  }
  return not_among(option, text, names_of(formats));
}

// Without a description beside the image the registers must all be given; the message says how.
Problem missing_registers(const WalkOptions& options, const TableImage& image) {
  const bool has_guest = image.context.has_guest || !options.guest_format.empty();
  const bool has_host = image.context.has_host || !options.host_format.empty();
  std::vector<std::string_view> missing;
  if (!image.has_registers) {
    if (!has_guest) {
      missing.emplace_back("--guest-format FORMAT");
    }
    if (!has_host) {
      missing.emplace_back("--host-format FORMAT");
    }
  }
  if (!image.context.has_guest && options.gcr3.empty()) {
    missing.emplace_back("--gcr3 ADDRESS");
  }
  if (!image.context.has_host && options.ncr3.empty() && options.host_format != kNone &&
      (!image.has_registers || has_host)) {
    missing.emplace_back("--ncr3 ADDRESS");
  }
  if (missing.empty()) {
    return std::nullopt;
  }
  return fmt::format(
      "{}: the registers of this image are not all known: it has {}.\n"
      "  Add {}\n"
      "  --guest-format  {}\n"
      "  --gcr3          the guest's CR3, a guest-physical address\n"
      "  --host-format   {}, or none for tables of a machine without a VM\n"
      "  --ncr3          the root of the host's tables (nCR3, or EPTP bits 51:12)\n"
      "  Whoever made the image knows them. To keep them, write a snapshot.json\n"
      "  there: {{\"guest\": {{\"format\": ..., \"root\": ...}}, \"host\": {{...}}}}",
      options.snapshot,
      image.has_registers ? "no such stage in its description" : "no snapshot.json",
      fmt::join(missing, " "), fmt::join(names_of(kGuestFormats), ", "),
      fmt::join(names_of(kHostFormats), ", "));
}

Problem resolve_registers(const WalkOptions& options, TableImage& image) {
  if (Problem problem = missing_registers(options, image)) {
    return problem;
  }
  WalkContext& context = image.context;
  Problem problem;
  const auto attempt = [&](bool wanted, auto read) {
    if (wanted && !problem) {
      problem = read();
    }
  };
  const bool drops_host = options.host_format == kNone;
  attempt(!options.guest_format.empty(), [&] {
    return read_format("--guest-format", options.guest_format, kGuestFormats, context.guest_format);
  });
  attempt(!options.host_format.empty() && !drops_host, [&] {
    return read_format("--host-format", options.host_format, kHostFormats, context.host_format);
  });
  attempt(!options.gcr3.empty(),
          [&] { return read_address("--gcr3", options.gcr3, context.guest_root); });
  attempt(!options.ncr3.empty(),
          [&] { return read_address("--ncr3", options.ncr3, context.host_root); });
  if (problem) {
    return problem;
  }
  context.has_guest = true;
  context.has_host = !drops_host && (context.has_host || !options.host_format.empty());
  if ((problem = find_root_problem(context.guest_format, context.guest_root))) {
    return "guest root: " + *problem;
  }
  if (context.has_host && (problem = find_root_problem(context.host_format, context.host_root))) {
    return "host root: " + *problem;
  }
  return std::nullopt;
}

Problem read_access(const WalkOptions& options, const WalkContext& context, Access& access) {
  access.type = AccessType::kRead;
  access.privilege = Privilege::kSupervisor;
  std::uint64_t address = 0;
  Problem problem = read_address("--address", options.address, address);
  if (!problem && !options.type.empty()) {
    problem = read_name("--type", options.type, kAccessTypeNames, access.type);
  }
  if (!problem && !options.privilege.empty()) {
    problem = read_name("--privilege", options.privilege, kPrivilegeNames, access.privilege);
  }
  if (!problem && (problem = find_address_problem(context, address))) {
    problem = "--address: " + *problem;
  }
  access.address = Gva(address);
  return problem;
}

int usage_error(const Streams& streams, const std::string& message) {
  streams.err << "nestwalk walk: " << message << "\n";
  return kExitUsage;
}

int walk_one(const WalkOptions& options, const TableImage& image, WalkService& service,
             const Streams& streams) {
  Access access;
  if (const Problem problem = read_access(options, image.context, access)) {
    return usage_error(streams, *problem);
  }
  service.load(image.words);
  const WalkAnswer answer = service.walk(image.context, access);
  std::string text;
  if (options.explain) {
    text = explain_walk(image.context, access, answer);
  } else {
    append_answer(text, fmt::format("\"{:#x}\"", access.address.value()), answer);
  }
  streams.out << text;
  return kExitOk;
}

int walk_all(const WalkOptions& options, const TableImage& image, WalkService& service,
             const Streams& streams) {
  std::string line;
  const SnapshotSummary summary = walk_every_leaf(image, service, [&](const LeafWalk& walk) {
    if (options.all) {
      line.clear();
      append_answer(line, fmt::format("\"{:#x}\"", walk.access.address.value()), walk.answer);
      streams.out << line;
    }
  });
  if (!options.all) {
    streams.out << (options.json ? summary_json(image, summary) : summary_text(image, summary));
  }
  return kExitOk;
}

}  // namespace

int run_walk_snapshot(const WalkOptions& options, WalkService& service, const Streams& streams) {
  TableImage image;
  if (const Problem problem = load_table_image(options.snapshot, image)) {
    streams.err << "nestwalk walk: " << *problem << "\n";
    return kExitInput;
  }
  if (const Problem problem = resolve_registers(options, image)) {
    return usage_error(streams, *problem);
  }
  return options.address.empty() ? walk_all(options, image, service, streams)
                                 : walk_one(options, image, service, streams);
}

}  // namespace nestwalk
