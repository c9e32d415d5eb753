#include "tb/cosim_run.h"

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "model/arch/splitmix.h"
#include "tb/cosim_case.h"
#include "tb/walker_set.h"

namespace nestwalk {

void CosimResult::add(const CosimResult& other) {
  num_cases += other.num_cases;
  num_walks += other.num_walks;
  num_cycles += other.num_cycles;
  num_resets += other.num_resets;
  num_errors += other.num_errors;
  num_racing_writes += other.num_racing_writes;
  seconds += other.seconds;
  for (unsigned kind = 0; kind < kNumEventKinds; ++kind) {
    events.at(kind) += other.events.at(kind);
  }
  if (!failure) {
    failure = other.failure;
  }
}

CosimRun::CosimRun(const CosimParams& params, const std::string& walker)
    : CosimRun(params, open_walker_set(walker)) {}

CosimRun::CosimRun(const CosimParams& params, std::unique_ptr<PinWalker> walker)
    : params_(params), bench_(std::move(walker), {}) {}

void CosimRun::plant(const PlantedMistake& mistake) {
  mistake_ = mistake;
}

void CosimRun::pass(Record& record) {
  if (mistake_ && record.event.kind == mistake_->kind && num_of_kind_++ == mistake_->number) {
    record.event.address ^= 8;
  }
  if (observer_) {
    observer_(record);
  }
}

void CosimRun::run_case(std::uint64_t number) {
  const std::uint64_t seed = SplitMix(params_.seed ^ SplitMix(number).draw()).draw();
  num_of_kind_ = 0;
  if (mistake_ || observer_) {
    bench_.tamper_with([this](Record& record) { pass(record); });
  }
  const std::uint64_t start = bench_.cycle();
  CosimCase test(params_, seed);
  test.run(bench_);
  ++result_.num_cases;
  result_.num_walks += test.num_walks();
  result_.num_cycles += bench_.cycle() - start;
  result_.num_resets += test.num_resets();
  result_.num_errors += test.memory().num_errors();
  result_.num_racing_writes += test.memory().num_racing_writes();
  for (unsigned kind = 0; kind < kNumEventKinds; ++kind) {
    result_.events.at(kind) += bench_.scoreboard().num_events(static_cast<EventKind>(kind));
  }
  const std::vector<std::string> problems = bench_.problems();
  if (!problems.empty()) {
    result_.failure = CosimFailure{number, test.num_walks(), problems};
  }
}

void CosimRun::cases(const CaseRange& range) {
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t number = range.first; number < range.end && !result_.failure; ++number) {
    if (question_ && !question_()) {
      break;
    }
    run_case(number);
  }
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  result_.seconds += time.count();
}

std::string cosim_result_json(const CosimResult& result) {
  nlohmann::ordered_json json = {
      {"cases", result.num_cases},          {"walks", result.num_walks},
      {"cycles", result.num_cycles},        {"resets", result.num_resets},
      {"memory_errors", result.num_errors}, {"racing_writes", result.num_racing_writes},
      {"seconds", result.seconds}};
  for (unsigned kind = 0; kind < kNumEventKinds; ++kind) {
    json["events"][std::string(kEventKindNames.at(kind))] = result.events.at(kind);
  }
  if (result.failure) {
    json["failure"] = {{"case", result.failure->number},
                       {"walk", result.failure->walk},
                       {"problems", result.failure->problems}};
  }
  return json.dump(2) + "\n";
}

std::optional<CosimResult> parse_cosim_result(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded() || !json.is_object()) {
    return std::nullopt;
  }
  CosimResult result;
  try {
    result.num_cases = json.at("cases").get<std::uint64_t>();
    result.num_walks = json.at("walks").get<std::uint64_t>();
    result.num_cycles = json.at("cycles").get<std::uint64_t>();
    result.num_resets = json.at("resets").get<std::uint64_t>();
    result.num_errors = json.at("memory_errors").get<std::uint64_t>();
    result.num_racing_writes = json.at("racing_writes").get<std::uint64_t>();
    result.seconds = json.at("seconds").get<double>();
    for (unsigned kind = 0; kind < kNumEventKinds; ++kind) {
      result.events.at(kind) =
          json.at("events").at(std::string(kEventKindNames.at(kind))).get<std::uint64_t>();
    }
    if (json.contains("failure")) {
      const auto& failure = json.at("failure");
      result.failure = CosimFailure{failure.at("case").get<std::uint64_t>(),
                                    failure.at("walk").get<std::uint64_t>(),
                                    failure.at("problems").get<std::vector<std::string>>()};
    }
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
  return result;
}

}  // namespace nestwalk
