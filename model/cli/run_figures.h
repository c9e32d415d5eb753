// The dozen figures of a run that people look at first, taken from its stats.json, so that what is
// shown is what was written.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

namespace nestwalk {

struct RunFigures {
  std::string mode;
  std::string machine;
  std::string end;
  std::uint64_t warmup_accesses = 0;  // before what all of these count
  std::uint64_t accesses = 0;
  std::uint64_t instructions = 0;
  std::uint64_t cycles = 0;       // of the run
  std::uint64_t core_cycles = 0;  // of all cores together
  std::uint64_t l1_lookups = 0;
  std::uint64_t l1_hits = 0;
  std::uint64_t l2_lookups = 0;
  std::uint64_t l2_hits = 0;
  std::uint64_t walks = 0;
  std::uint64_t references = 0;
  std::uint64_t walk_cycles = 0;
  std::uint64_t guest_faults = 0;
  std::uint64_t segfaults = 0;
  std::uint64_t exits = 0;
  std::vector<std::pair<std::string, std::uint64_t>> causes;  // cycles by cause, largest first

  [[nodiscard]] double cpi() const;
  [[nodiscard]] double references_per_walk() const;
  [[nodiscard]] double cycles_per_walk() const;
  [[nodiscard]] double walks_per_kilo_instruction() const;
  [[nodiscard]] double cause_share(const std::string& cause) const;
};

// `stats` is a stats.json as written by this version of the program.
[[nodiscard]] RunFigures figures_of(const nlohmann::ordered_json& stats);

// 12345678 as 12,345,678.
[[nodiscard]] std::string with_separators(std::uint64_t value);

// What a person wants to know of one run, in a dozen lines.
[[nodiscard]] std::string summary_text(const RunFigures& figures);

// Several runs of the same workload side by side, the first one being the measure of the others.
[[nodiscard]] std::string comparison_text(const std::vector<RunFigures>& figures);

}  // namespace nestwalk
