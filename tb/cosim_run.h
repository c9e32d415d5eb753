// Cases of a co-simulation one after the other, up to the first that fails.
//
//   CosimRun run(params);
//   run.cases({0, 157});
//   run.result().num_walks; run.result().failure;
//
// Case n is the same whatever ran before it: its seed is made from that of the configuration and n.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/params/cosim.h"
#include "tb/walker_bench.h"

namespace nestwalk {

struct CaseRange {
  std::uint64_t first = 0;
  std::uint64_t end = 0;  // behind the last
};

struct CosimFailure {
  std::uint64_t number = 0;  // of the case
  std::uint64_t walk = 0;    // that was under way, within the case
  std::vector<std::string> problems;
};

struct CosimResult {
  std::uint64_t num_cases = 0;
  std::uint64_t num_walks = 0;
  std::uint64_t num_cycles = 0;
  std::uint64_t num_resets = 0;
  std::uint64_t num_errors = 0;  // of the memory
  std::uint64_t num_racing_writes = 0;
  double seconds = 0;
  std::array<std::uint64_t, kNumEventKinds> events{};
  std::optional<CosimFailure> failure;

  void add(const CosimResult& other);
};

// A record that is changed on its way to the scoreboard: to see what a failure looks like.
struct PlantedMistake {
  EventKind kind = EventKind::kRead;
  std::uint64_t number = 0;  // the n-th of its kind within each case
};

class CosimRun {
 public:
  // `walker`: the set, with or without a suffix. Throws WalkerSetError.
  CosimRun(const CosimParams& params, const std::string& walker);
  CosimRun(const CosimParams& params, std::unique_ptr<PinWalker> walker);

  void plant(const PlantedMistake& mistake);
  // Sees every record.
  void observe_with(std::function<void(const Record&)> observer) {
    observer_ = std::move(observer);
  }
  // Called before each case; false: no further one.
  void ask_before_each(std::function<bool()> question) { question_ = std::move(question); }

  void cases(const CaseRange& range);
  [[nodiscard]] const CosimResult& result() const { return result_; }
  [[nodiscard]] WalkerBench& bench() { return bench_; }

 private:
  void run_case(std::uint64_t number);
  void pass(Record& record);

  CosimParams params_;
  WalkerBench bench_;
  CosimResult result_;
  std::optional<PlantedMistake> mistake_;
  std::uint64_t num_of_kind_ = 0;  // in this case, of the planted kind
  std::function<void(const Record&)> observer_;
  std::function<bool()> question_;
};

// How many cases give the walks of the configuration.
[[nodiscard]] inline std::uint64_t num_cases_of(const CosimParams& params) {
  return (params.walks + params.walks_per_case - 1) / params.walks_per_case;
}

// The file that a part of a run leaves, and that tells a later one that it has been done.
[[nodiscard]] std::string cosim_result_json(const CosimResult& result);
// Empty: the text is no result.
[[nodiscard]] std::optional<CosimResult> parse_cosim_result(const std::string& text);

}  // namespace nestwalk
