#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "model/cli/walk_image_readme.h"
#include "model/cli/walk_snapshot.h"

namespace nestwalk {
namespace {

const std::filesystem::path kFixture =
    std::filesystem::path(NESTWALK_SOURCE_DIR) / "tests/fixtures/linux-nested";

class LinuxImage : public testing::Test {
 protected:
  void SetUp() override {
    const auto problem = load_table_image(kFixture, image_);
    ASSERT_FALSE(problem) << *problem;
  }
  TableImage image_;
  ReferenceWalkService service_;
};

// The numbers of the fixture's README.
TEST_F(LinuxImage, HasThePagesAndRegistersOfItsReadme) {
  EXPECT_EQ(image_.num_pages, 113U);
  EXPECT_TRUE(image_.has_registers);
  EXPECT_EQ(image_.context.guest_root, 0x54e0000U);
  EXPECT_EQ(image_.context.host_root, 0x2fd89000U);
  EXPECT_TRUE(image_.context.is_npt());
}

TEST_F(LinuxImage, EveryLeafIsWalkedOnce) {
  std::set<Gva> seen;
  const SnapshotSummary summary = walk_every_leaf(image_, service_, [&](const LeafWalk& walk) {
    EXPECT_TRUE(seen.insert(walk.leaf.address).second);
    const WalkOutcome& outcome = walk.answer.outcome;
    const Position end = outcome.fault.position;
    // A leaf is present in the guest, so only the host can refuse it, at the last stage.
    EXPECT_TRUE(outcome.is_translation ||
                (outcome.fault.kind == FaultKind::kNestedPageFault && end.g == 0));
    if (outcome.is_translation) {
      EXPECT_EQ(outcome.translation.guest_page_bits, walk.leaf.page_bits);
      EXPECT_EQ(outcome.translation.guest, walk.leaf.rights);
    }
  });
  EXPECT_EQ(summary.num_leaves, 7855U);
  EXPECT_EQ(seen.size(), 7855U);
  const std::size_t num_faults =
      summary.num_faults[static_cast<std::size_t>(FaultKind::kNestedPageFault)];
  EXPECT_GT(num_faults, 0U);
  EXPECT_EQ(summary.num_translations + num_faults, summary.num_leaves);
  EXPECT_EQ(summary.num_malformed, 0U);
  EXPECT_EQ(summary.num_unbacked_tables, 0U);
  EXPECT_FALSE(summary.is_cut_short);
}

// n_g (n_p + 1) + n_d: with n_p between 3 and 4 as the tables of this guest lie on 2M or 4K pages.
TEST_F(LinuxImage, ReferencesPerWalkStayInTheFormulasBounds) {
  (void)walk_every_leaf(image_, service_, [&](const LeafWalk& walk) {
    if (!walk.answer.outcome.is_translation) {
      return;
    }
    const unsigned guest_levels = walk.leaf.page_bits == 12 ? 4 : walk.leaf.page_bits == 21 ? 3 : 2;
    const unsigned host_levels = walk.answer.outcome.translation.host_page_bits == 12 ? 4 : 3;
    const std::size_t references = walk.answer.references.size();
    EXPECT_GE(references, guest_levels * (3 + 1) + host_levels);
    EXPECT_LE(references, guest_levels * (4 + 1) + host_levels);
  });
}

TEST_F(LinuxImage, SummariesAgree) {
  const SnapshotSummary summary = walk_every_leaf(image_, service_, [](const LeafWalk&) {});
  const auto json = nlohmann::json::parse(summary_json(image_, summary));
  EXPECT_EQ(json["leaves"], summary.num_leaves);
  std::size_t from_pairs = 0;
  for (const auto& pair : json["page_sizes"]) {
    from_pairs += pair["leaves"].get<std::size_t>();
  }
  EXPECT_EQ(from_pairs, summary.num_translations);
  std::size_t from_histogram = 0;
  for (const auto& bucket : json["references"]["histogram"]) {
    from_histogram += bucket["walks"].get<std::size_t>();
  }
  EXPECT_EQ(from_histogram, summary.num_leaves);
  EXPECT_NE(summary_text(image_, summary).find(std::to_string(summary.num_leaves)),
            std::string::npos);
}

std::size_t count_leaves(const WalkContext& context, const std::vector<MemoryWord>& words,
                         std::vector<Gva>& addresses) {
  LeafSearch search(context, words);
  search.for_each([&](const GuestLeaf& leaf) { addresses.push_back(leaf.address); });
  return addresses.size();
}

WalkContext native_context(FormatId format) {
  WalkContext context;
  context.has_guest = true;
  context.guest_format = format;
  context.guest_root = 0x1000;
  return context;
}

// Entry 511 of the root points to the root: the classical recursive mapping.
TEST(ImageReadme, ATableOfRegistersIsRead) {
  const auto context = registers_from_readme(
      "# Tables\n| register | value |\n| --- | --- |\n| guest format | x86 4-level, NX on |\r\n"
      "| host format | NPT, x86 4-level |\n| gCR3 (a GPA) | 0x54e0000 |\n"
      "| nCR3 (an HPA) | 0x2fd89000 |\n");
  ASSERT_TRUE(context);
  EXPECT_EQ(context->guest_format, FormatId::kX86FourLevel);
  EXPECT_EQ(context->host_format, FormatId::kX86FourLevel);
  EXPECT_TRUE(context->is_npt());
  EXPECT_EQ(context->guest_root, 0x54e0000U);
  EXPECT_EQ(context->host_root, 0x2fd89000U);
}

TEST(ImageReadme, OtherFormatsAreKnown) {
  const auto context = registers_from_readme(
      "| host format | EPT, 5-level |\n| guest format | x86 PAE |\n| gCR3 | 0x20 |\n| nCR3 | "
      "0x1000 |");
  ASSERT_TRUE(context);
  EXPECT_EQ(context->guest_format, FormatId::kX86Pae);
  EXPECT_EQ(context->host_format, FormatId::kEptFiveLevel);
}

TEST(ImageReadme, AllOrNothing) {
  EXPECT_FALSE(registers_from_readme("| guest format | x86 4-level |\n| gCR3 | 0x1000 |\n"));
  EXPECT_FALSE(registers_from_readme("gCR3 0x1000, nCR3 0x2000\n"));
  EXPECT_FALSE(
      registers_from_readme("| guest format | x86 4-level |\n| host format | NPT 4-level |\n| gCR3 "
                            "| here |\n| nCR3 | 0x1000 |"));
}

TEST(LeafSearch, ASelfReferenceGivesEveryPathOnce) {
  const std::uint64_t flags = 7;
  const std::vector<MemoryWord> words = {{Hpa(0x1000 + 511 * 8), 0x1000 | flags}};
  std::vector<Gva> addresses;
  EXPECT_EQ(count_leaves(native_context(FormatId::kX86FourLevel), words, addresses), 1U);
  EXPECT_EQ(addresses.front(), Gva(0xfffffffffffff000));
}

TEST(LeafSearch, ASharedTableGivesItsLeavesAtEachAddress) {
  const std::vector<MemoryWord> words = {
      {Hpa(0x1000), 0x2007}, {Hpa(0x1000 + 256 * 8), 0x2007}, {Hpa(0x2000), 0x40000087}};
  std::vector<Gva> addresses;
  EXPECT_EQ(count_leaves(native_context(FormatId::kX86FourLevel), words, addresses), 2U);
  EXPECT_EQ(addresses, (std::vector<Gva>{Gva(0), Gva(0xffff800000000000)}));
}

TEST(LeafSearch, ThirtyTwoBitEntriesStandInBothHalves) {
  const std::vector<MemoryWord> words = {{Hpa(0x1000), std::uint64_t{0x2007} << 32 | 0x2007},
                                         {Hpa(0x2000), std::uint64_t{0x9007} << 32}};
  std::vector<Gva> addresses;
  EXPECT_EQ(count_leaves(native_context(FormatId::kX86TwoLevel), words, addresses), 2U);
  EXPECT_EQ(addresses, (std::vector<Gva>{Gva(0x1000), Gva(0x401000)}));
}

TEST(LeafSearch, ATableThatTheHostDoesNotMapIsCounted) {
  WalkContext context = native_context(FormatId::kX86FourLevel);
  context.has_host = true;
  context.host_root = 0x100000;
  LeafSearch search(context, {});
  search.for_each([](const GuestLeaf&) { FAIL(); });
  EXPECT_EQ(search.num_unbacked_tables(), 1U);
}

class BrokenImage : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / ("nestwalk_image_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  [[nodiscard]] std::string problem() const {
    TableImage image;
    return load_table_image(folder_, image).value_or("");
  }
  std::filesystem::path folder_;
};

TEST_F(BrokenImage, EachDefectHasItsMessage) {
  EXPECT_NE(problem().find("no such file"), std::string::npos);
  write("tables.bin.xz", "version https://git-lfs.github.com/spec/v1\n");
  EXPECT_NE(problem().find("git lfs pull"), std::string::npos);
  write("tables.bin.xz", "plain text, not packed");
  EXPECT_NE(problem().find("not xz data"), std::string::npos);
  std::ifstream file(kFixture / "tables.bin.xz", std::ios::binary);
  const std::string whole(std::istreambuf_iterator<char>(file), {});
  write("tables.bin.xz", whole.substr(0, whole.size() / 2));
  EXPECT_NE(problem().find("truncated"), std::string::npos);
  write("tables.bin.xz", whole);
  EXPECT_EQ(problem(), "");
  write("snapshot.json", "{\"gust\": null}");
  EXPECT_NE(problem().find("snapshot.json:1:2: unknown key \"gust\"; did you mean \"guest\"?"),
            std::string::npos)
      << problem();
}

}  // namespace
}  // namespace nestwalk
