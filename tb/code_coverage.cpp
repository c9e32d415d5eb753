#include "tb/code_coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <utility>

namespace nestwalk {
namespace {

using Kind = CodeCoverage::Kind;
constexpr std::array<Kind, 3> kKinds = {Kind::kLine, Kind::kBranch, Kind::kToggle};

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || rest != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

std::optional<Kind> kind_of(std::string_view name) {
  const auto& names = CodeCoverage::kKindNames;
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? std::nullopt
                              : std::optional(static_cast<Kind>(found - names.begin()));
}

std::string_view name_of(Kind kind) {
  return CodeCoverage::kKindNames.at(static_cast<std::size_t>(kind));
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos
             ? std::string_view{}
             : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// The value of a key of a point; empty: it has none.
std::string_view value_of(std::string_view point, std::string_view key) {
  const std::string mark = fmt::format("\1{}\2", key);
  const std::size_t at = point.find(mark);
  if (at == std::string_view::npos) {
    return {};
  }
  const std::string_view rest = point.substr(at + mark.size());
  return rest.substr(0, rest.find('\1'));
}

std::string escaped(std::string_view text) {
  std::string html;
  for (const char c : text) {
    html += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
  }
  return html;
}

}  // namespace

double CodeCoverage::Share::percent() const {
  return all == 0 ? 100.0 : 100.0 * static_cast<double>(hit) / static_cast<double>(all);
}

void CodeCoverage::add(const std::string& text) {
  std::istringstream lines(text);
  unsigned number = 0;
  const std::string root = (sources_ / "").string();
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.empty() || line.front() == '#') {
      continue;
    }
    const std::string_view all = line;
    const std::size_t end = all.rfind("' ");
    const auto count =
        end == std::string_view::npos ? std::nullopt : number_of(all.substr(end + 2));
    if (all.substr(0, 3) != "C '" || !count) {
      throw CoverageError(
          fmt::format("line {}: found '{}', expected C 'POINT' COUNT", number, all.substr(0, 40)));
    }
    const std::string_view point = all.substr(3, end - 3);
    const std::string_view page = value_of(point, "page");
    const auto kind =
        page.substr(0, 2) == "v_" ? kind_of(page.substr(2, page.find('/') - 2)) : std::nullopt;
    std::string_view file = value_of(point, "f");
    file.remove_prefix(file.substr(0, root.size()) == root ? root.size() : 0);
    if (!kind || file.substr(0, 4) != "rtl/") {
      continue;  // of the bench, or an assertion
    }
    const auto at = number_of(value_of(point, "l"));
    const auto column = number_of(value_of(point, "n"));
    if (!at || !column) {
      throw CoverageError(fmt::format("line {}: a point without line and column", number));
    }
    points_[{*kind, std::string(file), static_cast<unsigned>(*at), static_cast<unsigned>(*column),
             std::string(value_of(point, "o"))}] += *count;
  }
  if (number == 0) {
    throw CoverageError("there is nothing in it");
  }
}

void CodeCoverage::exclude(const std::string& text) {
  std::istringstream lines(text);
  unsigned number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const std::string_view all = trimmed(line);
    if (all.empty() || all.front() == '#') {
      continue;
    }
    const std::size_t blank = all.find(' ');
    const std::size_t first = all.find(" | ");
    const std::size_t second = all.find(" | ", first == std::string_view::npos ? first : first + 3);
    const auto kind = kind_of(all.substr(0, blank));
    if (!kind || first == std::string_view::npos || second == std::string_view::npos ||
        trimmed(all.substr(second + 3)).empty()) {
      throw CoverageError(fmt::format(
          "line {}: found '{}', expected KIND FILE | part of the source line | reason, KIND one of "
          "line, branch, toggle",
          number, all));
    }
    exclusions_.push_back({*kind, std::string(trimmed(all.substr(blank, first - blank))),
                           std::string(trimmed(all.substr(first + 3, second - first - 3))),
                           std::string(trimmed(all.substr(second + 3)))});
  }
}

const std::vector<std::string>& CodeCoverage::source_of(const std::string& file) const {
  const auto [found, is_new] = texts_.try_emplace(file);
  if (is_new) {
    std::ifstream stream(sources_ / file);
    for (std::string line; std::getline(stream, line);) {
      found->second.emplace_back(trimmed(line));
    }
  }
  return found->second;
}

CodeCoverage::Hole CodeCoverage::hole_of(const Place& place) const {
  const auto& [kind, file, line, column, text] = place;
  Hole hole{kind, file, line, text, {}, {}};
  const std::vector<std::string>& source = source_of(file);
  if (line != 0 && line <= source.size()) {
    hole.source = source[line - 1];
  }
  for (const Exclusion& exclusion : exclusions_) {
    if (exclusion.kind == kind && exclusion.file == file &&
        hole.source.find(exclusion.source) != std::string::npos) {
      hole.reason = exclusion.reason;
    }
  }
  return hole;
}

