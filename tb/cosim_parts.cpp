#include "tb/cosim_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "model/cli/interrupt.h"
#include "model/cli/junit.h"
#include "model/config/resolved.h"
#include "model/sim/results.h"
#include "tb/coverage_report.h"
#include "tb/walker_set.h"

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

constexpr const char* kThisProgram = "/proc/self/exe";

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) {
    throw ResultsError(fmt::format("cannot write {}", path.string()));
  }
}

// The FNV-1a hash.
std::uint64_t digest_of(const std::string& bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : bytes) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return hash;
}

}  // namespace

CosimParts::CosimParts(const std::vector<CosimEntryRun>& runs, const fs::path& folder,
                       const CosimOptions& options, const Streams& streams)
    : runs_(runs), folder_(folder), options_(options), streams_(streams), states_(runs.size()) {
  for (const CosimEntryRun& run : runs) {
    name_width_ = std::max(name_width_, run.name.size());
  }
}

fs::path CosimParts::folder_of(std::size_t run) const {
  return folder_ / runs_[run].name;
}

std::vector<std::string> CosimParts::words_of(std::size_t run, const CaseRange& cases) const {
  std::vector<std::string> words = {"cosim", options_.config};
  for (const std::string& assignment : options_.overrides) {
    words.insert(words.end(), {"--set", assignment});
  }
  words.insert(words.end(),
               {"--only", runs_[run].name, "--cases",
                cases.end == cases.first + 1 ? std::to_string(cases.first)
                                             : fmt::format("{}:{}", cases.first, cases.end)});
  if (options_.mistake) {
    words.insert(words.end(), {"--plant", fmt::format("{}:{}", name_of(options_.mistake->kind),
                                                      options_.mistake->number)});
  }
  return words;
}

std::string CosimParts::command_of(std::size_t run) const {
  const std::optional<CosimFailure>& failure = states_[run].result.failure;
  const std::uint64_t number = failure ? failure->number : 0;
  const CaseRange all{0, num_cases_of(runs_[run].params)};
  std::vector<std::string> words = words_of(run, failure ? CaseRange{number, number + 1} : all);
  words.insert(words.begin(), "./nestwalk");
  return shell_command(words);
}

// Of the parts that came to their end.
void CosimParts::write_coverage() const {
  CoverageReport report(default_walker_store().sources);
  for (const std::string& stem : stems_) {
    if (has_coverage_part(stem)) {
      report.add(stem);
    }
  }
  report.write(options_.coverage);
  streams_.out << report.text();
}

// Results of other parameters, or of another walker, do not count.
std::string CosimParts::stem_of(const Part& part) {
  return fs::path(part.file).replace_extension().string();
}

void CosimParts::forget_what_is_stale(std::size_t run) {
  const CosimParams& params = runs_[run].params;
  const fs::path library =
      default_walker_store().libraries / fmt::format("nestwalk_walker_{}.so", params.walker);
  const std::string what =
      fmt::format("{}# walker {:016x}, parts of {} walks\n", resolved_yaml(params),
                  digest_of(text_of(library)), options_.part_walks);
  const fs::path file = folder_of(run) / "config.yaml";
  if (text_of(file) != what || !options_.resume) {
    fs::remove_all(folder_of(run));
    fs::create_directories(folder_of(run));
    write_text(file, what);
  }
}

void CosimParts::plan() {
  for (std::size_t run = 0; run < runs_.size(); ++run) {
    build_walker_set(runs_[run].params.walker);
    forget_what_is_stale(run);
    const std::uint64_t num_cases = num_cases_of(runs_[run].params);
    const std::uint64_t per_part =
        std::max<std::uint64_t>(1, options_.part_walks / runs_[run].params.walks_per_case);
    for (std::uint64_t first = 0; first < num_cases; first += per_part) {
      Part part{run, {first, std::min(first + per_part, num_cases)}, {}};
      part.file = folder_of(run) / fmt::format("cases-{}-{}.json", first, part.cases.end);
      stems_.push_back(stem_of(part));
      ++states_[run].num_parts;
      const auto known = parse_cosim_result(text_of(part.file));
      if (known && !known->failure &&
          (options_.coverage.empty() || has_coverage_part(stem_of(part)))) {
        ++states_[run].num_ended;
        states_[run].result.add(*known);
      } else {
        parts_.push_back(part);
      }
    }
  }
}

void CosimParts::ended(const Part& part, int status) {
  State& state = states_[part.run];
  ++state.num_ended;
  const auto result = parse_cosim_result(text_of(part.file));
  if (result) {
    state.result.add(*result);
  } else if (status != kExitInterrupted) {
    state.crash = fmt::format("cases {} to {} ended with status {} and no result", part.cases.first,
                              part.cases.end - 1, status);
  } else {
    --state.num_ended;
  }
  if (state.num_ended == state.num_parts) {
    report(part.run);
  }
}

