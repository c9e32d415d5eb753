// What the kinds of experiments share: a kind is a function from parameters to tables and claims.
//
//   ExperimentResult run_idle(const ExperimentParams& params);
//
// Every figure of a table comes from a run; a claim that does not hold fails the command.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "model/params/experiment.h"

namespace nestwalk {

// A run of an experiment did not end as it must; what() says which and how.
class ExperimentError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct TextTable {
  std::string title;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};

struct Claim {
  std::string text;
  bool holds = false;
};

struct ExperimentResult {
  std::vector<TextTable> tables;
  std::vector<Claim> claims;
};

[[nodiscard]] std::string text_of(const ExperimentResult& result);
// {"experiment", "tables": [{title, columns, rows}], "claims": [{text, holds}]}; cells that are
// whole numbers or fractions are JSON numbers.
[[nodiscard]] std::string json_of(std::string_view name, const ExperimentResult& result);

// With so many digits behind the point.
[[nodiscard]] std::string fixed(double value, int digits = 2);
[[nodiscard]] double quotient(std::uint64_t part, std::uint64_t whole);

// The kinds, one file each.
[[nodiscard]] ExperimentResult run_faults(const ExperimentParams& params);
[[nodiscard]] ExperimentResult run_events(const ExperimentParams& params);
[[nodiscard]] ExperimentResult run_switches(const ExperimentParams& params);
[[nodiscard]] ExperimentResult run_tables(const ExperimentParams& params);
[[nodiscard]] ExperimentResult run_idle(const ExperimentParams& params);
[[nodiscard]] ExperimentResult run_churn(const ExperimentParams& params);
[[nodiscard]] ExperimentResult run_entries(const ExperimentParams& params);
[[nodiscard]] ExperimentResult run_walk(const ExperimentParams& params);
[[nodiscard]] ExperimentResult run_ledger(const ExperimentParams& params);
[[nodiscard]] ExperimentResult run_hazards(const ExperimentParams& params);

}  // namespace nestwalk
