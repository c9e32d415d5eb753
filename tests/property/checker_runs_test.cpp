// Whole runs under the translation checker: right ones, in which memory comes and goes, and runs
// whose virtual CPUs lose an operation of the kernel.
#include <gtest/gtest.h>

#include "tests/property/checker_runs.h"

namespace nestwalk {
namespace {

class CheckerRuns : public testing::TestWithParam<Setup> {};

TEST_P(CheckerRuns, ARightRunIsClean) {
  for (const bool has_pcid : {false, true}) {
    RunParams params = churning_run(GetParam());
    params.vms[0].guest.pcid = has_pcid;
    params.vms[0].guest.max_single_invalidations = has_pcid ? 4 : 64;
    const RunReport report = run_apart(params);
    ASSERT_EQ(report.end, "finished") << report.message;
    EXPECT_GT(report.count("checker.changes"), 200U);
    EXPECT_GE(report.count("checker.checked"), 8000U);
    EXPECT_EQ(report.count("checker.checked"),
              report.count("checker.current") + report.count("checker.stale"));
    EXPECT_EQ(report.count("checker.undecided"), 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Machines, CheckerRuns,
    testing::Values(Setup{"native_lt", Mode::kNative, Timing::kLt, 1, 1},
                    Setup{"native_at", Mode::kNative, Timing::kAt, 1, 1},
                    Setup{"native_at_3_cores", Mode::kNative, Timing::kAt, 3, 3},
                    Setup{"native_lt_2_cores", Mode::kNative, Timing::kLt, 2, 2},
                    Setup{"nested_lt", Mode::kNested, Timing::kLt, 1, 1},
                    Setup{"nested_at", Mode::kNested, Timing::kAt, 1, 1},
                    Setup{"nested_lt_rotating", Mode::kNested, Timing::kLt, 2, 3},
                    Setup{"nested_at_2_cores", Mode::kNested, Timing::kAt, 2, 2},
                    Setup{"nested_at_rotating", Mode::kNested, Timing::kAt, 2, 3},
                    Setup{"shadow_lt", Mode::kShadow, Timing::kLt, 1, 1},
                    Setup{"shadow_at_2_cores", Mode::kShadow, Timing::kAt, 2, 2},
                    Setup{"npt_lt", Mode::kNested, Timing::kLt, 1, 1, true},
                    Setup{"npt_at_2_cores", Mode::kNested, Timing::kAt, 2, 2, true}),
    [](const auto& test) { return test.param.name; });

// ---- Mistakes ----

// Whose kernel says INVLPG, and nothing happens.
class DeafVcpu : public Vcpu {
 public:
  using Vcpu::invalidate;
  using Vcpu::Vcpu;
  void invalidate(const Invalidation& invalidation) override {
    if (invalidation.op != InvalidateOp::kInvlpg) {
      Vcpu::invalidate(invalidation);
    }
  }
};

// Drops another page than the kernel has named.
class MistakenVcpu : public Vcpu {
 public:
  using Vcpu::invalidate;
  using Vcpu::Vcpu;
  void invalidate(const Invalidation& invalidation) override {
    Invalidation other = invalidation;
    other.address = other.address + 0x4000'0000;
    Vcpu::invalidate(other);
  }
};

// Loads CR3 as if bit 63 were set.
class KeepingVcpu : public Vcpu {
 public:
  using Vcpu::Vcpu;
  void write_cr3(const Cr3Value& value) override {
    Cr3Value kept = value;
    kept.no_flush = true;
    Vcpu::write_cr3(kept);
  }
};

class CheckerRunMistakes : public testing::TestWithParam<Setup> {
 protected:
  // What the kernel would otherwise do by one load of CR3.
  static RunParams by_single_pages() {
    RunParams params = churning_run(GetParam());
    params.vms[0].guest.max_single_invalidations = 1000;
    params.vms[0].guest.pcid = true;
    return params;
  }
};

TEST_P(CheckerRunMistakes, InvlpgIsLost) {
  expect_found(run_apart(by_single_pages(), factory_of<DeafVcpu>()), "missing_invalidation",
               "INVLPG of");
}

TEST_P(CheckerRunMistakes, InvlpgNamesAnotherPage) {
  expect_found(run_apart(by_single_pages(), factory_of<MistakenVcpu>()), "missing_invalidation",
               "covering less: invlpg of");
}

TEST_P(CheckerRunMistakes, ALoadOfCr3KeepsWhatItShouldDrop) {
  RunParams params = churning_run(GetParam());
  params.vms[0].guest.pcid = true;
  params.vms[0].guest.max_single_invalidations = 1;
  expect_found(run_apart(params, factory_of<KeepingVcpu>()), "missing_invalidation", "PCID");
}

INSTANTIATE_TEST_SUITE_P(Machines, CheckerRunMistakes,
                         testing::Values(Setup{"native_lt", Mode::kNative, Timing::kLt, 1, 1},
                                         Setup{"native_at", Mode::kNative, Timing::kAt, 1, 1},
                                         Setup{"nested_lt", Mode::kNested, Timing::kLt, 1, 1},
                                         Setup{"nested_at_2_cores", Mode::kNested, Timing::kAt, 2,
                                               2}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace nestwalk
