// Kind faults: two page faults of the lecture, under shadow and under nested paging, as stories;
// and how a shadow follows when the guest writes its table.
//
// VA n is the page n of a region. Under shadow paging VA 2 is mapped by the guest and missing in
// the shadow because a fork has just made the address space; under nested paging its frame has
// never been used, and the story begins when the guest has mapped it. VA 4 is mapped by nobody;
// nested, the frame that it gets has been used before, so that the host has it.
#include <fmt/format.h>

#include <algorithm>

#include "model/cli/experiment_story.h"

namespace nestwalk {

namespace {

constexpr Gva kBase{0x40000000};
constexpr std::uint64_t kNumPages = 8;
constexpr StoryPages kPages{kBase, kNumPages};

Gva va(std::uint64_t page) {
  return kBase + (page << kSmallPageBits);
}

Script shadow_script() {
  Script script;
  script.map(va(0), kNumPages << kSmallPageBits).write(va(1)).write(va(2)).write(va(3));
  // The child copies a page, so that its kernel half is in use; a switch away and back leaves every
  // table in sync.
  script.fork(1).switch_to(1).read(va(1)).write(va(3));
  script.switch_to(0).read(va(1)).switch_to(1).read(va(1)).end_step("before");
  script.read(va(2)).end_step("VA 2, mapped by the guest, not in the shadow");
  script.read(va(4)).end_step("VA 4, mapped by nobody");
  script.switch_to(0).read(va(1)).switch_to(1).read(va(1)).end_step("switches");
  script.unmap(va(2), 2 << kSmallPageBits)
      .read(va(1))
      .end_step("the guest clears the entries of VA 2 and VA 3 (unmap)");
  return script;
}

Script nested_script() {
  Script script;
  script.map(va(0), kNumPages << kSmallPageBits).write(va(1)).write(va(3)).write(va(5));
  script.unmap(va(3), 1 << kSmallPageBits).read(va(1)).end_step("before");
  script.read(va(4)).end_step("VA 4, without a guest entry");
  script.read(va(2)).end_step("VA 2, without an EPT entry");
  script.unmap(va(4), 2 << kSmallPageBits)
      .read(va(1))
      .end_step("the guest clears the entries of VA 4 and VA 5 (unmap)");
  return script;
}

// From when the guest's handler has ended.
void begin_after_handler(StepResult& step) {
  const auto end = std::find_if(step.log.begin(), step.log.end(),
                                [](const LogRecord& r) { return r.kind == LogKind::kHandlerEnd; });
  if (end != step.log.end()) {
    step.log.erase(step.log.begin(), end + 1);
  }
}

class Stories {
 public:
  explicit Stories(const RunParams& params) : params_(params) {
    params_.vms.at(0).guest.clear_data_pages = false;
    summary_ = {
        "In one line each",
        {"story", "entered", "writes entries", "flushes (entries dropped)", "exits", "cycles"},
        {}};
  }

  std::vector<StepResult> run(Mode mode, ShadowSync sync) {
    params_.mode = mode;
    params_.vms.at(0).vm.shadow.sync = sync;
    const Script script = mode == Mode::kShadow ? shadow_script() : nested_script();
    return steps_of(script, run_apart(with_script(params_, script)));
  }

  void add(StepResult step, const std::string& title) {
    step.name = title;
    const StorySummary s = summary_of(step.log);
    const std::uint64_t cycles =
        step.log.empty() ? 0 : step.log.back().cycle - step.log.front().cycle;
    summary_.rows.push_back({title, s.entered, s.writes, s.flushed, std::to_string(s.num_exits),
                             std::to_string(cycles)});
    result.tables.push_back(story_of(step, kPages));
  }

  ExperimentResult finish() {
    result.tables.insert(result.tables.begin(), summary_);
    return std::move(result);
  }

  ExperimentResult result;

 private:
  RunParams params_;
  TextTable summary_;
};

bool enters(const StepResult& step, const std::vector<LogActor>& start) {
  const std::vector<LogActor> entries = entries_of(step.log);
  return entries.size() >= start.size() && std::equal(start.begin(), start.end(), entries.begin());
}

std::uint64_t exits(const StepResult& step) {
  return summary_of(step.log).num_exits;
}

}  // namespace

ExperimentResult run_faults(const ExperimentParams& params) {
  using enum LogActor;
  Stories stories(params.run);
  const std::vector<StepResult> at_once = stories.run(Mode::kShadow, ShadowSync::kAtOnce);
  const std::vector<StepResult> on_flush = stories.run(Mode::kShadow, ShadowSync::kOnFlush);
  std::vector<StepResult> nested = stories.run(Mode::kNested, ShadowSync::kOnFlush);
  begin_after_handler(nested.at(2));

  stories.add(at_once.at(1), "Shadow: " + at_once.at(1).name);
  stories.add(at_once.at(2), "Shadow, in sync at once: " + at_once.at(2).name);
  stories.add(on_flush.at(2), "Shadow, in sync on flush: " + on_flush.at(2).name);
  stories.add(at_once.at(4), "Shadow, in sync at once: " + at_once.at(4).name);
  stories.add(on_flush.at(4), "Shadow, in sync on flush: " + on_flush.at(4).name);
  stories.add(nested.at(2), "Nested: " + nested.at(2).name);
  stories.add(nested.at(1), "Nested: " + nested.at(1).name);
  stories.add(nested.at(3), "Nested: " + nested.at(3).name);

  stories.result.claims = {
      {"shadow, VA 2: the hypervisor alone is entered, once",
       entries_of(at_once.at(1).log) == std::vector{kHypervisor}},
      {"shadow, VA 4: the hypervisor first, then the guest kernel, then the hypervisor again",
       enters(at_once.at(2), {kHypervisor, kGuestKernel, kHypervisor}) &&
           enters(on_flush.at(2), {kHypervisor, kGuestKernel, kHypervisor})},
      {"shadow, two entries cleared: an exit for each write at once, one for both on flush",
       exits(at_once.at(4)) == exits(on_flush.at(4)) + 1},
      {"nested, VA 2: the hypervisor alone is entered, once",
       entries_of(nested.at(2).log) == std::vector{kHypervisor}},
      {"nested, VA 4: the guest kernel alone is entered, without an exit",
       entries_of(nested.at(1).log) == std::vector{kGuestKernel}},
      {"nested, two entries cleared: no exit", exits(nested.at(3)) == 0},
  };
  return stories.finish();
}

}  // namespace nestwalk
