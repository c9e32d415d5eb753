// Kind events: for each event that has to do with translation, who is entered, who builds tables
// and what hardware walks; natively, nested and shadowed, all from the same script.
#include <fmt/format.h>

#include "model/cli/experiment_story.h"

namespace nestwalk {

namespace {

constexpr Gva kBase{0x40000000};
constexpr std::uint64_t kNumPages = 64;
constexpr std::string_view kPlain = "(";  // begins the name of a step that is not shown

Gva va(std::uint64_t page) {
  return kBase + (page << kSmallPageBits);
}

// Each step ends with an access to a page in use. The TLBs of the experiment's machine are smaller
// than the pages of `crowd`.
void crowd(Script& script, AccessType type) {
  for (std::uint64_t page = 16; page < kNumPages; ++page) {
    type == AccessType::kRead ? script.read(va(page)) : script.write(va(page));
  }
  script.end_step("(crowd)");
}

Script make_script() {
  Script script;
  script.map(va(0), kNumPages << kSmallPageBits).write(va(0));
  crowd(script, AccessType::kWrite);
  script.write(va(1)).end_step("first touch, the host has no frame");
  script.write(va(1)).end_step("the same page again: TLB hit");
  crowd(script, AccessType::kRead);
  script.read(va(1)).end_step("the same page later: TLB miss");
  script.map(kBase + 0x10000000, 16 << kSmallPageBits).read(va(1)).end_step("map 16 pages");
  script.read(va(16)).read(va(17)).end_step("(use)");
  script.protect(va(16), 2 << kSmallPageBits, false).read(va(1)).end_step("protect 2 pages in use");
  script.read(va(18)).read(va(19)).end_step("(use)");
  script.unmap(va(18), 2 << kSmallPageBits).read(va(1)).end_step("unmap 2 pages in use");
  script.write(va(2)).end_step("first touch, the host has the frame");
  script.fork(1).read(va(1)).end_step("fork");
  script.write(va(1)).end_step("write to a page that the fork made read-only");
  script.switch_to(1).read(va(1)).end_step("context switch, to a new process");
  script.switch_to(0).read(va(1)).end_step("context switch, back");
  return script;
}

}  // namespace

ExperimentResult run_events(const ExperimentParams& params) {
  ExperimentResult result;
  std::uint64_t nested_switch_exits = 0;
  std::uint64_t shadow_switch_exits = 0;
  std::uint64_t hit_and_miss_entries = 0;
  for (const Mode mode : {Mode::kNative, Mode::kNested, Mode::kShadow}) {
    RunParams one = params.run;
    one.mode = mode;
    one.vms.at(0).guest.clear_data_pages = false;
    const Script script = make_script();
    TextTable table{fmt::format("Mode {}", kModeNames[static_cast<unsigned>(mode)]),
                    {"event", "entered", "writes entries", "flushes (entries dropped)", "walks",
                     "references", "cycles"},
                    {}};
    for (const StepResult& step : steps_of(script, run_apart(with_script(one, script)))) {
      if (step.name.starts_with(kPlain)) {
        continue;
      }
      const StorySummary s = summary_of(step.log);
      table.rows.push_back({step.name, s.entered, s.writes, s.flushed,
                            std::to_string(step.count("core0.walker.walks")),
                            std::to_string(step.count("core0.walker.references")),
                            std::to_string(step.count("run.cycles"))});
      if (step.name.starts_with("the same page")) {
        hit_and_miss_entries += entries_of(step.log).size();
      }
      if (step.name == "context switch, back") {
        (mode == Mode::kShadow ? shadow_switch_exits : nested_switch_exits) += s.num_exits;
      }
    }
    result.tables.push_back(table);
  }
  result.claims = {
      {"TLB hits and misses on a page in use enter no software in any mode",
       hit_and_miss_entries == 0},
      {"a context switch leaves the guest under shadow paging only",
       nested_switch_exits == 0 && shadow_switch_exits != 0},
  };
  return result;
}

}  // namespace nestwalk
