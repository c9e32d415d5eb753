#include "model/cli/walk_answer.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "model/cli/walk_names.h"

namespace nestwalk {

namespace {

std::string json_text(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void append_number(std::string& out, std::uint64_t value, int base) {
  std::array<char, 24> digits{};
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), value, base);
  out.append(digits.data(), result.ptr);
}

void append_key(std::string& out, std::string_view key) {
  out += ",\"";
  out += key;
  out += "\":";
}

void append_hex(std::string& out, std::string_view key, std::uint64_t value) {
  append_key(out, key);
  out += "\"0x";
  append_number(out, value, 16);
  out += '"';
}

void append_integer(std::string& out, std::string_view key, std::uint64_t value) {
  append_key(out, key);
  append_number(out, value, 10);
}

void append_references(std::string& out, std::string_view key,
                       const std::vector<EntryReference>& references) {
  append_key(out, key);
  out += '[';
  bool is_first = true;
  for (const EntryReference& reference : references) {
    out += is_first ? "{\"stage\":\"" : ",{\"stage\":\"";
    out += reference.is_shadow ? "shadow" : name_of(reference.stage);
    out += '"';
    append_integer(out, "g", reference.position.g);
    append_integer(out, "h", reference.position.h);
    append_hex(out, "hpa", reference.hpa.value());
    append_integer(out, "size", reference.bytes);
    append_hex(out, "value", reference.value);
    out += '}';
    is_first = false;
  }
  out += ']';
}

void append_translation(std::string& out, const WalkAnswer& answer) {
  const Translation& translation = answer.outcome.translation;
  if (ends_in_shadow(answer)) {
    append_key(out, "gpa");
    out += "null";  // nothing on the way names it
  } else {
    append_hex(out, "gpa", translation.gpa.value());
  }
  append_hex(out, "hpa", translation.hpa.value());
  append_integer(out, "page_size", std::uint64_t{1} << translation.page_bits());
  const PageRights rights = page_rights(translation);
  out += fmt::format(R"(,"rights":{{"read":{},"write":{},"execute":{},"user":{}}})", rights.read,
                     rights.write, rights.execute, rights.user);
}

void append_fault(std::string& out, const Fault& fault) {
  append_key(out, "fault");
  out += '"';
  out += name_of(fault.kind);
  out += '"';
  switch (fault.kind) {
    case FaultKind::kEptViolation:
      append_hex(out, "qualification", fault.code);
      break;
    case FaultKind::kGuestPageFault:
    case FaultKind::kNestedPageFault:
    case FaultKind::kNonCanonical:
    case FaultKind::kPdpteReserved:
      append_hex(out, "error_code", fault.code);
      break;
    case FaultKind::kEptMisconfiguration:
    case FaultKind::kMemoryError:
      break;
  }
  append_hex(out, "address", fault.address.value());
  if (fault.has_gpa) {
    append_hex(out, "gpa", fault.gpa.value());
  } else {
    append_key(out, "gpa");
    out += "null";
  }
  append_integer(out, "g", fault.position.g);
  append_integer(out, "h", fault.position.h);
  if (fault.in_shadow) {
    append_key(out, "in_shadow");
    out += "true";
  }
}

}  // namespace

PageRights page_rights(const Translation& translation) {
  const GuestRights guest = translation.guest;
  const HostRights host = translation.host;
  // Mode-based execute: XU for linear addresses whose guest path is user, XS for the others (SDM
  // vol. 3, "EPT violations"). Without it both rights are the same.
  const bool host_execute = guest.user() ? host.user_execute() : host.execute();
  return {host.read(), guest.write() && host.write(), guest.execute() && host_execute,
          guest.user() && host.user()};
}

void append_answer(std::string& out, std::string_view id, const WalkAnswer& answer) {
  out += "{\"id\":";
  out += id;
  if (!answer.unsupported.empty()) {
    out += fmt::format(",\"outcome\":\"unsupported\",\"reason\":{}}}\n",
                       json_text(answer.unsupported));
    return;
  }
  if (answer.outcome.is_translation) {
    out += R"(,"outcome":"translation")";
    append_translation(out, answer);
  } else {
    out += R"(,"outcome":"fault")";
    append_fault(out, answer.outcome.fault);
  }
  append_references(out, "references", answer.references);
  append_references(out, "writes", answer.writes);
  out += "}\n";
}

void append_error(std::string& out, const RequestError& error, std::size_t line) {
  std::string where = fmt::format("line {}, column {}", line, error.column);
  if (!error.path.empty()) {
    where += ": " + error.path;
  }
  out += fmt::format("{{\"id\":{},\"outcome\":\"error\",\"error\":{},\"where\":{}}}\n", error.id,
                     json_text(error.what), json_text(where));
}

}  // namespace nestwalk
