// `nestwalk cosim`: the RTL walker beside the model over random tables, alone or from a list.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/cli/command.h"
#include "tb/cosim_run.h"

namespace CLI {
class App;
}

namespace nestwalk {

struct CosimOptions {
  std::string config;
  std::vector<std::string> overrides;
  std::string only;        // a run's name, or text that names of runs contain; empty: all
  std::string out;         // empty: out/NNN-cosim-CONFIG
  std::uint32_t jobs = 0;  // 0: as many as processors
  std::uint64_t part_walks = 100000;
  std::string coverage;  // an HTML page; with cases: the stem of two files of counts; empty: none
  bool bench = false;    // speed, beside the bare RTL
  bool force = false;
  bool resume = false;
  std::optional<CaseRange> cases;  // only these, in this process
  std::string result;              // with cases: the file for the figures; empty: none
  std::string wave;                // with cases: a wave file of them; empty: none
  std::optional<PlantedMistake> mistake;
};

void add_cosim_command(CLI::App& program, CommandRunner& runner);

// The command after its options were read.
int run_cosim(const CosimOptions& options, const Streams& streams);

// "17" or "0:157".
[[nodiscard]] std::optional<CaseRange> parse_case_range(const std::string& text);
// "read:3": the third record of its kind, from 0.
[[nodiscard]] std::optional<PlantedMistake> parse_mistake(const std::string& text);

}  // namespace nestwalk
