#include "model/params/run.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace nestwalk {

void describe(ProcessParams& p, ParameterVisitor& v) {
  v.text({"name", "What to call this process in results."}, p.name);
  v.integer({"threads", "threads",
             "Threads of the process: each makes the workload's accesses with a seed of its own, "
             "in one address space. They are spread over the virtual CPUs.",
             1, 64},
            p.threads);
  v.group({"workload", "The accesses that the process makes."}, p.workload);
}

void describe(VirtualMachineParams& p, ParameterVisitor& v) {
  v.text({"name", "What to call this VM in results."}, p.name);
  describe(p.vm, v);
  v.group({"guest", "The kernel that runs in the VM (native: on the machine)."}, p.guest);
  v.list({"processes", "The processes of the guest.", 1}, p.processes);
}

void describe(RegionParams& p, ParameterVisitor& v) {
  constexpr std::uint64_t kMaxAccesses = std::uint64_t{1} << 62;
  v.integer({"warmup_accesses", "accesses",
             "Accesses of all workloads that warm the structures up before the statistics begin.",
             0, kMaxAccesses},
            p.warmup_accesses);
  v.integer({"measure_accesses", "accesses",
             "Accesses after the warm-up at which the run ends; 0: it ends with its workloads.", 0,
             kMaxAccesses},
            p.measure_accesses);
  v.integer(
      {"stats_every_accesses", "accesses",
       "Length of the intervals whose statistics go to intervals.jsonl; 0: none.", 0, kMaxAccesses},
      p.stats_every_accesses);
}

void describe(RunParams& p, ParameterVisitor& v) {
  v.choice({"mode",
            "How guest memory is virtualised. nested: each VM as its `paging` and `switch.policy` "
            "say; shadow: all VMs by shadow paging; the others: all VMs switch by that policy.",
            kModeNames},
           p.mode);
  v.text(
      {"compare", "Modes to run side by side, such as native,nested,shadow; empty: `mode` alone.",
       TextKind::kPlain},
      p.compare);
  v.integer({"time_slice_accesses", "accesses",
             "How many accesses a process makes before the next one runs.", 1},
            p.time_slice_accesses);
  v.choice({"scheduling",
            "Which core a virtual CPU gets: always the same one, or the next that is free.",
            kSchedulingNames},
           p.scheduling);
  describe(p.region, v);
  v.choice({"check",
            "Which translations are held against the tables, as they are and as they may legally "
            "be remembered; one that is wrong fails the run.",
            kCheckNames},
           p.check);
  v.integer(
      {"check_every", "translations",
       "check sample: one in so many is checked, and as many in a row after a table changed.", 1},
      p.check_every);
  v.choice({"walker",
            "Which model of the page walker the machine has. rtl: the SystemVerilog walker, "
            "verilated; it stands for `machine.walker` and has its own costs.",
            kWalkerModelNames},
           p.machine.walker.model);
  v.group({"machine", "The simulated machine."}, p.machine);
  v.group({"hypervisor", "What hypervisor software costs."}, p.hypervisor);
  v.list({"vms", "Virtual machines; native mode takes exactly one.", 1}, p.vms);
}

namespace {

class Rules {
 public:
  void require(bool holds, std::string key_path, std::string message) {
    if (!holds) {
      problems_.push_back({std::move(key_path), std::move(message)});
    }
  }
  void array(const ArrayParams& p, const std::string& path) {
    require(p.ways == 0 || p.entries % p.ways == 0, path + ".entries",
            std::to_string(p.entries) + " entries are not a multiple of " + std::to_string(p.ways) +
                " ways");
    require(p.index != SetIndex::kXorFold || std::has_single_bit(std::max(p.sets(), 1U)),
            path + ".index",
            "xor_fold needs a power of two of sets, not " + std::to_string(p.sets()));
  }
  void tlb(const TlbParams& p, const std::string& path) {
    array(p.page_4k, path + ".page_4k");
    array(p.page_2m, path + ".page_2m");
    array(p.page_1g, path + ".page_1g");
    array(p.beside, path + ".beside");
    require(p.beside.entries == 0 || p.page_4k.entries != 0, path + ".beside",
            "stands beside page_4k, which has no entries");
    require(!p.beside_1g || p.beside.entries != 0, path + ".beside_1g",
            "there is no array `beside` to keep 1G pages in");
    require(!p.beside_1g || !p.unified_1g, path + ".beside_1g",
            "1G pages live in one array: not with unified_1g");
  }
  void cache(const CacheParams& p, const std::string& path) {
    require(p.size_bytes % kLineBytes == 0, path + ".size_bytes",
            "must be a multiple of the line of " + std::to_string(kLineBytes) + " bytes");
    require(p.ways == 0 || p.size_bytes / kLineBytes % p.ways == 0, path + ".size_bytes",
            std::to_string(p.size_bytes / kLineBytes) + " lines are not a multiple of " +
                std::to_string(p.ways) + " ways");
  }
  std::vector<ParameterProblem> take() { return std::move(problems_); }

