#include "model/params/cosim.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

#include "model/params/guest.h"
#include "model/params/hypervisor.h"
#include "model/params/nearest_name.h"

namespace nestwalk {
namespace {

void percent(ParameterVisitor& v, std::string_view name, std::string_view text, double& value) {
  v.number({name, "percent", text, 0, 100}, value);
}
void percent(ParameterVisitor& v, std::string_view name, std::string_view text,
             std::uint32_t& value, std::uint64_t min = 0) {
  v.integer({name, "percent", text, min, 100}, value);
}

void check_formats(const std::string& path, const std::string& text,
                   const std::vector<std::string_view>& all,
                   std::vector<ParameterProblem>& problems) {
  const std::vector<std::string> names = names_in(text, all);
  if (names.empty()) {
    problems.push_back(
        {path, fmt::format("names no format; there are any, {}", fmt::join(all, ", "))});
  }
  for (const std::string& name : names) {
    if (std::find(all.begin(), all.end(), name) == all.end()) {
      const std::optional<std::string> nearest = nearest_name(name, all);
      problems.push_back(
          {path, fmt::format("no format of this stage is called '{}'{}; there are any, {}", name,
                             nearest ? fmt::format("; did you mean {}?", *nearest) : "",
                             fmt::join(all, ", "))});
    }
  }
}

template <std::size_t N>
std::vector<std::string_view> with_none(const std::array<std::string_view, N>& names) {
  std::vector<std::string_view> all(names.begin(), names.end());
  all.emplace_back("none");
  return all;
}

}  // namespace

void describe(CosimTablesParams& p, ParameterVisitor& v) {
  v.text({"guest_formats",
          "Formats of the guest stage to draw from, comma-separated: any, x86-2level, x86-pae, "
          "x86-4level, x86-5level, none."},
         p.guest_formats);
  v.text({"host_formats",
          "Formats of the host stage to draw from, comma-separated: any, ept-4level, ept-5level, "
          "npt-2level, npt-pae, npt-4level, npt-5level, none."},
         p.host_formats);
  percent(v, "broken_percent",
          "Entries that are not present, reserved, misconfigured or have a flipped bit.",
          p.broken_percent);
  percent(v, "restricted_percent", "Entries in which a right is missing.", p.restricted_percent);
  percent(v, "guest_large_percent", "Entries of the guest's levels 2 and 3 that are leaves.",
          p.guest_large_percent);
  percent(v, "host_large_percent", "Entries of the host's levels 2 and 3 that are leaves.",
          p.host_large_percent);
  percent(v, "clean_percent", "Entries with A and D clear; the others have them at random.",
          p.clean_percent);
  percent(v, "shared_percent", "Host entries that point at a frame that is in use already.",
          p.shared_percent);
  percent(v, "self_mapped_percent", "Guest entries that point at the guest's root table.",
          p.self_mapped_percent);
}

void describe(CosimMemoryParams& p, ParameterVisitor& v) {
  v.integer(
      {"min_latency_cycles", "cycles", "Shortest time from a request to its answer.", 1, 1000},
      p.min_latency_cycles);
  v.integer(
      {"max_latency_cycles", "cycles",
       "Longest time from a request to its answer; each case draws its own, up to this.", 1, 1000},
      p.max_latency_cycles);
  v.boolean({"in_order", "Answers come in the order of the requests."}, p.in_order);
  percent(v, "bus_error_percent", "Reads and updates that are answered by an error once.",
          p.bus_error_percent);
  percent(v, "poison_percent", "Entries that are always answered by an error.", p.poison_percent);
  percent(v, "racing_write_percent",
          "Reads after which another agent writes an entry that walks have read lately.",
          p.racing_write_percent);
}

void describe(CosimTrafficParams& p, ParameterVisitor& v) {
  percent(v, "min_ready_percent",
          "Cycles in which a channel takes what is offered: each case draws its own from this to "
          "100.",
          p.min_ready_percent, 1);
  percent(v, "min_offer_percent",
          "Cycles in which a request that waits is offered: likewise from this to 100.",
          p.min_offer_percent, 1);
  percent(v, "invalidation_percent", "Invalidations for each hundred walks, at random cycles.",
          p.invalidation_percent);
  percent(v, "reset_percent", "Cases with a reset in their middle.", p.reset_percent);
  percent(v, "same_page_percent", "Accesses to a page that an earlier one of the case has used.",
          p.same_page_percent);
}

void describe(CosimParams& p, ParameterVisitor& v) {
  v.text({"walker", "The set of RTL parameters, by its name in tb/walker_sets.cmake."}, p.walker);
  v.integer({"seed", "", "Decides everything that is drawn."}, p.seed);
  v.integer({"walks", "walks", "How many walks are to be answered.", 1}, p.walks);
  v.integer({"walks_per_case", "walks",
             "Walks over the same tables; each case begins with registers at random.", 1, 100000},
            p.walks_per_case);
  v.integer({"watchdog_cycles", "cycles", "So long without any event, a run has failed.", 100},
            p.watchdog_cycles);
  v.group({"tables", "What the page tables are like."}, p.tables);
  v.group({"memory", "What the memory is like that answers."}, p.memory);
  v.group({"traffic", "What comes from the other sides."}, p.traffic);
}

void describe(CosimEntry& p, ParameterVisitor& v) {
  v.text({"name", "What to call the run."}, p.name);
  v.text({"config", "Its configuration; empty: that of the list.", TextKind::kPath}, p.config);
  v.text({"set", "Overrides: path=value, separated by blanks."}, p.set);
}

void describe(CosimListParams& p, ParameterVisitor& v) {
  v.text({"config", "The configuration of entries that name none; empty: the defaults.",
          TextKind::kPath},
         p.config);
  v.text({"set", "Overrides of every entry, before its own."}, p.set);
  v.list({"runs", "What to run.", 1}, p.runs);
}

const std::vector<std::string_view>& guest_stage_names() {
  static const std::vector<std::string_view> names = with_none(kGuestFormatNames);
  return names;
}

const std::vector<std::string_view>& host_stage_names() {
  static const std::vector<std::string_view> names = with_none(kHostFormatNames);
  return names;
}

std::vector<std::string> names_in(const std::string& text,
                                  const std::vector<std::string_view>& all) {
  std::string blank = text;
  std::replace(blank.begin(), blank.end(), ',', ' ');
  std::istringstream words(blank);
  std::vector<std::string> names;
  for (std::string word; words >> word;) {
    if (word == "any") {
      return {all.begin(), all.end()};
    }
    names.push_back(word);
  }
  return names;
}

std::vector<ParameterProblem> find_problems(const CosimParams& p) {
  std::vector<ParameterProblem> problems;
  check_formats("tables.guest_formats", p.tables.guest_formats, guest_stage_names(), problems);
  check_formats("tables.host_formats", p.tables.host_formats, host_stage_names(), problems);
  if (p.memory.max_latency_cycles < p.memory.min_latency_cycles) {
    problems.push_back({"memory.max_latency_cycles",
                        fmt::format("{} cycles, but memory.min_latency_cycles is {}",
                                    p.memory.max_latency_cycles, p.memory.min_latency_cycles)});
  }
  if (p.watchdog_cycles < 4 * std::uint64_t{p.memory.max_latency_cycles}) {
    problems.push_back({"watchdog_cycles",
                        fmt::format("{} cycles would take a slow answer for a standstill; at least "
                                    "four times memory.max_latency_cycles",
                                    p.watchdog_cycles)});
  }
  return problems;
}

}  // namespace nestwalk
