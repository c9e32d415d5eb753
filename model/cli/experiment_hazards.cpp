// Kind hazards: what can go wrong when a VM switches between nested and shadow paging, and back.
// Each hazard is a short story that is played with a wrong option and with the right one, with
// VPIDs and without; the checker of translations and the audit of the shadow say what came of it.
//
// A story decides the paging of each access: policy oracle with intervals of one instruction.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "model/cli/experiment.h"
#include "model/cli/experiment_run.h"

namespace nestwalk {

namespace {

constexpr Gva kBase{0x40000000};
constexpr Gva kOther{0x40200000};  // the same entries of the table beside
constexpr std::uint64_t kNumPages = 8;
// What the process uses first; its tables lie below, in the order in which the kernel takes frames.
constexpr Gpa kData{0x7000};

Gva page(std::uint64_t number) {
  return kBase + (number << kSmallPageBits);
}

class Story {
 public:
  Story() {
    script_.map(kBase, kNumPages << kSmallPageBits);
    read(7);  // the first interval is nested in any case
  }
  Story& nested() { return under('n'); }
  Story& shadow() { return under('s'); }
  Story& read(std::uint64_t number) { return read_at(page(number)); }
  Story& read_at(Gva address) {
    script_.read(address);
    return count();
  }
  Story& write(std::uint64_t number) {
    script_.write(page(number));
    return count();
  }
  Story& write_all() {
    for (std::uint64_t i = 0; i < 4; ++i) {
      write(i);
    }
    return *this;
  }
  Story& write_at(Gva address) {
    script_.write(address);
    return count();
  }
  Story& map(Gva start, std::uint64_t pages) {
    script_.map(start, pages << kSmallPageBits);
    return *this;
  }
  Story& unmap(std::uint64_t number) {
    script_.unmap(page(number), bit(kSmallPageBits));
    return *this;
  }
  Story& host(HostAction action) {
    HostEventParams event;
    event.action = action;
    event.at_accesses = letters_.size();
    event.start = kData.value();
    events_.push_back(event);
    return *this;
  }

  [[nodiscard]] ExperimentJob job(const RunParams& params) const {
    ExperimentJob job{params, {}, false, true};
    VmParams& vm = job.params.vms.at(0).vm;
    vm.switching.interval_instructions = 1;
    vm.switching.schedule = letters_;
    vm.host_events = events_;
    job.params.vms[0].guest.preset_accessed_dirty = false;
    job.params.mode = Mode::kOracle;
    job.parts.make_stream = [script = script_](std::size_t, std::size_t) {
      return script.stream();
    };
    return job;
  }

 private:
  Story& under(char letter) {
    letter_ = letter;
    return *this;
  }
  Story& count() {
    letters_ += letter_;
    return *this;
  }