void CosimParts::report(std::size_t run) {
  const State& state = states_[run];
  const CosimResult& result = state.result;
  streams_.out << fmt::format("{:<4}  {:<{}}  {:>9} walks  {:>11} cycles  {:>7.1f} s  seed {}\n",
                              state.is_failed() ? "FAIL" : "ok", runs_[run].name, name_width_,
                              result.num_walks, result.num_cycles, result.seconds,
                              runs_[run].params.seed);
  if (state.is_failed()) {
    streams_.out << fmt::format("      {}; again: {}\n",
                                result.failure ? fmt::format("case {}: {}", result.failure->number,
                                                             result.failure->problems.front())
                                               : state.crash,
                                command_of(run));
  }
  streams_.out.flush();
}

int CosimParts::run() {
  plan();
  for (std::size_t run = 0; run < runs_.size(); ++run) {
    if (states_[run].num_ended == states_[run].num_parts) {
      report(run);  // all of it was there
    }
  }
  std::vector<Job> jobs;
  for (const Part& part : parts_) {
    std::vector<std::string> words = words_of(part.run, part.cases);
    words.insert(words.begin(), kThisProgram);
    words.insert(words.end(), {"--result", part.file.string()});
    jobs.push_back({words, fs::path(part.file).replace_extension(".log")});
  }
  if (!options_.coverage.empty()) {
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      jobs[i].words.insert(jobs[i].words.end(), {"--coverage", stem_of(parts_[i])});
    }
  }
  const InterruptGuard guard;
  ProcessPool(num_jobs()).run(jobs, [this](const FinishedJob& job) {
    ended(parts_[job.index], job.status);
  });
  if (!InterruptGuard::is_requested()) {
    rerun_with_waves();
  }
  write_results();
  if (!options_.coverage.empty()) {
    write_coverage();
  }
  std::size_t num_passed = 0;
  std::uint64_t num_walks = 0;
  bool is_complete = true;
  for (const State& state : states_) {
    num_walks += state.result.num_walks;
    is_complete = is_complete && state.num_ended == state.num_parts;
    num_passed += state.num_ended == state.num_parts && !state.is_failed() ? 1 : 0;
  }
  streams_.out << fmt::format("{} of {} runs passed, {} walks; results: {}\n", num_passed,
                              runs_.size(), num_walks, folder_.string());
  if (!is_complete) {
    streams_.err << "nestwalk cosim: interrupted; --resume with --out goes on\n";
    return kExitInterrupted;
  }
  return num_passed == runs_.size() ? kExitOk : kExitCheckFailed;
}

unsigned CosimParts::num_jobs() const {
  return options_.jobs != 0 ? options_.jobs : std::max(1U, std::thread::hardware_concurrency());
}

// The case of each failure once more, with waves on.
void CosimParts::rerun_with_waves() const {
  std::vector<Job> jobs;
  std::vector<fs::path> waves;
  for (std::size_t run = 0; run < runs_.size(); ++run) {
    if (const std::optional<CosimFailure>& failure = states_[run].result.failure) {
      const fs::path wave = folder_of(run) / fmt::format("case-{}.fst", failure->number);
      std::vector<std::string> words = words_of(run, {failure->number, failure->number + 1});
      words.insert(words.begin(), kThisProgram);
      words.insert(words.end(), {"--wave", wave.string()});
      jobs.push_back({words, fs::path(wave).replace_extension(".log")});
      waves.push_back(wave);
    }
  }
  ProcessPool(num_jobs()).run(jobs, [&](const FinishedJob& job) {
    const fs::path& wave = waves[job.index];
    if (job.status != kExitCheckFailed) {
      streams_.out << fmt::format("      the case did not fail again; see {}\n",
                                  fs::path(wave).replace_extension(".log").string());
    } else if (fs::exists(wave)) {
      streams_.out << fmt::format("      waves: {}\n", wave.string());
    }
  });
}

void CosimParts::write_results() const {
  std::vector<JunitCase> cases;
  nlohmann::ordered_json json;
  for (std::size_t run = 0; run < runs_.size(); ++run) {
    const State& state = states_[run];
    const CosimResult& result = state.result;
    const std::string problem = result.failure ? result.failure->problems.front() : state.crash;
    cases.push_back({runs_[run].name, state.num_ended == state.num_parts, problem, command_of(run),
                     result.seconds});
    json["runs"][runs_[run].name] = nlohmann::ordered_json::parse(cosim_result_json(result));
  }
  write_junit(folder_ / "junit.xml",
              "cosim-" + (options_.config == "-" ? std::string("stdin")
                                                 : fs::path(options_.config).stem().string()),
              cases);
  write_text(folder_ / "cosim.json", json.dump(2) + "\n");
}

}  // namespace nestwalk