CodeCoverage::Share CodeCoverage::share(const std::string& file, Kind kind) const {
  Share share;
  for (const auto& [place, count] : points_) {
    if (std::get<0>(place) == kind && (file.empty() || std::get<1>(place) == file)) {
      ++share.all;
      share.hit += count != 0 ? 1 : 0;
      share.excluded += count == 0 && !hole_of(place).reason.empty() ? 1 : 0;
    }
  }
  return share;
}

CodeCoverage::Share CodeCoverage::total(Kind kind) const {
  return share({}, kind);
}

std::vector<std::string> CodeCoverage::files() const {
  std::vector<std::string> files;
  for (const auto& [place, count] : points_) {
    files.push_back(std::get<1>(place));
  }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

std::vector<CodeCoverage::Hole> CodeCoverage::holes() const {
  std::vector<Hole> holes;
  for (const auto& [place, count] : points_) {
    if (count == 0) {
      holes.push_back(hole_of(place));
    }
  }
  return holes;
}

std::vector<std::string> CodeCoverage::needless_exclusions() const {
  std::vector<std::string> needless;
  const std::vector<Hole> all = holes();
  for (const Exclusion& exclusion : exclusions_) {
    if (std::none_of(all.begin(), all.end(), [&](const Hole& hole) {
          return hole.kind == exclusion.kind && hole.file == exclusion.file &&
                 hole.source.find(exclusion.source) != std::string::npos;
        })) {
      needless.push_back(
          fmt::format("{} {} | {}", name_of(exclusion.kind), exclusion.file, exclusion.source));
    }
  }
  return needless;
}

std::string CodeCoverage::text() const {
  std::string text = fmt::format("  {:<34}", "file");
  for (const Kind kind : kKinds) {
    text += fmt::format(" {:>22}", name_of(kind));
  }
  text += "\n";
  std::vector<std::string> rows = files();
  rows.emplace_back();
  for (const std::string& file : rows) {
    text += fmt::format("  {:<34}", file.empty() ? "all, raw" : file);
    for (const Kind kind : kKinds) {
      const Share part = share(file, kind);
      text += part.all == 0
                  ? fmt::format(" {:>22}", "-")
                  : fmt::format(" {:>6} of {:>5} {:>5.1f} %", part.hit, part.all, part.percent());
    }
    text += "\n";
  }
  text += fmt::format("  {:<34}", "holes that are excluded");
  for (const Kind kind : kKinds) {
    text += fmt::format(" {:>22}", total(kind).excluded);
  }
  text += "\n";
  for (const Hole& hole : holes()) {
    if (hole.kind != Kind::kToggle) {
      text += fmt::format("  hole: {} {}:{} ({}): {}{}\n", name_of(hole.kind), hole.file, hole.line,
                          hole.text, hole.source,
                          hole.reason.empty() ? "" : "; excluded: " + hole.reason);
    }
  }
  for (const std::string& exclusion : needless_exclusions()) {
    text += fmt::format("  exclusion without a hole: {}\n", exclusion);
  }
  return text;
}

std::string CodeCoverage::html() const {
  std::string text = "<h1>Code of the RTL</h1>\n<table>\n<tr><th>file</th>";
  for (const Kind kind : kKinds) {
    text += fmt::format("<th>{}</th>", name_of(kind));
  }
  text += "</tr>\n";
  std::vector<std::string> rows = files();
  rows.emplace_back();
  for (const std::string& file : rows) {
    text += fmt::format("<tr><td>{}</td>", file.empty() ? "all, raw" : escaped(file));
    for (const Kind kind : kKinds) {
      const Share part = share(file, kind);
      text += fmt::format("<td>{} of {}, {:.1f} %, {} excluded</td>", part.hit, part.all,
                          part.percent(), part.excluded);
    }
    text += "</tr>\n";
  }
  text += "</table>\n<h2>Holes</h2>\n<table>\n";
  for (const Hole& hole : holes()) {
    text += fmt::format(
        "<tr class=\"{}\"><td>{}</td><td>{}:{}</td><td>{}</td><td><code>{}</code></td><td>{}</td>"
        "</tr>\n",
        hole.reason.empty() ? "hole" : "excluded", name_of(hole.kind), escaped(hole.file),
        hole.line, escaped(hole.text), escaped(hole.source), escaped(hole.reason));
  }
  return text + "</table>\n";
}

std::string CodeCoverage::json() const {
  nlohmann::ordered_json json;
  std::vector<std::string> rows = files();
  rows.emplace_back();
  for (const std::string& file : rows) {
    auto& row = file.empty() ? json["all"] : json["files"][file];
    for (const Kind kind : kKinds) {
      const Share part = share(file, kind);
      row[std::string(name_of(kind))] = {
          {"hit", part.hit}, {"all", part.all}, {"excluded", part.excluded}};
    }
  }
  return json.dump(2) + "\n";
}

}  // namespace nestwalk