 private:
  std::vector<ParameterProblem> problems_;
};

constexpr std::string_view kRtlLacks = "walker rtl has none like it: ";

void rtl_array_rules(const ArrayParams& array, const std::string& path, const std::string& what,
                     Rules& rules) {
  rules.require(array.ways == 0 || array.ways == array.entries, path + ".ways",
                std::string(kRtlLacks) + "its " + what + " is fully associative (0)");
  rules.require(
      array.replacement == Replacement::kLru, path + ".replacement",
      std::string(kRtlLacks) + "its " + what + " replaces the least recently used entry (lru)");
}

void rtl_walk_cache_rules(const PwcParams& pwc, Rules& rules) {
  const std::string lacks(kRtlLacks);
  const std::string path = "machine.walker.pwc";
  if (pwc.organisation == PwcOrganisation::kNone) {
    return;
  }
  const bool is_unified = pwc.organisation == PwcOrganisation::kUnified;
  if (!is_unified && pwc.organisation != PwcOrganisation::kPerLevel) {
    rules.require(
        false, path + ".organisation",
        lacks + "its walk caches are tagged by address prefix (none, unified, per_level)");
    return;
  }
  rules.require(pwc.sharing == PwcSharing::kSplit, path + ".sharing",
                lacks + "each stage has a walk cache of its own (split)");
  rules.require(pwc.invalidate == InvalidateExtent::kExact, path + ".invalidate",
                lacks + "it drops what the manual requires (exact)");
  if (is_unified) {
    rtl_array_rules(pwc.unified, path + ".unified", "walk cache", rules);
    return;
  }
  const std::pair<const char*, const ArrayParams*> levels[] = {{".level_2", &pwc.level_2},
                                                               {".level_3", &pwc.level_3},
                                                               {".level_4", &pwc.level_4},
                                                               {".level_5", &pwc.level_5}};
  for (const auto& [name, array] : levels) {
    rtl_array_rules(*array, path + name, "walk cache", rules);
    rules.require(array->entries == pwc.level_2.entries, path + name + ".entries",
                  lacks + "all levels have as many entries as level_2 (" +
                      std::to_string(pwc.level_2.entries) + ")");
  }
}

// What the RTL does not have, whatever its parameters; which sets of them there are is known only
// to a program that has the RTL.
void rtl_walker_rules(const MachineParams& m, Rules& rules) {
  const std::string lacks(kRtlLacks);
  const NtlbParams& ntlb = m.walker.ntlb;
  if (ntlb.array.entries != 0) {
    const std::string path = "machine.walker.ntlb";
    rtl_array_rules(ntlb.array, path + ".array", "nested TLB", rules);
    rules.require(ntlb.serve_final_walk, path + ".serve_final_walk",
                  lacks + "its nested TLB serves all host walks (true)");
    rules.require(ntlb.invalidate == InvalidateExtent::kExact, path + ".invalidate",
                  lacks + "it drops what the manual requires (exact)");
  }
  rtl_walk_cache_rules(m.walker.pwc, rules);
  rules.require(m.mmu.prefetch.kind == PrefetchKind::kNone, "machine.mmu.prefetch.kind",
                lacks + "it walks for accesses alone (none)");
}

void machine_rules(const MachineParams& m, Rules& rules) {
  rules.tlb(m.mmu.l1_itlb, "machine.mmu.l1_itlb");
  rules.tlb(m.mmu.l1_dtlb, "machine.mmu.l1_dtlb");
  rules.tlb(m.mmu.l2_tlb, "machine.mmu.l2_tlb");
  rules.tlb(m.mmu.store_tlb, "machine.mmu.store_tlb");
  rules.tlb(m.mmu.l2_itlb, "machine.mmu.l2_itlb");
  rules.array(m.mmu.prefetch.buffer, "machine.mmu.prefetch.buffer");
  rules.array(m.mmu.splinter_hints, "machine.mmu.splinter_hints");
  const PwcParams& pwc = m.walker.pwc;
  const std::string pwc_path = "machine.walker.pwc";
  rules.array(pwc.level_2, pwc_path + ".level_2");
  rules.array(pwc.level_3, pwc_path + ".level_3");
  rules.array(pwc.level_4, pwc_path + ".level_4");
  rules.array(pwc.level_5, pwc_path + ".level_5");
  rules.array(pwc.unified, pwc_path + ".unified");
  rules.array(m.walker.ntlb.array, "machine.walker.ntlb.array");
  rules.cache(m.l1i, "machine.l1i");
  rules.cache(m.l1d, "machine.l1d");
  rules.cache(m.l2, "machine.l2");
  rules.cache(m.llc, "machine.llc");
  if (m.walker.model == WalkerModel::kRtl) {
    rtl_walker_rules(m, rules);
  }
  const std::uint64_t reach = std::uint64_t{1} << m.maxphyaddr;
  rules.require(m.memory_bytes <= reach, "machine.memory_bytes",
                "more than maxphyaddr " + std::to_string(m.maxphyaddr) + " can address (" +
                    std::to_string(reach) + " bytes)");
  rules.require(m.dram.row_hit_cycles <= m.dram.latency_cycles, "machine.dram.row_hit_cycles",
                "an open row cannot take longer than another one (latency_cycles " +
                    std::to_string(m.dram.latency_cycles) + ")");
}

// What the hypervisor does to the memory of a VM.
void host_memory_rules(const VmParams& vm, const std::string& path, Rules& rules) {
  constexpr std::uint64_t kMinResident = std::uint64_t{1}
                                         << 20;  // what an access and its walk need
  const std::uint64_t batch = std::uint64_t{vm.reclaim_batch_pages} << kSmallPageBits;
  rules.require(vm.resident_limit_bytes == 0 || vm.resident_limit_bytes >= kMinResident,
                path + ".resident_limit_bytes", "must be 0 (no limit) or at least 1 MiB");
  rules.require(vm.resident_limit_bytes == 0 || batch <= vm.resident_limit_bytes / 2,
                path + ".reclaim_batch_pages",
                "a batch must not be more than half of resident_limit_bytes (" +
                    std::to_string(vm.resident_limit_bytes) + ")");
  for (std::size_t i = 0; i < vm.host_events.size(); ++i) {
    rules.require(
        vm.host_events[i].start < vm.memory_bytes,
        path + ".host_events." + std::to_string(i) + ".start",
        "lies beyond guest memory (memory_bytes " + std::to_string(vm.memory_bytes) + ")");
  }
}

}  // namespace

