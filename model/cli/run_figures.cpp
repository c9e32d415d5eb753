#include "model/cli/run_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

namespace nestwalk {

namespace {

using Json = nlohmann::ordered_json;

double divided(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::uint64_t count(const Json& group, const char* name) {
  return group.at(name).get<std::uint64_t>();
}

std::string percent(double share) {
  return fmt::format("{:.2f} %", 100 * share);
}

// Visits the groups of that name with 0, 1, ... behind it.
template <class Visit>
void for_each_numbered(const Json& statistics, const char* name, Visit visit) {
  for (unsigned i = 0; statistics.contains(fmt::format("{}{}", name, i)); ++i) {
    visit(statistics.at(fmt::format("{}{}", name, i)));
  }
}

}  // namespace

double RunFigures::cpi() const {
  return divided(core_cycles, instructions);
}
double RunFigures::references_per_walk() const {
  return divided(references, walks);
}
double RunFigures::cycles_per_walk() const {
  return divided(walk_cycles, walks);
}
double RunFigures::walks_per_kilo_instruction() const {
  return 1000 * divided(walks, instructions);
}
double RunFigures::cause_share(const std::string& cause) const {
  for (const auto& [name, cycles_of] : causes) {
    if (name == cause) {
      return divided(cycles_of, core_cycles);
    }
  }
  return 0;
}

RunFigures figures_of(const Json& stats) {
  const Json& s = stats.at("statistics");
  RunFigures f;
  f.mode = stats.at("mode").get<std::string>();
  f.machine = stats.at("machine").get<std::string>();
  f.end = stats.at("end").get<std::string>();
  f.warmup_accesses = count(stats.at("region"), "warmup_accesses");
  f.accesses = count(s.at("run"), "accesses");
  f.segfaults = count(s.at("run"), "segfaults");
  f.cycles = count(s.at("run"), "cycles");
  f.core_cycles = count(s.at("ledger").at("total"), "total");
  for_each_numbered(s, "core", [&](const Json& core) {
    const Json& mmu = core.at("mmu");
    const Json& walker = core.at("walker");
    f.instructions += count(core, "instructions");
    for (const char* const tlb : {"l1_itlb", "l1_dtlb", "store_tlb"}) {
      if (mmu.contains(tlb)) {
        f.l1_lookups += count(mmu.at(tlb), "lookups");
        f.l1_hits += count(mmu.at(tlb), "hits");
      }
    }
    for (const char* const tlb : {"l2_tlb", "l2_itlb"}) {
      if (mmu.contains(tlb)) {
        f.l2_lookups += count(mmu.at(tlb), "lookups");
        f.l2_hits += count(mmu.at(tlb), "hits");
      }
    }
    f.walks += count(walker, "walks");
    f.references += count(walker, "references");
    f.walk_cycles += count(walker, "cycles");
  });
  for_each_numbered(s, "vm",
                    [&](const Json& vm) { f.guest_faults += count(vm.at("guest"), "faults"); });
  if (s.contains("hypervisor")) {
    for_each_numbered(s.at("hypervisor"), "vm",
                      [&](const Json& vm) { f.exits += count(vm, "exits"); });
  }
  for (const auto& [name, value] : s.at("ledger").at("total").items()) {
    if (name != "total" && value.get<std::uint64_t>() != 0) {
      f.causes.emplace_back(name, value.get<std::uint64_t>());
    }
  }
  std::stable_sort(f.causes.begin(), f.causes.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return f;
}

std::string with_separators(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t at = digits.size(); at > 3; at -= 3) {
    digits.insert(at - 3, ",");
  }
  return digits;
}

std::string summary_text(const RunFigures& f) {
  std::string text;
  const auto line = [&](const char* name, const std::string& value, const std::string& note = {}) {
    text += fmt::format("  {:<24}{:>18}{}{}\n", name, value, note.empty() ? "" : "   ", note);
  };
  if (f.warmup_accesses != 0) {
    line("accesses of warm-up", with_separators(f.warmup_accesses), "in none of the other figures");
  }
  line("instructions", with_separators(f.instructions),
       fmt::format("{} accesses", with_separators(f.accesses)));
  line("cycles", with_separators(f.cycles), fmt::format("{:.3f} per instruction", f.cpi()));
  line("first-level TLB hits", percent(divided(f.l1_hits, f.l1_lookups)));
  line("second-level TLB hits", percent(divided(f.l2_hits, f.l2_lookups)), "of what missed above");
  line("page walks", with_separators(f.walks),
       fmt::format("{:.3f} per 1000 instructions", f.walks_per_kilo_instruction()));
  line("references per walk", fmt::format("{:.2f}", f.references_per_walk()),
       fmt::format("{:.1f} cycles per walk", f.cycles_per_walk()));
  line("guest page faults", with_separators(f.guest_faults));
  line("VM exits", with_separators(f.exits));
  if (f.segfaults != 0) {
    line("segmentation faults", with_separators(f.segfaults),
         "accesses outside what the process has mapped; they were given up");
  }
  text += "  where the cycles went\n";
  for (const auto& [name, cycles] : f.causes) {
    text += fmt::format("    {:<22}{:>18}   {:>7}\n", name, with_separators(cycles),
                        percent(divided(cycles, f.core_cycles)));
  }
  return text;
}

std::string comparison_text(const std::vector<RunFigures>& figures) {
  std::string text = fmt::format("  {:<28}", "");
  for (const RunFigures& f : figures) {
    text += fmt::format("{:>18}", f.mode);
  }
  text += "\n";
  const auto row = [&](const std::string& name,
                       const std::function<std::string(const RunFigures&)>& value) {
    text += fmt::format("  {:<28}", name);
    for (const RunFigures& f : figures) {
      text += fmt::format("{:>18}", value(f));
    }
    text += "\n";
  };
  const RunFigures& first = figures.front();
  if (first.warmup_accesses != 0) {
    row("accesses of warm-up",
        [](const RunFigures& f) { return with_separators(f.warmup_accesses); });
  }
  row("instructions", [](const RunFigures& f) { return with_separators(f.instructions); });
  row("cycles", [](const RunFigures& f) { return with_separators(f.cycles); });
  row("cycles per instruction", [](const RunFigures& f) { return fmt::format("{:.3f}", f.cpi()); });
  row("time relative to " + first.mode,
      [&](const RunFigures& f) { return fmt::format("{:.3f}", divided(f.cycles, first.cycles)); });
  row("walks per 1000 instructions",
      [](const RunFigures& f) { return fmt::format("{:.3f}", f.walks_per_kilo_instruction()); });
  row("references per walk",
      [](const RunFigures& f) { return fmt::format("{:.2f}", f.references_per_walk()); });
  row("cycles per walk",
      [](const RunFigures& f) { return fmt::format("{:.1f}", f.cycles_per_walk()); });
  row("guest page faults", [](const RunFigures& f) { return with_separators(f.guest_faults); });
  row("VM exits", [](const RunFigures& f) { return with_separators(f.exits); });
  std::vector<std::string> causes;
  for (const RunFigures& f : figures) {
    for (const auto& cause : f.causes) {
      if (std::find(causes.begin(), causes.end(), cause.first) == causes.end()) {
        causes.push_back(cause.first);
      }
    }
  }
  text += "  share of the cycles\n";
  for (const std::string& cause : causes) {
    row("  " + cause, [&](const RunFigures& f) { return percent(f.cause_share(cause)); });
  }
  return text;
}

}  // namespace nestwalk
