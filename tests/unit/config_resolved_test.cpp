#include "model/config/resolved.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "tests/unit/config_sample.h"

namespace nestwalk {
namespace {

SampleRoot loaded(const std::string& yaml) {
  return bind_config<SampleRoot>(ConfigDocument::parse(yaml, "t.yaml", "/elsewhere"),
                                 PathCheck::kAnyPath);
}

TEST(ConfigResolved, EveryParameterIsWrittenInTheOrderOfItsDescriptors) {
  EXPECT_EQ(resolved_yaml(SampleRoot()),
            "mode: nested\n"
            "trace: \"\"\n"
            "label: \"a: \\\"b\\\" | c\"\n"
            "seed: 1\n"
            "core:\n"
            "  base_cpi: 1\n"
            "  in_order: true\n"
            "  window: 1\n"
            "  address_bits: 46\n"
            "ntlb:\n"
            "  array:\n"
            "    entries: 32\n"
            "    ways: 4\n"
            "    replacement: lru\n"
            "    index: low_bits\n"
            "  serve_final_walk: true\n"
            "  latency_cycles: 1\n"
            "  invalidate: exact\n"
            "vms:\n"
            "  - name: \"first\"\n"
            "    memory_bytes: 4 KiB\n"
            "    processes:\n"
            "      - name: \"a\"\n"
            "        accesses: 1\n"
            "      - name: \"b\"\n"
            "        accesses: 2\n"
            "  - name: \"second\"\n"
            "    memory_bytes: 8 KiB\n"
            "    processes:\n"
            "      - name: \"main\"\n"
            "        accesses: 1000\n"
            "daemons: []\n");
}

// A generator small enough to be read: Steele, Lea and Flood's splitmix64.
class SplitMix {
 public:
  explicit SplitMix(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }

 private:
  std::uint64_t state_;
};

std::string random_text(SplitMix& random) {
  constexpr std::string_view kLetters = "ab0:#-'\"\\\n\t{}[]*&!|>%@~ ,\x01\x7F";
  std::string text;
  for (std::uint64_t length = random.below(12); text.size() < length;) {
    text += kLetters[random.below(kLetters.size())];
  }
  return text + (random.below(4) == 0 ? "\xC3\xA4\xF0\x9F\x98\x80" : "");
}

SampleRoot random_root(SplitMix& random) {
  SampleRoot root;
  root.mode = static_cast<SampleMode>(random.below(kSampleModeNames.size()));
  root.label = random_text(random);
  root.seed = random.next();
  root.core.base_cpi = 0.1 + static_cast<double>(random.below(1U << 30)) / (1U << 25);
  root.core.in_order = random.below(2) == 0;
  root.core.window = std::uint32_t{1} << random.below(9);
  root.vms.resize(1 + random.below(3));
  for (SampleVm& vm : root.vms) {
    vm.name = random_text(random);
    vm.memory_bytes = (4 + random.below(1000)) << (10 + random.below(20));
    vm.processes.resize(1 + random.below(2));
  }
  root.daemons.resize(random.below(3));
  return root;
}

TEST(ConfigResolved, WhatIsWrittenLoadsToEqualParametersAndEqualBytes) {
  constexpr std::uint64_t kSeed = 1;
  SCOPED_TRACE(kSeed);
  SplitMix random(kSeed);
  for (int i = 0; i < 200; ++i) {
    const SampleRoot root = random_root(random);
    const std::string yaml = resolved_yaml(root);
    const SampleRoot again = loaded(yaml);
    EXPECT_EQ(again.mode, root.mode);
    EXPECT_EQ(again.label, root.label) << yaml;
    EXPECT_EQ(again.seed, root.seed);
    EXPECT_EQ(again.core, root.core);
    EXPECT_EQ(again.vms, root.vms) << yaml;
    EXPECT_EQ(again.daemons, root.daemons);
    EXPECT_EQ(resolved_yaml(again), yaml);
  }
}

struct NothingParams {};
void describe(NothingParams&, ParameterVisitor&) {}

struct HollowParams {
  NothingParams group;
  std::vector<NothingParams> list = std::vector<NothingParams>(2);
};
void describe(HollowParams& p, ParameterVisitor& v) {
  v.group({"group", ""}, p.group);
  v.list({"list", ""}, p.list);
}

TEST(ConfigResolved, GroupsWithoutKeysStayGroups) {
  const std::string yaml = resolved_yaml(HollowParams());
  EXPECT_EQ(yaml, "group: {}\nlist:\n  - {}\n  - {}\n");
  const auto document = ConfigDocument::parse(yaml, "t", "/");
  EXPECT_EQ(bind_config<HollowParams>(document).list.size(), 2U);
  EXPECT_EQ(resolved_yaml(NothingParams()), "{}\n");
}

struct NestedListParams {
  std::vector<HollowParams> list = std::vector<HollowParams>(1);
};
void describe(NestedListParams& p, ParameterVisitor& v) {
  v.list({"outer", ""}, p.list);
}

TEST(ConfigResolved, ElementsMayBeginWithGroups) {
  const std::string yaml = resolved_yaml(NestedListParams());
  EXPECT_EQ(yaml, "outer:\n  - group: {}\n    list:\n      - {}\n      - {}\n");
  const auto document = ConfigDocument::parse(yaml, "t", "/");
  EXPECT_EQ(bind_config<NestedListParams>(document).list.front().list.size(), 2U);
}

}  // namespace
}  // namespace nestwalk
