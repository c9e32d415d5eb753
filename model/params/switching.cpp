#include "model/params/switching.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kMaxCycles = 10'000'000;

}  // namespace

void describe(SwitchOmissions& p, ParameterVisitor& v) {
  v.boolean({"other_cores",
             "Switch the virtual CPU alone that the decision is made on; the others go on as they "
             "are until their next exit."},
            p.other_cores);
  v.boolean({"downgrade",
             "A frame that becomes a guest table keeps the writable entries that map it already."},
            p.downgrade);
  v.boolean({"invlpg_flush",
             "An INVLPG of the guest under shadow paging flushes nothing where the shadow has no "
             "entry for the address."},
            p.invlpg_flush);
  v.boolean({"accessed_dirty",
             "The guest's A and D bits are not set when the shadow is filled, and lost with it."},
            p.accessed_dirty);
}

void describe(DspParams& p, ParameterVisitor& v) {
  v.number(
      {"tlb_upper", "misses/1000 instructions",
       "TLB misses above which the walk decides. With its thresholds: Wang et al. (VEE 2011).", 0},
      p.tlb_upper);
  v.number({"tlb_lower", "misses/1000 instructions", "TLB misses below which they are few.", 0},
           p.tlb_lower);
  v.number({"fault_upper", "faults/1000 instructions",
            "Page faults of the guest above which they decide.", 0},
           p.fault_upper);
  v.number({"fault_lower", "faults/1000 instructions", "Page faults below which they are few.", 0},
           p.fault_lower);
  v.number({"ratio_upper", "faults/miss",
            "Page faults for each TLB miss above which nested paging is the better, now and in the "
            "history.",
            0},
           p.ratio_upper);
  v.number({"ratio_lower", "faults/miss", "Below it shadow paging is, likewise.", 0},
           p.ratio_lower);
  v.number({"damping", "",
            "So much of an upper threshold the other rate must be below for the first to decide "
            "alone.",
            0, 1},
           p.damping);
  v.integer(
      {"history", "intervals", "Over how many intervals the historic rates are averages.", 1, 1000},
      p.history);
}

void describe(CostModelParams& p, ParameterVisitor& v) {
  constexpr std::uint64_t kMost = std::uint32_t{0} - 1U;
  v.number(
      {"walk_saving_cycles", "cycles",
       "What a TLB miss costs more under nested than under shadow paging, until both have been "
       "measured. Wang et al.: 12.",
       0},
      p.walk_saving_cycles);
  v.integer({"fault_cycles", "cycles",
             "What a page fault of the guest costs more under shadow paging, until it has been "
             "measured. Wang et al.: 28000.",
             0, kMost},
            p.fault_cycles);
  v.integer({"cr3_cycles", "cycles", "The same of a load of CR3. Assumption.", 0, kMost},
            p.cr3_cycles);
  v.integer(
      {"write_cycles", "cycles",
       "The same of a write to a guest table that comes with no page fault. Assumption.", 0, kMost},
      p.write_cycles);
  v.integer({"switch_cycles", "cycles",
             "What a switch to shadow paging and the filling after it cost, until it has been "
             "measured. Assumption.",
             0, kMost},
            p.switch_cycles);
  v.integer(
      {"horizon", "intervals",
       "In so many intervals a switch must have paid for itself if all goes on as it is.", 1, 1000},
      p.horizon);
  v.number({"weight", "", "Of the newest interval in the averages of what was measured.", 0, 1},
           p.weight);
}

void describe(IpcFeedbackParams& p, ParameterVisitor& v) {
  v.number({"high_percent", "percent",
            "Overhead of all cycles above which an interval speaks for a switch.", 0, 100},
           p.high_percent);
  v.number({"low_percent", "percent", "Below which it speaks against.", 0, 100}, p.low_percent);
  v.number({"walk_weight", "", "Of the share of page walks in the overhead.", 0}, p.walk_weight);
  v.number({"exit_weight", "", "Of the share of the hypervisor in the overhead.", 0},
           p.exit_weight);
  v.integer({"saturation", "intervals", "So many intervals more for than against switch.", 1, 1000},
            p.saturation);
  v.integer({"skip", "intervals", "Intervals after a switch that do not count.", 0, 1000}, p.skip);
}