  Script script_;
  char letter_ = 'n';
  std::string letters_;
  std::vector<HostEventParams> events_;
};

using Set = std::function<void(SwitchingParams&)>;

struct Hazard {
  std::string name;
  std::string text;
  Story story;
  std::string wrong_text;
  Set wrong;
  bool needs_vpid = true;
  InactiveShadow inactive = InactiveShadow::kDestroyed;
  ShadowSync sync = ShadowSync::kOnFlush;
};

Set flush(SwitchFlush how) {
  return [how](SwitchingParams& p) { p.flush = how; };
}

std::vector<Hazard> hazards() {
  std::vector<Hazard> all;
  all.push_back({"H1", "stale linear translation",
                 Story()
                     .write_all()
                     .shadow()
                     .write_all()
                     .nested()
                     .read(4)
                     .host(HostAction::kMigrate)
                     .read(5)
                     .shadow()
                     .write_all(),
                 "flush: invept", flush(SwitchFlush::kInvept)});
  all.push_back({"H2", "stale linear paging-structure entry",
                 Story()
                     .write_all()
                     .read(5)
                     .shadow()
                     .write_all()
                     .nested()
                     .map(kOther, kNumPages)
                     .write_at(kOther + (5 << kSmallPageBits))
                     .write_at(kOther + (6 << kSmallPageBits))
                     .shadow()
                     .read(5)
                     .read(6),
                 "flush: invept", flush(SwitchFlush::kInvept)});
  all.push_back({"H3", "stale right to write",
                 Story()
                     .write_all()
                     .shadow()
                     .write_all()
                     .nested()
                     .read(4)
                     .host(HostAction::kDirtyLogStart)
                     .read(5)
                     .shadow()
                     .write_all(),
                 "flush: invept", flush(SwitchFlush::kInvept)});
  // The shadow is kept, so that no table comes under protection, which would flush, in between.
  all.push_back({"H4", "stale combined translation",
                 Story()
                     .write_all()
                     .shadow()
                     .write(6)
                     .nested()
                     .write_all()
                     .shadow()
                     .write(6)
                     .unmap(0)
                     .map(kBase, 1)
                     .write(6)
                     .nested()
                     .read(0),
                 "flush: invept, omit: invlpg_flush", [](SwitchingParams& p) {
                   p.flush = SwitchFlush::kInvept;
                   p.omit.invlpg_flush = true;
                 }});
  all.back().inactive = InactiveShadow::kResynced;
  all.push_back(
      {"H5", "stale guest-physical mapping",
       Story().write_all().shadow().read(0).host(HostAction::kMigrate).read(1).nested().write_all(),
       "flush: invvpid", flush(SwitchFlush::kInvvpid), false});
  all.push_back({"H6", "missed write protection",
                 Story()
                     .shadow()
                     .map(kOther, 4)
                     .write_at(kOther)
                     .write_all()
                     .unmap(0)
                     .map(kBase, 1)
                     .write(0)
                     .read(1),
                 "omit: downgrade", [](SwitchingParams& p) { p.omit.downgrade = true; }, false});
  all.push_back({"H8", "A and D lost with the shadow", Story().shadow().write_all(),
                 "omit: accessed_dirty", [](SwitchingParams& p) { p.omit.accessed_dirty = true; },
                 false});
  all.back().sync = ShadowSync::kAtOnce;  // the audit judges tables that are in sync
  return all;
}

struct Outcome {
  std::size_t num_violations = 0;
  std::string first;
};

Outcome play(const ExperimentParams& params, const Hazard& hazard, bool vpid, const Set& set) {
  ExperimentJob job = hazard.story.job(params.run);
  VmParams& vm = job.params.vms.at(0).vm;
  vm.vpid = vpid;
  vm.switching.inactive = hazard.inactive;
  vm.shadow.sync = hazard.sync;
  if (set) {
    set(vm.switching);
  }
  ExperimentRun run;
  try {
    run = run_apart(job);
  } catch (const ExperimentError& error) {
    throw ExperimentError(fmt::format("{}, VPIDs {}, {}: {}", hazard.name, vpid ? "on" : "off",
                                      set ? hazard.wrong_text : "right", error.what()));
  }
  Outcome outcome;
  for (const auto& [name, count] : run.counts) {
    outcome.num_violations += name.rfind("checker.violations.", 0) == 0 ? count : 0;
  }
  for (const std::string& text : run.violations) {
    const bool is_audit = text.find(" shadow of ") != std::string::npos;
    outcome.num_violations += is_audit ? 1 : 0;
  }
  if (!run.violations.empty()) {
    outcome.first = run.violations.front().substr(0, run.violations.front().find('\n'));
  }
  return outcome;
}

}  // namespace

ExperimentResult run_hazards(const ExperimentParams& params) {
  ExperimentResult result;
  TextTable table{"Violations found",
                  {"hazard", "what goes wrong", "wrong", "VPID on", "VPID off", "right, VPID on",
                   "right, VPID off"},
                  {}};
  TextTable first{"The first one found, with VPIDs", {"hazard", "report"}, {}};
  for (const Hazard& hazard : hazards()) {
    const Outcome on = play(params, hazard, true, hazard.wrong);
    const Outcome off = play(params, hazard, false, hazard.wrong);
    const Outcome right_on = play(params, hazard, true, {});
    const Outcome right_off = play(params, hazard, false, {});
    table.rows.push_back({hazard.name, hazard.text, hazard.wrong_text,
                          std::to_string(on.num_violations), std::to_string(off.num_violations),
                          std::to_string(right_on.num_violations),
                          std::to_string(right_off.num_violations)});
    first.rows.push_back({hazard.name, on.first});
    result.claims.push_back({fmt::format("{} happens with {}{}, and not without", hazard.name,
                                         hazard.wrong_text, hazard.needs_vpid ? " and VPIDs" : ""),
                             on.num_violations != 0 &&
                                 (off.num_violations != 0) != hazard.needs_vpid &&
                                 right_on.num_violations == 0 && right_off.num_violations == 0});
  }
  result.tables = {std::move(table), std::move(first)};
  return result;
}

}  // namespace nestwalk
