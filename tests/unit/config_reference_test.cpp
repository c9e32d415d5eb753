#include "model/config/reference.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/config_sample.h"

namespace nestwalk {
namespace {

class ConfigReference : public testing::Test {
 protected:
  std::string page_ = reference_markdown<SampleRoot>("Sample");

  void expect_line(const std::string& line) const {
    EXPECT_NE(page_.find('\n' + line + '\n'), std::string::npos) << line << "\nin\n" << page_;
  }
};

TEST_F(ConfigReference, ThePageBeginsWithItsTitle) {
  EXPECT_EQ(page_.substr(0, 10), "# Sample\n\n");
}

TEST_F(ConfigReference, EveryKindOfKeyHasItsRow) {
  expect_line(
      "| `mode` | choice | `nested` | native, nested, shadow | How guest addresses are translated. "
      "|");
  expect_line("| `trace` | path |  |  | Recorded accesses. |");
  expect_line("| `seed` | integer | `1` |  | Of every random choice. |");
  expect_line(
      "| `core.window` | integer | `1` | 1 to 256 accesses, a power of two | Outstanding accesses. "
      "|");
  expect_line(
      "| `core.base_cpi` | number | `1` | 0.1 to 100 cycles | Cycles of an instruction without "
      "misses. |");
  expect_line(
      "| `core.in_order` | boolean | `true` | true, false | Whether the core keeps program order. "
      "|");
  expect_line(
      "| `vms.N.memory_bytes` | size | `256 MiB` | 4 KiB to 64 TiB | Guest-physical memory. |");
  expect_line("| `vms.N.processes.N.name` | text | `main` |  | What statistics call it. |");
}

TEST_F(ConfigReference, BarsInTextDoNotBreakTheTable) {
  expect_line("| `label` | text | `a: \"b\" \\| c` |  | Free text \\| with a bar. |");
}

TEST_F(ConfigReference, GroupsAreSectionsWithTheirText) {
  EXPECT_NE(page_.find("\n## `ntlb`\n\nNested TLB.\n\n| key |"), std::string::npos);
  EXPECT_NE(page_.find("\n## `ntlb.array`\n\nCapacity and shape.\n"), std::string::npos);
  EXPECT_NE(page_.find("\n## `vms.N`\n\nVirtual machines. A list of 1 or more elements.\n"),
            std::string::npos);
}

}  // namespace
}  // namespace nestwalk
