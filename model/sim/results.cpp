#include "model/sim/results.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>

#include "model/config/resolved.h"

namespace nestwalk {

namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> kEndNames = {"finished", "interrupted", "vm_stopped",
                                                       "measured"};

// The number of an existing "NNN-name", or 0.
unsigned number_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  unsigned number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && end != name.data() + name.size() && *end == '-' ? number : 0;
}

void make(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw ResultsError(
        fmt::format("cannot make the results folder {}: {}", folder.string(), error.message()));
  }
}

fs::path make_numbered(const std::string& name) {
  const fs::path parent = "out";
  make(parent);
  unsigned next = 1;
  for (const fs::directory_entry& entry : fs::directory_iterator(parent)) {
    next = std::max(next, number_of(entry.path()) + 1);
  }
  // Another run may take the number meanwhile: create_directory says so by returning false.
  for (;; ++next) {
    fs::path folder = parent / fmt::format("{:03}-{}", next, name);
    std::error_code error;
    if (fs::create_directory(folder, error)) {
      return folder;
    }
    if (error) {
      throw ResultsError(
          fmt::format("cannot make the results folder {}: {}", folder.string(), error.message()));
    }
  }
}

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) {
    throw ResultsError(fmt::format("cannot write {}", path.string()));
  }
}

}  // namespace

fs::path create_results_folder(const ResultsChoice& choice, const std::string& name) {
  if (choice.chosen.empty()) {
    return make_numbered(name);
  }
  fs::path folder = choice.chosen;
  std::error_code error;
  if (fs::exists(folder, error) && !choice.may_overwrite &&
      (!fs::is_directory(folder, error) || !fs::is_empty(folder, error))) {
    throw ResultsError(
        fmt::format("{} exists and is not empty; choose another --out, or --force to write over it",
                    folder.string()));
  }
  make(folder);
  return folder;
}

void write_results(const fs::path& folder, const RunParams& params, const Run& run,
                   const RunResult& result) {
  nlohmann::ordered_json json;
  const RunRegion& region = run.region();
  const nlohmann::ordered_json statistics = region.statistics().to_json();
  json["schema_version"] = statistics.at("schema_version");
  json["mode"] = kModeNames[static_cast<unsigned>(params.mode)];
  json["machine"] = params.machine.name;
  json["end"] = kEndNames[static_cast<unsigned>(result.end)];
  for (const VirtualMachineParams& vm : params.vms) {
    nlohmann::ordered_json entry;
    entry["name"] = vm.name;
    for (const ProcessParams& process : vm.processes) {
      entry["processes"].push_back(process.name);
    }
    json["vms"].push_back(entry);
  }
  json["region"] = {{"warmup_accesses", region.warmup_accesses()},
                    {"measured_accesses", region.measured_accesses()}};
  json["statistics"] = statistics.at("statistics");
  if (params.region.warmup_accesses != 0) {
    json["whole_run"] = run.statistics().snapshot().values_to_json();
  }
  json["descriptions"] = statistics.at("descriptions");
  write_file(folder / "stats.json", json.dump(2) + "\n");
  write_file(folder / "stats.txt", region.statistics().to_text());
  if (run.decisions().decisions().empty()) {
    std::error_code no_matter;  // of another run in this folder
    fs::remove(folder / "decisions.json", no_matter);
  } else {
    write_file(folder / "decisions.json", run.decisions().to_json().dump(2) + "\n");
  }
  RunParams alone = params;
  alone.compare.clear();
  write_file(folder / "config.yaml", resolved_yaml(alone));
}

IntervalFile::IntervalFile(const fs::path& folder, const RunParams& params)
    : path_(folder / "intervals.jsonl"), is_on_(params.region.stats_every_accesses != 0) {
  if (is_on_) {
    file_.open(path_, std::ios::binary);
  } else {
    std::error_code no_matter;  // if there was none
    fs::remove(path_, no_matter);
  }
}

void IntervalFile::append(const RunInterval& interval) {
  nlohmann::ordered_json line;
  line["interval"] = interval.index;
  line["part"] = interval.is_warmup ? "warmup" : "region";
  line["begin_accesses"] = interval.begin_accesses;
  line["end_accesses"] = interval.end_accesses;
  line["statistics"] = interval.statistics.values_to_json();
  file_ << line.dump() << '\n' << std::flush;
}

void IntervalFile::close() {
  if (is_on_) {
    file_.close();
    if (!file_) {
      throw ResultsError(fmt::format("cannot write {}", path_.string()));
    }
  }
}

}  // namespace nestwalk
