#include "tb/coverage_report.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExclusions = "rtl/lint/coverage_exclusions.txt";

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw CoverageError(fmt::format("cannot read {}", path.string()));
  }
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) {
    throw CoverageError(fmt::format("cannot write {}", path.string()));
  }
}

}  // namespace

void write_coverage_part(const std::string& stem, PinWalker& walker, const CosimCoverage& bins) {
  if (!walker.write_coverage(stem + ".dat")) {
    throw CoverageError(
        fmt::format("cannot write {}.dat, or this walker counts nothing: one opened as NAME{} does",
                    stem, kCoverageVariant));
  }
  write_text(stem + ".bins", bins.counts());
}

bool has_coverage_part(const std::string& stem) {
  return fs::exists(stem + ".dat") && fs::exists(stem + ".bins");
}

CoverageReport::CoverageReport(const fs::path& sources) : code_(sources) {
  try {
    code_.exclude(text_of(sources / kExclusions));
  } catch (const CoverageError& error) {
    throw CoverageError(fmt::format("{}: {}", kExclusions, error.what()));
  }
}

void CoverageReport::add(const std::string& stem) {
  try {
    code_.add(text_of(stem + ".dat"));
  } catch (const CoverageError& error) {
    throw CoverageError(fmt::format("{}.dat: {}", stem, error.what()));
  }
  if (!bins_.add(text_of(stem + ".bins"))) {
    throw CoverageError(fmt::format("{}.bins: expected lines COUNT GROUP: BIN", stem));
  }
}

std::string CoverageReport::text() const {
  return bins_.text() + code_.text();
}

void CoverageReport::write(const fs::path& file) const {
  write_text(file, fmt::format(
                       "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                       "<title>Coverage</title><style>body{{font-family:sans-serif}}"
                       "td{{padding:0 1em}}tr.hole{{background:#fcc}}tr.excluded{{background:#eee}}"
                       "</style></head><body>\n{}{}</body></html>\n",
                       bins_.html(), code_.html()));
  write_text(fs::path(file).replace_extension(".json"), code_.json());
}

}  // namespace nestwalk
