// What Verilator wrote, read: points by place, counts added up, holes named, exclusions apart.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tb/code_coverage.h"
#include "tests/unit/workload_temp.h"

namespace nestwalk {
namespace {

using Kind = CodeCoverage::Kind;

class CodeCoverageFile : public testing::Test {
 protected:
  CodeCoverageFile() {
    std::filesystem::create_directories(folder_.file("rtl"));
    std::ofstream(folder_.file("rtl/a.sv")) << "module a;\n  if (x < 1) begin\n  default: y = 1;\n";
  }
  [[nodiscard]] std::string point(const std::string& file, int line, const std::string& kind,
                                  const std::string& text, int count,
                                  const std::string& module = "a") const {
    return "C '\1f\2" + folder_.file(file) + "\1l\2" + std::to_string(line) +
           "\1n\2"
           "5\1t\2" +
           kind + "\1page\2v_" + kind + "/" + module + "\1o\2" + text + "\1h\2walker.a' " +
           std::to_string(count) + "\n";
  }

  TempFolder folder_;
  CodeCoverage coverage_{folder_.file("")};
};

TEST_F(CodeCoverageFile, CountsAddUpOverFilesAndParameters) {
  const std::string head = "# SystemC::Coverage-3\n";
  coverage_.add(
      head + point("rtl/a.sv", 2, "branch", "if", 3) + point("rtl/a.sv", 2, "branch", "else", 0) +
      point("rtl/a.sv", 3, "line", "case", 0) + point("rtl/a.sv", 1, "toggle", "x[0]", 0) +
      point("rtl/a.sv", 1, "toggle", "x[1]", 1) + point("tb/sv/b.sv", 3, "line", "x", 0));
  EXPECT_EQ(coverage_.total(Kind::kBranch).hit, 1U);
  EXPECT_EQ(coverage_.total(Kind::kBranch).all, 2U);
  EXPECT_EQ(coverage_.total(Kind::kLine).hit, 0U);
  EXPECT_EQ(coverage_.total(Kind::kLine).all, 1U);  // that of the bench does not count
  EXPECT_EQ(coverage_.total(Kind::kToggle).percent(), 50.0);
  EXPECT_EQ(coverage_.files(), std::vector<std::string>{"rtl/a.sv"});
  const auto holes = coverage_.holes();
  ASSERT_EQ(holes.size(), 3U);
  EXPECT_EQ(holes[1].file, "rtl/a.sv");
  EXPECT_EQ(holes[1].line, 2U);
  EXPECT_EQ(holes[1].text, "else");
  EXPECT_EQ(holes[1].source, "if (x < 1) begin");
  EXPECT_NE(coverage_.text().find("hole: branch rtl/a.sv:2 (else): if (x < 1) begin"),
            std::string::npos);
  EXPECT_NE(coverage_.html().find("if (x &lt; 1) begin"), std::string::npos);
  // The other side, in a walker of other parameters.
  coverage_.add(head + point("rtl/a.sv", 2, "branch", "else", 7, "a__S4"));
  EXPECT_EQ(coverage_.total(Kind::kBranch).hit, 2U);
  EXPECT_EQ(coverage_.total(Kind::kBranch).all, 2U);
}

TEST_F(CodeCoverageFile, AnExclusionIsReportedApartAndChangesNoFigure) {
  coverage_.add(point("rtl/a.sv", 3, "line", "case", 0) + point("rtl/a.sv", 2, "line", "if", 1));
  coverage_.exclude(
      "# why\nline rtl/a.sv | default: | cannot be reached\nline rtl/a.sv | if (x | never\n");
  EXPECT_EQ(coverage_.total(Kind::kLine).hit, 1U);
  EXPECT_EQ(coverage_.total(Kind::kLine).all, 2U);
  EXPECT_EQ(coverage_.total(Kind::kLine).excluded, 1U);
  EXPECT_EQ(coverage_.holes().front().reason, "cannot be reached");
  EXPECT_EQ(coverage_.needless_exclusions(), std::vector<std::string>{"line rtl/a.sv | if (x"});
}

TEST_F(CodeCoverageFile, RefusesWhatIsNone) {
  EXPECT_THROW(coverage_.add(""), CoverageError);
  EXPECT_THROW(coverage_.add("hello\n"), CoverageError);
  EXPECT_THROW(coverage_.add("C '\1f\2x' many\n"), CoverageError);
  EXPECT_THROW(coverage_.exclude("line rtl/a.sv | default:\n"), CoverageError);
  EXPECT_THROW(coverage_.exclude("lime rtl/a.sv | default: | reason\n"), CoverageError);
}

}  // namespace
}  // namespace nestwalk