Mode mode_of(const RunParams& p, const VmParams& vm) {
  return p.mode == Mode::kNested && vm.paging == Paging::kShadow ? Mode::kShadow : p.mode;
}

SwitchPolicyKind policy_of(const RunParams& p, const VmParams& vm) {
  switch (p.mode) {
    case Mode::kNative:
    case Mode::kShadow:
      return SwitchPolicyKind::kFixed;
    case Mode::kNested:
      return vm.switching.policy;
    case Mode::kDsp:
      return SwitchPolicyKind::kDsp;
    case Mode::kCostModel:
      return SwitchPolicyKind::kCostModel;
    case Mode::kIpcFeedback:
      return SwitchPolicyKind::kIpcFeedback;
    case Mode::kOracle:
      return SwitchPolicyKind::kOracle;
    case Mode::kRandom:
      return SwitchPolicyKind::kRandom;
  }
  return SwitchPolicyKind::kFixed;
}

ModeList parse_modes(std::string_view list) {
  ModeList result;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view name = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    const std::size_t first = name.find_first_not_of(' ');
    const std::size_t last = name.find_last_not_of(' ');
    name =
        first == std::string_view::npos ? std::string_view() : name.substr(first, last - first + 1);
    const auto found = std::find(kModeNames.begin(), kModeNames.end(), name);
    if (found == kModeNames.end()) {
      result.unknown.emplace_back(name);
    } else {
      result.modes.push_back(static_cast<Mode>(found - kModeNames.begin()));
    }
  }
  return result;
}

