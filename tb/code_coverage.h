// Which lines, branches and bits of the RTL a run has used, read from what Verilator wrote.
//
//   CodeCoverage coverage(source_folder);
//   coverage.add(text_of("cases-0-100.dat"));        // any number of them: counts add up
//   coverage.exclude(text_of("rtl/lint/coverage_exclusions.txt"));
//   coverage.total(CodeCoverage::Kind::kBranch).hit; coverage.text(); coverage.html();
//
// A line of such a file is `C '\1f\2FILE\1l\2LINE\1n\2COLUMN\1page\2v_KIND/MODULE\1o\2TEXT...'
// COUNT` (verilator_coverage reads it too). One point is one place of the source: instances,
// parameters and sets are not told apart. Verilator has a point of kind
//   line     for a block that is executed or not: always, case item, if without else
//   branch   for each side of an if with else
//   toggle   for a bit of a signal that changes or not
// Only what is under rtl/ is read; modules that no set has in it do not appear.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace nestwalk {

class CoverageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class CodeCoverage {
 public:
  enum class Kind : std::uint8_t { kLine, kBranch, kToggle };
  static constexpr std::array<std::string_view, 3> kKindNames = {"line", "branch", "toggle"};

  struct Share {
    std::size_t hit = 0;
    std::size_t all = 0;
    std::size_t excluded = 0;  // of those that were not hit
    [[nodiscard]] double percent() const;
  };
  struct Hole {
    Kind kind = Kind::kLine;
    std::string file;  // from the source folder on
    unsigned line = 0;
    std::string text;    // which side, which bit
    std::string source;  // the line, without the space around it
    std::string reason;  // of its exclusion; empty: it has none
  };

  // `sources`: the project's folder, that names of files are cut to.
  explicit CodeCoverage(std::filesystem::path sources) : sources_(std::move(sources)) {}

  // Throws CoverageError if it is no such text.
  void add(const std::string& text);
  // Lines `KIND FILE | part of the source line | reason`; # begins a comment. Throws CoverageError.
  void exclude(const std::string& text);

  [[nodiscard]] Share total(Kind kind) const;
  [[nodiscard]] Share share(const std::string& file, Kind kind) const;
  [[nodiscard]] std::vector<std::string> files() const;
  // Ordered by kind, file and line.
  [[nodiscard]] std::vector<Hole> holes() const;
  // Exclusions without a hole that they are about.
  [[nodiscard]] std::vector<std::string> needless_exclusions() const;

  [[nodiscard]] std::string text() const;  // the table, then holes of lines and branches
  [[nodiscard]] std::string html() const;  // the same with all holes: the inside of a page
  [[nodiscard]] std::string json() const;

 private:
  using Place = std::tuple<Kind, std::string, unsigned, unsigned, std::string>;  // line, column
  struct Exclusion {
    Kind kind = Kind::kLine;
    std::string file;
    std::string source;
    std::string reason;
  };

  [[nodiscard]] const std::vector<std::string>& source_of(const std::string& file) const;
  [[nodiscard]] Hole hole_of(const Place& place) const;

  std::filesystem::path sources_;
  std::map<Place, std::uint64_t> points_;
  std::vector<Exclusion> exclusions_;
  mutable std::map<std::string, std::vector<std::string>> texts_;  // of sources, once read
};

}  // namespace nestwalk
