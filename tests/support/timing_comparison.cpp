#include "tests/support/timing_comparison.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

namespace nestwalk {
namespace {

using Json = nlohmann::json;

bool begins_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

bool is_time(const Json& description) {
  return begins_with(description.at("unit").get<std::string>(), "cycles");
}

// "core0.reads" as a pointer into the tree.
Json::json_pointer pointer_to(const std::string& name) {
  std::string path = "/" + name;
  std::replace(path.begin(), path.end(), '.', '/');
  return Json::json_pointer(path);
}

bool is_outcome(std::string_view name) {
  constexpr std::array<std::string_view, 5> kOfCore = {"reads", "writes", "fetches", "instructions",
                                                       "abandoned"};
  const std::string_view last = name.substr(name.rfind('.') + 1);
  const bool is_of_core = std::find(kOfCore.begin(), kOfCore.end(), last) != kOfCore.end();
  const bool is_of_guest = name.find(".guest.") != std::string_view::npos;
  return begins_with(name, "run.") || begins_with(name, "hypervisor.") ||
         (begins_with(name, "vm") && (is_of_guest || is_of_core)) ||
         (begins_with(name, "core") && (is_of_core || last == "software_accesses"));
}

template <class Select>
std::string difference(const RunReport& lt, const RunReport& at, Select select) {
  std::string text;
  const auto compare = [&text](const std::string& name, const auto& left, const auto& right) {
    if (left != right) {
      text += name + ": lt " + Json(left).dump() + ", at " + Json(right).dump() + "\n";
    }
  };
  compare("end", lt.end, at.end);
  compare("message", lt.message, at.message);
  if (!text.empty()) {
    return text;
  }
  compare("violated laws", lt.law_violations, at.law_violations);
  compare("segfaults", lt.num_segfaults, at.num_segfaults);
  compare("final memory", lt.memory_checksum, at.memory_checksum);
  const Json left = Json::parse(lt.statistics);
  const Json right = Json::parse(at.statistics);
  const Json& descriptions = left.at("descriptions");
  if (descriptions != right.at("descriptions")) {
    return text + "the statistics have not the same names\n";
  }
  for (const auto& [name, description] : descriptions.items()) {
    if (!is_time(description) && select(name)) {
      const Json::json_pointer pointer = pointer_to(name);
      compare(name, left.at("statistics").at(pointer), right.at("statistics").at(pointer));
    }
  }
  return text;
}

}  // namespace

RunParams one_by_one(RunParams params) {
  params.machine.timing = Timing::kAt;
  params.machine.core.window = 1;
  params.machine.walker.slots = 1;
  return params;
}

std::string difference_but_time(const RunReport& lt, const RunReport& at) {
  // How often the checker reads the tables is no property of the machine.
  return difference(lt, at, [](std::string_view name) { return !begins_with(name, "checker."); });
}

std::string difference_of_outcomes(const RunReport& lt, const RunReport& at) {
  return difference(lt, at, is_outcome);
}

}  // namespace nestwalk
