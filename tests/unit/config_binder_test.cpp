#include "model/config/binder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/unit/config_sample.h"

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

ConfigDocument document_of(const std::string& text) {
  return ConfigDocument::parse(text, "t.yaml", fs::current_path());
}

// Every problem, one per line; empty when the text binds.
std::string problems_of(const ConfigDocument& document) {
  try {
    (void)bind_config<SampleRoot>(document, PathCheck::kAnyPath);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

std::string problems_with(const std::string& text, const std::vector<std::string>& overrides) {
  ConfigDocument document = document_of(text);
  for (const std::string& assignment : overrides) {
    document.set(assignment);
  }
  return problems_of(document);
}

TEST(ConfigBinder, NothingWrittenKeepsEveryDefault) {
  const auto root = bind_config<SampleRoot>(ConfigDocument());
  EXPECT_EQ(root.core, SampleCore());
  EXPECT_EQ(root.vms, SampleRoot().vms);
  EXPECT_EQ(root.ntlb.array.entries, NtlbParams().array.entries);
}

TEST(ConfigBinder, EveryKindOfValueBinds) {
  const auto root = bind_config<SampleRoot>(
      document_of("mode: shadow\nlabel: plain words\nseed: 0xFF\ntrace: \"\"\n"
                  "core: {base_cpi: 2, in_order: false, window: 8}\n"
                  "ntlb:\n  array: {replacement: srrip}\n"
                  "vms:\n  - memory_bytes: 4 GiB\n  - name: \"7\"\n"));
  EXPECT_EQ(root.mode, SampleMode::kShadow);
  EXPECT_EQ(root.label, "plain words");
  EXPECT_EQ(root.seed, 255U);
  EXPECT_EQ(root.trace, "");
  EXPECT_EQ(root.core, (SampleCore{2.0, false, 8, 46}));
  EXPECT_EQ(root.ntlb.array.replacement, Replacement::kSrrip);
  ASSERT_EQ(root.vms.size(), 2U);
  EXPECT_EQ(root.vms[0].memory_bytes, std::uint64_t{4} << 30);
  EXPECT_EQ(root.vms[1].name, "7");
}

TEST(ConfigBinder, WrittenElementsBeginWithTheDefaultsOfTheirStruct) {
  const auto root = bind_config<SampleRoot>(
      document_of("vms:\n  - name: a\n    processes:\n      - accesses: 3\n  - name: b\n"));
  ASSERT_EQ(root.vms.size(), 2U);
  EXPECT_EQ(root.vms[0].memory_bytes, SampleVm().memory_bytes);
  EXPECT_EQ(root.vms[0].processes, (std::vector<SampleProcess>{{"main", 3}}));
  EXPECT_EQ(root.vms[1].processes, SampleVm().processes);
}

TEST(ConfigBinder, OverridesEditElementsOfTheDefaultList) {
  ConfigDocument document;
  document.set("vms.1.memory_bytes=4GiB");
  document.set("vms.0.processes.1.name=renamed");
  const auto root = bind_config<SampleRoot>(document);
  std::vector<SampleVm> expected = SampleRoot().vms;
  expected[1].memory_bytes = std::uint64_t{4} << 30;
  expected[0].processes[1].name = "renamed";
  EXPECT_EQ(root.vms, expected);
}

TEST(ConfigBinder, OverridesEditElementsOfTheWrittenList) {
  ConfigDocument document = document_of("vms:\n  - name: a\n  - name: b\n");
  document.set("vms.1.memory_bytes=4GiB");
  const auto root = bind_config<SampleRoot>(document);
  EXPECT_EQ(root.vms[1].name, "b");
  EXPECT_EQ(root.vms[1].memory_bytes, std::uint64_t{4} << 30);
}

TEST(ConfigBinder, AnOverrideMayReplaceAWholeList) {
  ConfigDocument document = document_of("vms: [{name: a}, {name: b}]\n");
  document.set("vms=[{name: \"c\"}]");
  const auto root = bind_config<SampleRoot>(document);
  ASSERT_EQ(root.vms.size(), 1U);
  EXPECT_EQ(root.vms[0].name, "c");
}

TEST(ConfigBinder, TheShellHasTakenTheQuotesOffAnOverride) {
  ConfigDocument document;
  document.set("label=5");
  EXPECT_EQ(bind_config<SampleRoot>(document).label, "5");
}

TEST(ConfigBinder, OverridesAreCheckedLikeFiles) {
  EXPECT_EQ(problems_with("{}", {"core.windw=4"}),
            "--set core.windw=4: unknown key 'windw' in 'core'; did you mean 'window'? "
            "(allowed there: base_cpi, in_order, window, address_bits)");
  EXPECT_EQ(problems_with("{}", {"vms.2.name=x"}),
            "--set vms.2.name=x: found '2' behind the list 'vms'; expected an index below 2");
  EXPECT_EQ(problems_with("{}", {"vms.0=x"}),
            "--set vms.0=x: 'vms.0': found 'x', expected a group of 'key: value' lines");
  EXPECT_EQ(problems_with("{}", {"core.window="}),
            "--set core.window=: 'core.window': found no value, expected an integer, decimal or 0x "
            "hexadecimal: 1 to 256 accesses, a power of two");
  EXPECT_EQ(problems_with("{}", {"seed.x=1"}),
            "--set seed.x=1: 'seed': found a mapping, expected an integer, decimal or 0x "
            "hexadecimal: 0 or more");
  EXPECT_EQ(problems_with("{}", {"core=5"}),
            "--set core=5: 'core': found '5', expected a group of 'key: value' lines");
}

TEST(ConfigBinder, AllProblemsComeAtOnceInTheOrderOfTheFile) {
  const std::string all = problems_with(
      "mode: nestd\nseed: 1.5\nseed: 2\ncore:\n  windw: 3\n  in_order: yes\n", {"label2=x"});
  std::vector<std::string> begins;
  for (std::size_t begin = 0; begin != std::string::npos;) {
    const std::size_t end = all.find('\n', begin);
    begins.push_back(all.substr(begin, 12));
    begin = end == std::string::npos ? end : end + 1;
  }
  EXPECT_EQ(begins, (std::vector<std::string>{"t.yaml:1:7: ", "t.yaml:2:7: ", "t.yaml:3:1: ",
                                              "t.yaml:5:3: ", "t.yaml:6:13:", "--set label2"}))
      << all;
}

TEST(ConfigBinder, ARightNameInTheWrongGroupIsFound) {
  EXPECT_NE(problems_with("in_order: true\n", {}).find("did you mean 'core.in_order'?"),
            std::string::npos);
  EXPECT_NE(problems_with("core.window: 4\n", {})
                .find("did you mean one key inside the other, for "
                      "'core.window'?"),
            std::string::npos);
}

TEST(ConfigBinder, PathsStartAtTheFileThatNamesThem) {
  const auto document = ConfigDocument::parse("trace: ../t/./x.nwt\n", "t", "/some/where");
  EXPECT_EQ(bind_config<SampleRoot>(document, PathCheck::kAnyPath).trace, "/some/t/x.nwt");
  ConfigDocument overridden = document;
  overridden.set("trace=x.nwt");
  EXPECT_EQ(bind_config<SampleRoot>(overridden, PathCheck::kAnyPath).trace,
            (fs::current_path() / "x.nwt").string());
}

TEST(ConfigBinder, AMissingFileIsReportedWithThePathTried) {
  const auto document = ConfigDocument::parse("seed: 1\ntrace: x.nwt\n", "t.yaml", "/no/where");
  try {
    (void)bind_config<SampleRoot>(document);
    FAIL() << "bound";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "t.yaml:2:8: 'trace': found 'x.nwt', no file '/no/where/x.nwt'");
    ASSERT_EQ(error.problems().size(), 1U);
    EXPECT_EQ(error.problems()[0].key_path, "trace");
  }
}

// A complete file: every key of the sample, each once in its own line.
constexpr const char* kSample =
    "mode: nested\n"
    "trace: a.nwt\n"
    "label: some text\n"
    "seed: 1\n"
    "core:\n"
    "  base_cpi: 1.5\n"
    "  in_order: true\n"
    "  window: 4\n"
    "  address_bits: 46\n"
    "ntlb:\n"
    "  array:\n"
    "    entries: 32\n"
    "    ways: 4\n"
    "    replacement: lru\n"
    "  serve_final_walk: true\n"
    "  latency_cycles: 1\n"
    "vms:\n"
    "  - name: a\n"
    "    memory_bytes: 1 GiB\n"
    "    processes:\n"
    "      - name: p\n"
    "        accesses: 5\n"
    "daemons:\n"
    "  - name: d\n";

TEST(ConfigBinder, EveryLetterOfEveryKeyMatters) {
  const std::string sample = kSample;
  ASSERT_EQ(problems_with(sample, {}), "");
  int num_mutants = 0;
  std::size_t line_begin = 0;
  while (line_begin < sample.size()) {
    const std::size_t key_begin = sample.find_first_not_of(" -", line_begin);
    const std::size_t key_end = sample.find(':', key_begin);
    const std::string key = sample.substr(key_begin, key_end - key_begin);
    for (std::size_t i = key_begin; i < key_end; ++i) {
      std::string mutant = sample;
      mutant[i] = mutant[i] == 'q' ? 'z' : 'q';
      const std::string problems = problems_with(mutant, {});
      EXPECT_NE(problems.find("unknown key '" + mutant.substr(key_begin, key.size()) + "'"),
                std::string::npos)
          << problems;
      EXPECT_NE(problems.find("; did you mean '" + key + "'?"), std::string::npos)
          << mutant.substr(key_begin, key.size()) << ": " << problems;
      ++num_mutants;
    }
    line_begin = sample.find('\n', line_begin) + 1;
  }
  EXPECT_GT(num_mutants, 150);
}

}  // namespace
}  // namespace nestwalk
