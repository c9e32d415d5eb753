// The knob audit: every parameter, moved away from the value that a base run has, moves a statistic
// of that run, or is on the list of those that cannot, with the reason. One on the list that moves
// one after all is an error too. Parameters are found by their descriptors, so that none is
// forgotten. The tables are in knob_audit.h.
#include "tests/property/knob_audit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "model/config/problem.h"
#include "model/config/run_config.h"
#include "model/config/scalar.h"
#include "model/workload/trace_writer.h"
#include "tests/support/run_bench.h"
#include "tests/support/test_random.h"
#include "tests/unit/workload_temp.h"

namespace nestwalk {
namespace {

constexpr std::size_t kNumShards = 16;

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) {
    words.push_back(word);
  }
  return words;
}

// Every parameter of a run, of the first element of each list, with the values to move it to.
class Knobs : public ParameterVisitor {
 public:
  struct Knob {
    std::string path;
    std::vector<std::string> values;
  };

  static std::vector<Knob> of(RunParams params) {
    Knobs knobs;
    describe(params, knobs);
    return std::move(knobs.knobs_);
  }

 protected:
  void visit_integer(const IntegerParameter& d, std::uint64_t& value) override {
    std::vector<std::string> values;
    for (const std::uint64_t v : {value / 2, value * 2, value * 16, d.min}) {
      if (v != value && is_in_range(d, v)) {
        values.push_back(std::to_string(v));
      }
    }
    add(d.name, values);
  }
  void visit_number(const NumberParameter& d, double& value) override {
    std::vector<std::string> values;
    for (const double v : {value / 2, value * 2, d.min}) {
      if (v != value && v >= d.min && v <= d.max) {
        values.push_back(format_number(v));
      }
    }
    add(d.name, values);
  }
  void visit_boolean(const BooleanParameter& d, bool& value) override {
    add(d.name, {value ? "false" : "true"});
  }
  void visit_choice(const ChoiceParameter& d, std::size_t& index) override {
    std::vector<std::string> values;
    for (std::size_t i = 0; i < d.names.size(); ++i) {
      if (i != index) {
        values.emplace_back(d.names[i]);
      }
    }
    add(d.name, values);
  }
  void visit_text(const TextParameter& d, std::string& value) override {
    add(d.name, {value + "other"});
  }
  void begin_group(const GroupParameter& d) override { path_.emplace_back(d.name); }
  void end_group() override { path_.pop_back(); }
  std::size_t begin_list(const ListParameter& d, std::size_t size) override {
    path_.emplace_back(d.name);
    return size;
  }
  void begin_element(std::size_t index) override { path_.push_back(std::to_string(index)); }
  void end_element() override { path_.pop_back(); }
  void end_list() override { path_.pop_back(); }

 private:
  void add(std::string_view name, std::vector<std::string> values) {
    std::string path;
    for (const std::string& part : path_) {
      if (part != "0" && std::isdigit(static_cast<unsigned char>(part[0])) != 0) {
        return;  // like the first element
      }
      path += part + ".";
    }
    path += name;
    for (const AuditValues& own : kAuditValues) {
      if (own.path == path) {
        values = words_of(own.values);
      }
    }
    values.erase(std::unique(values.begin(), values.end()), values.end());
    knobs_.push_back({path, values});
  }

  std::vector<std::string> path_;
  std::vector<Knob> knobs_;
};

