// Sets of RTL parameters by name: several in one program, what is refused, what is built.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "tb/walker_set.h"

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

// A store in a scratch folder.
class RtlWalkerSet : public testing::Test {
 protected:
  RtlWalkerSet() {
    folder_ =
        fs::temp_directory_path() / (std::string("nestwalk-sets-") +
                                     testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "walkers");
    store_ = {folder_ / "walkers", folder_ / "build", folder_ / "sources"};
  }
  ~RtlWalkerSet() override { fs::remove_all(folder_); }

  static std::string refusal(std::string_view name, const WalkerStore& store) {
    try {
      (void)open_walker_set(name, store);
    } catch (const WalkerSetError& error) {
      return error.what();
    }
    return "";
  }
  void link_set(const std::string& name, const std::string& file_of) {
    fs::create_symlink(default_walker_store().libraries / ("nestwalk_walker_" + file_of + ".so"),
                       store_.libraries / ("nestwalk_walker_" + name + ".so"));
  }

  fs::path folder_;
  WalkerStore store_;
};

TEST_F(RtlWalkerSet, OneProgramOpensSeveral) {
  const std::unique_ptr<PinWalker> one = open_walker_set("one_slot");
  const std::unique_ptr<PinWalker> four = open_walker_set("four_slots");
  EXPECT_EQ(one->slots(), 1U);
  EXPECT_EQ(four->slots(), 4U);
  four->settle();
  one->settle();
  EXPECT_TRUE(one->failures().empty() && four->failures().empty());
}

TEST_F(RtlWalkerSet, TheListSaysWhatIsBuilt) {
  for (const WalkerSet& set : walker_sets()) {
    EXPECT_FALSE(set.parameters.empty()) << set.name;
    EXPECT_FALSE(set.text.empty()) << set.name;
  }
  EXPECT_EQ(find_walker_set("four_slots+wave").parameters, "Slots=4");
}

TEST_F(RtlWalkerSet, AMisspeltNameIsToldTheNearest) {
  const std::string text = refusal("for_slots", store_);
  EXPECT_NE(text.find("no RTL walker is called 'for_slots'; did you mean four_slots?"),
            std::string::npos)
      << text;
  EXPECT_NE(refusal("four_slots+waves", store_).find("no variant '+waves'; there are +wave"),
            std::string::npos);
}

TEST_F(RtlWalkerSet, WithoutABuildFolderItSaysWhichThereAre) {
  EXPECT_NE(refusal("four_slots", store_).find("there is none"), std::string::npos);
  link_set("one_slot", "one_slot");
  const std::string text = refusal("four_slots", store_);
  EXPECT_NE(text.find("four_slots was not built"), std::string::npos) << text;
  EXPECT_NE(text.find("there are: one_slot"), std::string::npos) << text;
  EXPECT_EQ(open_walker_set("one_slot", store_)->slots(), 1U);
}

TEST_F(RtlWalkerSet, ABuildThatFailsShowsItsEnd) {
  fs::create_directories(store_.build);
  std::ofstream(store_.build / "CMakeCache.txt") << "nothing of use\n";
  const std::string text = refusal("four_slots", store_);
  EXPECT_NE(text.find("four_slots could not be built"), std::string::npos) << text;
  EXPECT_NE(text.find("\n  "), std::string::npos) << text;
}

TEST_F(RtlWalkerSet, WhatIsOlderThanTheRtlIsBuiltAgain) {
  link_set("one_slot", "one_slot");
  fs::create_directories(store_.build);
  fs::create_directories(store_.sources / "rtl");
  std::ofstream(store_.sources / "rtl/walker.sv") << "// newer\n";
  std::ofstream(store_.build / "CMakeCache.txt") << "nothing of use\n";
  EXPECT_NE(refusal("one_slot", store_).find("could not be built"), std::string::npos);
}

TEST_F(RtlWalkerSet, AFileThatIsNoWalkerIsRefused) {
  std::ofstream(store_.libraries / "nestwalk_walker_ntlb.so") << "text\n";
  EXPECT_NE(refusal("ntlb", store_).find("cannot be opened"), std::string::npos);
}

}  // namespace
}  // namespace nestwalk
