// The loader on the program's own root: what holds for the sample holds for every real key.
#include <gtest/gtest.h>

#include <string>

#include "model/config/reference.h"
#include "model/config/resolved.h"
#include "model/config/run_config.h"

namespace nestwalk {
namespace {

ConfigDocument document_of(const std::string& text) {
  return ConfigDocument::parse(text, "t.yaml", "/");
}

std::string problems_of(const ConfigDocument& document) {
  try {
    (void)load_run(document);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(ConfigRun, TheDefaultsAreARun) {
  EXPECT_EQ(problems_of(ConfigDocument()), "");
}

TEST(ConfigRun, TheResolvedFileIsTheSameRun) {
  const std::string yaml = resolved_yaml(RunParams());
  EXPECT_EQ(resolved_yaml(load_run(document_of(yaml))), yaml);
}

TEST(ConfigRun, EveryMisspeltKeyIsRejectedAndTheRightOneOffered) {
  const std::string yaml = resolved_yaml(RunParams());
  int num_keys = 0;
  for (std::size_t line = 0; line < yaml.size(); line = yaml.find('\n', line) + 1, ++num_keys) {
    const std::size_t begin = yaml.find_first_not_of(" -", line);
    const std::string key = yaml.substr(begin, yaml.find(':', begin) - begin);
    std::string mutant = yaml;
    mutant[begin] = mutant[begin] == 'q' ? 'z' : 'q';
    const std::string problems = problems_of(document_of(mutant));
    EXPECT_NE(problems.find("did you mean '" + key + "'?"), std::string::npos)
        << key << ": " << problems;
  }
  EXPECT_GT(num_keys, 100);
}

TEST(ConfigRun, EveryKeyHasItsRowInTheReference) {
  const std::string yaml = resolved_yaml(RunParams());
  const std::string page = reference_markdown<RunParams>("Reference");
  for (std::size_t line = 0; line < yaml.size(); line = yaml.find('\n', line) + 1) {
    const std::size_t begin = yaml.find_first_not_of(" -", line);
    const std::string key = yaml.substr(begin, yaml.find(':', begin) - begin);
    EXPECT_TRUE(page.find(key + "` |") != std::string::npos ||
                page.find(key + "`\n") != std::string::npos ||
                page.find(key + ".N`\n") != std::string::npos)
        << key;
  }
}

TEST(ConfigRun, RulesBetweenParametersHaveAPosition) {
  const std::string problems =
      problems_of(document_of("machine:\n  mmu:\n    l1_dtlb:\n      page_4k:\n"
                              "        entries: 63\n        ways: 4\n"));
  EXPECT_EQ(problems.rfind("t.yaml:5:18: 'machine.mmu.l1_dtlb.page_4k.entries': ", 0), 0U)
      << problems;
}

TEST(ConfigRun, RulesBrokenByAnOverrideNameIt) {
  ConfigDocument document;
  document.set("machine.mmu.l1_dtlb.page_4k.entries=63");
  EXPECT_EQ(problems_of(document).rfind("--set machine.mmu.l1_dtlb.page_4k.entries=63: ", 0), 0U);
}

TEST(ConfigRun, TlbArraysThatCannotBeBuiltAreNamed) {
  struct Case {
    const char* settings[2];
    const char* problem;
  };
  const Case cases[] = {
      {{"machine.mmu.l2_tlb.page_4k.index=xor_fold", "machine.mmu.l2_tlb.page_4k.ways=16"},
       "xor_fold needs a power of two of sets, not 96"},
      {{"machine.mmu.l2_tlb.beside_1g=true", "machine.mmu.l2_tlb.beside.ways=1"},
       "no array `beside`"},
      {{"machine.mmu.store_tlb.beside.entries=16", "machine.mmu.store_tlb.page_4k.entries=0"},
       "stands beside page_4k, which has no entries"},
  };
  for (const Case& c : cases) {
    ConfigDocument document;
    document.set(c.settings[0]);
    document.set(c.settings[1]);
    EXPECT_NE(problems_of(document).find(c.problem), std::string::npos) << problems_of(document);
  }
}

}  // namespace
}  // namespace nestwalk
