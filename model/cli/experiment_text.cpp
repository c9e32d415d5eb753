// Results of experiments as text and as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "model/cli/experiment.h"

namespace nestwalk {

namespace {

bool is_number(const std::string& cell) {
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  return error == std::errc() && end == cell.data() + cell.size();
}

// A column of numbers stands to the right.
bool is_numeric(const TextTable& table, std::size_t column) {
  return std::all_of(table.rows.begin(), table.rows.end(), [&](const auto& row) {
    return row[column].empty() || row[column] == "-" || is_number(row[column]);
  });
}

std::string line_of(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths,
                    const std::vector<bool>& is_right) {
  std::string line;
  for (std::size_t c = 0; c < cells.size(); ++c) {
    line += is_right[c] ? fmt::format("{:>{}}  ", cells[c], widths[c])
                        : fmt::format("{:<{}}  ", cells[c], widths[c]);
  }
  return line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}

std::string text_of_table(const TextTable& table) {
  std::vector<std::size_t> widths;
  std::vector<bool> is_right;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    std::size_t width = table.columns[c].size();
    for (const auto& row : table.rows) {
      width = std::max(width, row[c].size());
    }
    widths.push_back(width);
    is_right.push_back(is_numeric(table, c));
  }
  std::string text = table.title + "\n\n" + line_of(table.columns, widths, is_right);
  for (const auto& row : table.rows) {
    text += line_of(row, widths, is_right);
  }
  return text + "\n";
}

nlohmann::ordered_json cell_of(const std::string& cell) {
  return is_number(cell) ? nlohmann::ordered_json::parse(cell, nullptr, false)
                         : nlohmann::ordered_json(cell);
}

}  // namespace

std::string text_of(const ExperimentResult& result) {
  std::string text;
  for (const TextTable& table : result.tables) {
    text += text_of_table(table);
  }
  for (const Claim& claim : result.claims) {
    text += fmt::format("{}: {}\n", claim.holds ? "holds" : "FAILS", claim.text);
  }
  return text;
}

std::string json_of(std::string_view name, const ExperimentResult& result) {
  nlohmann::ordered_json json;
  json["experiment"] = name;
  json["tables"] = nlohmann::ordered_json::array();
  for (const TextTable& table : result.tables) {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const auto& row : table.rows) {
      nlohmann::ordered_json cells = nlohmann::ordered_json::array();
      for (const std::string& cell : row) {
        cells.push_back(cell_of(cell));
      }
      rows.push_back(cells);
    }
    json["tables"].push_back({{"title", table.title}, {"columns", table.columns}, {"rows", rows}});
  }
  json["claims"] = nlohmann::ordered_json::array();
  for (const Claim& claim : result.claims) {
    json["claims"].push_back({{"text", claim.text}, {"holds", claim.holds}});
  }
  return json.dump(1) + "\n";
}

std::string fixed(double value, int digits) {
  return fmt::format("{:.{}f}", value, digits);
}

double quotient(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace nestwalk