void describe(RandomSwitchParams& p, ParameterVisitor& v) {
  v.number({"probability", "", "Of a switch at the end of an interval.", 0, 1}, p.probability);
  v.integer({"seed", "", "Of the random numbers.", 0}, p.seed);
}

void describe(SwitchingParams& p, ParameterVisitor& v) {
  v.choice({"policy",
            "Who decides at the end of each interval. oracle follows `schedule`; random switches "
            "without a reason.",
            kSwitchPolicyNames},
           p.policy);
  v.integer({"interval_instructions", "instructions",
             "Instructions of the VM between two decisions. At least 1.", 0},
            p.interval_instructions);
  v.group({"dsp", "policy dsp: eight rules on TLB misses and page faults."}, p.dsp);
  v.group({"cost_model", "policy cost_model: what the other mode would cost."}, p.cost_model);
  v.group({"ipc_feedback", "policy ipc_feedback: shares of walks and exits, and the IPC."},
          p.ipc_feedback);
  v.text({"schedule",
          "policy oracle: a letter for each interval, n (nested) or s (shadow); the last one goes "
          "on."},
         p.schedule);
  v.group({"random", "policy random: for tests."}, p.random);
  v.choice({"inactive",
            "What becomes of the shadow tables while the VM is under nested paging: given back, or "
            "kept and compared with the guest's at the switch back.",
            kInactiveShadowNames},
           p.inactive);
  v.choice({"protection",
            "When the guest's tables become read-only after a switch to shadow paging: each at the "
            "first fault through it, or all at the switch.",
            kTableProtectionNames},
           p.protection);
  v.choice({"flush",
            "What a switch drops: nothing, INVVPID on entry to shadow, INVEPT on entry to nested "
            "if the host stage was changed meanwhile, both, or nothing but with another VPID. On "
            "AMD the ASID is flushed or replaced instead.",
            kSwitchFlushNames},
           p.flush);
  v.group({"omit", "Duties left out, to see what they are for. The checker finds what follows."},
          p.omit);
}

std::vector<ParameterProblem> find_problems(const SwitchingParams& p) {
  std::vector<ParameterProblem> problems;
  const auto ordered = [&](double lower, double upper, const char* path, const char* other) {
    if (lower > upper) {
      problems.push_back({path, "is above " + std::string(other) +
                                    ": between the two a policy stays as it is, so the lower "
                                    "threshold must not be the higher one"});
    }
  };
  ordered(p.dsp.tlb_lower, p.dsp.tlb_upper, "dsp.tlb_lower", "dsp.tlb_upper");
  ordered(p.dsp.fault_lower, p.dsp.fault_upper, "dsp.fault_lower", "dsp.fault_upper");
  ordered(p.dsp.ratio_lower, p.dsp.ratio_upper, "dsp.ratio_lower", "dsp.ratio_upper");
  ordered(p.ipc_feedback.low_percent, p.ipc_feedback.high_percent, "ipc_feedback.low_percent",
          "ipc_feedback.high_percent");
  if (p.interval_instructions == 0) {
    problems.push_back({"interval_instructions",
                        "an interval of no instructions never ends in a decision: at least 1"});
  }
  if (p.schedule.find_first_not_of("ns") != std::string::npos) {
    problems.push_back({"schedule", "holds another letter than n (nested) and s (shadow)"});
  }
  return problems;
}

void describe(SwitchCosts& p, ParameterVisitor& v) {
  v.integer(
      {"sample_cycles", "cycles",
       "Reading the counters at the end of an interval and deciding. Assumption.", 0, kMaxCycles},
      p.sample_cycles);
  v.integer({"flip_cycles", "cycles",
             "Rewriting the control block of one virtual CPU: EPT enable, roots and intercepts. "
             "Assumption.",
             0, kMaxCycles},
            p.flip_cycles);
  v.integer(
      {"destroy_cycles", "cycles", "Giving back one table of a shadow. Assumption.", 0, kMaxCycles},
      p.destroy_cycles);
  v.integer({"compare_cycles", "cycles",
             "Comparing one table of a kept shadow with the guest's. Assumption.", 0, kMaxCycles},
            p.compare_cycles);
  v.integer({"protect_cycles", "cycles",
             "Finding one guest table to protect at the switch. Assumption.", 0, kMaxCycles},
            p.protect_cycles);
}

}  // namespace nestwalk