std::vector<ParameterProblem> find_problems(const RunParams& p) {
  Rules rules;
  for (const std::string& name : parse_modes(p.compare).unknown) {
    std::string message = name;
    message += " is no mode; allowed:";
    for (const std::string_view mode : kModeNames) {
      message += ' ';
      message += mode;
    }
    rules.require(false, "compare", message);
  }
  machine_rules(p.machine, rules);
  for (std::size_t i = 0; i < p.vms.size(); ++i) {
    for (std::size_t j = 0; j < p.vms[i].processes.size(); ++j) {
      const WorkloadParams& workload = p.vms[i].processes[j].workload;
      rules.require(workload.kind != WorkloadKind::kTrace || p.vms[i].processes[j].threads == 1,
                    "vms." + std::to_string(i) + ".processes." + std::to_string(j) + ".threads",
                    "a trace is the stream of one thread");
      const std::string path =
          "vms." + std::to_string(i) + ".processes." + std::to_string(j) + ".workload.";
      for (const ParameterProblem& problem : find_problems(workload)) {
        rules.require(false, path + problem.key_path, problem.message);
      }
    }
  }
  for (std::size_t i = 0; i < p.vms.size(); ++i) {
    for (const ParameterProblem& problem : find_problems(p.vms[i].vm.switching)) {
      rules.require(false, "vms." + std::to_string(i) + ".switch." + problem.key_path,
                    problem.message);
    }
    const ReclaimParams& reclaim = p.vms[i].guest.reclaim;
    rules.require(reclaim.low_pages <= reclaim.high_pages,
                  "vms." + std::to_string(i) + ".guest.reclaim.low_pages",
                  "more than high_pages (" + std::to_string(reclaim.high_pages) +
                      "): reclaim would stop before it has begun");
  }
  if (p.mode == Mode::kNative) {
    rules.require(p.vms[0].vm.memory_bytes <= p.machine.memory_bytes, "vms.0.memory_bytes",
                  "more than the machine has (machine.memory_bytes " +
                      std::to_string(p.machine.memory_bytes) + ")");
    rules.require(p.vms[0].vm.vcpus <= p.machine.cores, "vms.0.vcpus",
                  "natively these are processors of the machine, which has " +
                      std::to_string(p.machine.cores) + " (machine.cores)");
    rules.require(p.vms.size() == 1, "vms",
                  "native mode has no VMs to keep apart: exactly one entry, not " +
                      std::to_string(p.vms.size()));
    return rules.take();
  }
  for (std::size_t i = 0; i < p.vms.size(); ++i) {
    const VmParams& vm = p.vms[i].vm;
    const std::string path = "vms." + std::to_string(i);
    const bool is_npt = format_of(format_id(vm.format)).rules == RuleSet::kX86;
    rules.require(
        is_npt == (p.machine.tag_rules == TagRules::kAmd), path + ".format",
        std::string(kHostFormatNames[static_cast<unsigned>(vm.format)]) +
            (is_npt ? " needs machine.tag_rules: amd" : " needs machine.tag_rules: intel"));
    host_memory_rules(vm, path, rules);
    if (mode_of(p, vm) != Mode::kShadow && policy_of(p, vm) == SwitchPolicyKind::kFixed) {
      continue;
    }
    const std::uint32_t least_tables = 8 + 2 * vm.vcpus;
    rules.require(vm.shadow.max_tables >= least_tables, path + ".shadow.max_tables",
                  "shadow paging of " + std::to_string(vm.vcpus) + " virtual CPUs needs at least " +
                      std::to_string(least_tables) + " tables");
    rules.require(p.vms[i].guest.format != FormatId::kX86FiveLevel ||
                      format_of(format_id(vm.format)).levels == kMaxLevels,
                  path + ".guest.format",
                  "the shadow of a 5-level guest has 5 levels, and so must the host format, not " +
                      std::string(kHostFormatNames[static_cast<unsigned>(vm.format)]));
  }
  return rules.take();
}

}  // namespace nestwalk