// Fetches, loads and stores: half of them near the start of a region, the others anywhere in it.
// Some pages are unmapped and used again. The code is GiB large, the data lies `distance` apart.
void write_trace(const std::string& path, std::uint64_t seed, std::uint64_t distance) {
  TraceWriter writer(path, {.command = "test", .source = "test", .compression_level = 1});
  std::vector<Region> regions;
  regions.push_back({Gva(0x2'0000'0000), std::uint64_t{8} << 30, {true, true, true}, "code"});
  for (std::uint64_t i = 0; i < 5; ++i) {
    regions.push_back(
        {Gva(0x5000'0000 + i * distance), std::uint64_t{2} << 20, {true, true, false}, "data"});
  }
  SplitMix64 random(seed);
  const auto access = [&](const Region& region, AccessType type) {
    const std::uint64_t reach = random.below(2) == 0 ? 0x1'0000 : region.length_bytes;
    TraceRecord record;
    record.address = region.start + random.below(reach / 8) * 8;
    record.size_bytes = 8;
    record.num_instructions = 2;
    record.type = type;
    writer.append(record);
  };
  const auto event = [&](TraceEventKind kind, const Region& region) {
    const TraceEvent what{kind, region, 0};
    TraceRecord record;
    record.event = &what;
    writer.append(record);
  };
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 80; ++i) {
      access(regions[0], AccessType::kFetch);
      access(regions[1 + random.below(5)], i % 3 == 0 ? AccessType::kWrite : AccessType::kRead);
    }
    Region part = regions[1];
    part.length_bytes = 0x1'0000;
    event(TraceEventKind::kUnmap, part);
    event(TraceEventKind::kMap, part);
  }
  writer.finish(regions);
}

// A process writes a page, forks, and the child writes it: one copy.
void write_forking_trace(const std::string& path) {
  TraceWriter writer(path, {.command = "test", .source = "test", .compression_level = 1});
  const Region data{Gva(0x5000'0000), 0x1'0000, {true, true, false}, "data"};
  const auto write = [&](std::uint32_t process) {
    TraceRecord record;
    record.process = process;
    record.address = data.start;
    record.size_bytes = 8;
    record.num_instructions = 2;
    record.type = AccessType::kWrite;
    writer.append(record);
  };
  const auto event = [&](TraceEventKind kind, std::uint32_t process, std::uint32_t target) {
    TraceEvent what;
    what.kind = kind;
    what.target_process = target;
    TraceRecord record;
    record.process = process;
    record.event = &what;
    writer.append(record);
  };
  write(0);
  event(TraceEventKind::kFork, 0, 1);
  event(TraceEventKind::kSwitchProcess, 0, 1);
  write(1);
  event(TraceEventKind::kExit, 1, 0);
  event(TraceEventKind::kSwitchProcess, 1, 0);
  write(0);
  writer.finish(std::vector<Region>{data});
}

class Audit {
 public:
  Audit() {
    write_forking_trace(folder_.file("d.nwt"));
    write_trace(folder_.file("a.nwt"), 1, std::uint64_t{1} << 39);
    write_trace(folder_.file("b.nwt"), 2, std::uint64_t{1} << 39);
    write_trace(folder_.file("c.nwt"), 3, std::uint64_t{1} << 48);
  }

  // What is wrong with a parameter, or nothing.
  std::string judge(const std::string& path) {
    const auto exception = std::ranges::find(kAuditExceptions, path, &AuditException::path);
    const bool is_excepted = exception != kAuditExceptions.end();
    std::ostringstream tried;
    for (const std::string& base : bases_of(path)) {
      for (const std::string& value : values_of(base, path)) {
        std::string setting = path;
        setting.append("=").append(value);
        const std::optional<std::string> moved = statistics(base, setting);
        if (moved && *moved != *statistics(base, "")) {
          std::ostringstream excepted;
          excepted << path << " = " << value << " moves a statistic of base " << base
                   << ", but is on the list of exceptions";
          return is_excepted ? excepted.str() : "";
        }
        tried << ' ' << base << ':' << value << (moved ? "" : "(impossible)");
      }
    }
    return is_excepted ? "" : path + " moves no statistic; tried" + tried.str();
  }

 private:
  static std::vector<std::string> bases_of(const std::string& path) {
    const AuditRule* best = nullptr;
    for (const AuditRule& rule : kAuditRules) {
      if (path.starts_with(rule.prefix) &&
          (best == nullptr || rule.prefix.size() >= best->prefix.size())) {
        best = &rule;
      }
    }
    return words_of(best->bases);
  }

  // Throws ConfigError.
  RunParams load(const std::string& base, const std::string& assignment) {
    const auto found = std::ranges::find(kAuditBases, base, &AuditBase::name);
    EXPECT_NE(found, kAuditBases.end()) << "no base " << base;
    ConfigDocument document = ConfigDocument::parse(kAuditConfig, "audit", ".");
    std::vector<std::string> assignments = words_of(found->set);
    if (!assignment.empty()) {
      assignments.push_back(assignment);
    }
    for (std::string text : assignments) {
      for (const auto& [name, file] : {std::pair{"=OTHER_TRACE", "b.nwt"},
                                       {"=TRACE", "a.nwt"},
                                       {"=WIDE_TRACE", "c.nwt"},
                                       {"=FORK_TRACE", "d.nwt"}}) {
        if (const std::size_t at = text.find(name); at != std::string::npos) {
          text = text.substr(0, at) + "=" + folder_.file(file);
        }
      }
      document.set(text);
    }
    return load_run(document);
  }

  std::vector<std::string> values_of(const std::string& base, const std::string& path) {
    const std::vector<Knobs::Knob> knobs = Knobs::of(load(base, ""));
    const auto found = std::ranges::find(knobs, path, &Knobs::Knob::path);
    return found == knobs.end() ? std::vector<std::string>{} : found->values;
  }

  // With the end of the run; nothing if there is no such run. Kept for the bases.
  std::optional<std::string> statistics(const std::string& base, const std::string& assignment) {
    const std::string key = base + " " + assignment;
    const auto known = known_.find(key);
    if (known != known_.end()) {
      return known->second;
    }
    std::optional<std::string> result;
    try {
      const RunReport report = run_apart(load(base, assignment));
      EXPECT_NE(report.end, "crashed") << key;
      EXPECT_EQ(report.law_violations, std::vector<std::string>{}) << key;
      if (report.end != "exception" && report.end != "crashed") {
        result = report.end + report.statistics;
      }
    } catch (const ConfigError& error) {
      EXPECT_FALSE(assignment.empty()) << "base " << base << ": " << error.what();
    }
    if (assignment.empty()) {
      EXPECT_TRUE(result) << "base " << base << " does not run";
      known_[key] = result ? result : std::optional<std::string>("");
      return known_[key];
    }
    return result;
  }

  TempFolder folder_;
  std::map<std::string, std::optional<std::string>> known_;
};

class KnobAudit : public testing::TestWithParam<std::size_t> {};

TEST_P(KnobAudit, EveryParameterMovesAStatistic) {
  Audit audit;
  const std::vector<Knobs::Knob> knobs = Knobs::of(RunParams());
  for (std::size_t i = GetParam(); i < knobs.size(); i += kNumShards) {
    const std::string problem = audit.judge(knobs[i].path);
    EXPECT_TRUE(problem.empty()) << problem;
  }
}

INSTANTIATE_TEST_SUITE_P(Shards, KnobAudit, testing::Range(std::size_t{0}, kNumShards));

TEST(KnobAuditTables, NameOnlyWhatThereIs) {
  const std::vector<Knobs::Knob> knobs = Knobs::of(RunParams());
  EXPECT_GT(knobs.size(), 150U);
  const auto is_known = [&](std::string_view path) {
    return std::ranges::find(knobs, path, &Knobs::Knob::path) != knobs.end();
  };
  for (const AuditException& exception : kAuditExceptions) {
    EXPECT_TRUE(is_known(exception.path)) << exception.path;
    EXPECT_FALSE(exception.reason.empty()) << exception.path;
  }
  for (const AuditValues& values : kAuditValues) {
    EXPECT_TRUE(is_known(values.path)) << values.path;
  }
  for (const AuditRule& rule : kAuditRules) {
    EXPECT_TRUE(std::ranges::any_of(knobs, [&](const Knobs::Knob& knob) {
      return knob.path.starts_with(rule.prefix);
    })) << rule.prefix;
  }
}

}  // namespace
}  // namespace nestwalk
