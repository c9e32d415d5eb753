// Kind switches: what a context switch costs inside a VM and between VMs, with tags and without.
// Each process reads the same pages in each of its slices; what a slice takes longer than without
// any switch is the switch, its refill of the TLBs included.
#include <fmt/format.h>

#include <span>

#include "model/cli/experiment.h"
#include "model/cli/experiment_run.h"

namespace nestwalk {

namespace {

constexpr Gva kBase{0x40000000};

struct Case {
  Mode mode;
  bool is_inter_vm;
  bool pcid;
  bool vpid;
};

struct Slices {
  std::uint64_t cycles = 0;
  std::uint64_t walks = 0;
  std::uint64_t exits = 0;
  std::uint64_t dropped = 0;
  std::uint64_t switches = 0;
};

Slices measure(const ExperimentParams& params, const Case& c, bool switches) {
  const SwitchParams& p = params.switches;
  const std::uint32_t all_slices = p.warm_slices + p.slices;
  Script script;
  script.map(kBase, p.pages << kSmallPageBits);
  for (std::uint32_t slice = 0; slice < all_slices; ++slice) {
    for (std::uint64_t page = 0; page < p.pages; ++page) {
      script.read(kBase + (page << kSmallPageBits));
    }
  }
  ExperimentJob job = with_script(params.run, script);
  job.params.mode = c.mode;
  job.params.time_slice_accesses = p.pages;
  job.params.region = {};
  job.params.region.stats_every_accesses = p.pages;
  job.params.region.measure_accesses = all_slices * p.pages;
  job.params.vms.resize(1);
  VirtualMachineParams& vm = job.params.vms[0];
  vm.guest.pcid = c.pcid;
  vm.vm.vpid = c.vpid;
  vm.processes.assign(switches && !c.is_inter_vm ? 2 : 1, ProcessParams{});
  job.params.vms.resize(switches && c.is_inter_vm ? 2 : 1, vm);
  const ExperimentRun run = run_apart(job);
  Slices sum;
  for (std::uint32_t slice = p.warm_slices; slice < all_slices; ++slice) {
    const Counts& counts = run.intervals.at(slice);
    const auto count = [&counts](const char* name) {
      const auto found = counts.find(name);
      return found == counts.end() ? 0 : found->second;
    };
    sum.cycles += count("run.cycles");
    sum.walks += count("core0.walker.walks");
    for (std::size_t i = run.log_ends.at(slice - 1); i < run.log_ends.at(slice); ++i) {
      const LogRecord& r = run.log.at(i);
      sum.exits += r.kind == LogKind::kVmExit ? 1 : 0;
      sum.switches += r.kind == LogKind::kSwitch ? 1 : 0;
      sum.dropped += r.kind == LogKind::kInvalidation ? r.count : 0;
    }
  }
  return sum;
}

}  // namespace

ExperimentResult run_switches(const ExperimentParams& params) {
  constexpr Case kCases[] = {
      {Mode::kNative, false, true, true}, {Mode::kNative, false, false, true},
      {Mode::kNested, false, true, true}, {Mode::kNested, false, false, true},
      {Mode::kShadow, false, true, true}, {Mode::kShadow, false, true, false},
      {Mode::kNested, true, true, true},  {Mode::kNested, true, true, false},
      {Mode::kShadow, true, true, true},  {Mode::kShadow, true, true, false},
  };
  TextTable table{
      fmt::format("Per switch, {} pages used in a slice", params.switches.pages),
      {"mode", "switch", "PCID", "VPID", "VM exits", "entries dropped", "walks", "cycles"},
      {}};
  const auto yes = [](bool on) { return std::string(on ? "on" : "off"); };
  ExperimentResult result;
  std::vector<Slices> all;
  for (const Case& c : kCases) {
    const Slices with = measure(params, c, true);
    const Slices without = measure(params, c, false);
    all.push_back(with);
    const auto each = [&with](std::uint64_t sum) { return fixed(quotient(sum, with.switches), 1); };
    table.rows.push_back(
        {std::string(kModeNames[static_cast<unsigned>(c.mode)]),
         c.is_inter_vm ? "between VMs" : "in a VM", c.mode == Mode::kShadow ? "-" : yes(c.pcid),
         c.mode == Mode::kNative ? "-" : yes(c.vpid), each(with.exits), each(with.dropped),
         each(with.walks - without.walks), each(with.cycles - without.cycles)});
  }
  result.tables.push_back(table);
  const auto is_one_each = [](const Slices& s) { return s.exits == s.switches; };
  result.claims = {
      {"inside a VM, nested: no VM exit", all[2].exits == 0 && all[3].exits == 0},
      {"inside a VM, shadow: one VM exit, for the load of CR3",
       is_one_each(all[4]) && is_one_each(all[5])},
      {"with PCIDs a nested or native switch drops nothing and walks nothing again",
       all[0].dropped == 0 && all[2].dropped == 0 && all[0].walks == 0 && all[2].walks == 0},
      {"without PCIDs it walks again for every page",
       all[1].walks >= all[1].switches * params.switches.pages &&
           all[3].walks >= all[3].switches * params.switches.pages},
      {"between VMs, nested: VPIDs save the walks", all[6].walks < all[7].walks},
  };
  return result;
}

}  // namespace nestwalk
