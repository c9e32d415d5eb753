// Coverage of a co-simulation, from the parts that count it to the page that shows it.
//
//   write_coverage_part(stem, walker, bins);                      // at the end of a part
//   CoverageReport report(default_walker_store().sources);
//   for (each part) report.add(stem);
//   report.write("coverage.html");  report.text();
//
// A part leaves STEM.dat, in Verilator's format (code_coverage.h), and STEM.bins. Throws
// CoverageError: a file that is missing or wrong, a walker that does not count.
#pragma once

#include <filesystem>
#include <string>

#include "tb/code_coverage.h"
#include "tb/cosim_coverage.h"
#include "tb/pin_walker.h"

namespace nestwalk {

// Of a set of RTL parameters: the one that counts.
constexpr const char* kCoverageVariant = "+coverage";

void write_coverage_part(const std::string& stem, PinWalker& walker, const CosimCoverage& bins);
[[nodiscard]] bool has_coverage_part(const std::string& stem);

class CoverageReport {
 public:
  // `sources`: the project's folder, which has the exclusions too.
  explicit CoverageReport(const std::filesystem::path& sources);

  void add(const std::string& stem);
  [[nodiscard]] std::string text() const;
  // The page, and beside it the figures: FILE.json.
  void write(const std::filesystem::path& file) const;

 private:
  CodeCoverage code_;
  CosimCoverage bins_;
};

}  // namespace nestwalk
