// Which walker a platform gets, in a program without the RTL and in one that has brought another.
#include "model/sim/walker_models.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "model/sim/platform.h"
#include "model/tlm/walker.h"

namespace nestwalk {
namespace {

TEST(WalkerModels, TheTlmWalkerIsTheDefault) {
  Platform platform{MachineParams{}};
  EXPECT_NE(dynamic_cast<Walker*>(&platform.walker()), nullptr);
  EXPECT_TRUE(platform.problems().empty());
}

TEST(WalkerModels, AProgramWithoutTheRtlSaysWhatToInstall) {
  MachineParams machine;
  machine.walker.model = WalkerModel::kRtl;
  try {
    const Platform platform(machine);
    FAIL() << "there is no RTL walker here";
  } catch (const std::invalid_argument& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("walker: rtl"), std::string::npos) << text;
    EXPECT_NE(text.find("install Verilator"), std::string::npos) << text;
    EXPECT_NE(text.find("walker: tlm"), std::string::npos) << text;
  }
}

// A walker that has found something.
class Troubled : public Walker {
 public:
  using Walker::Walker;
  [[nodiscard]] std::vector<std::string> problems() const override { return {"a wrong read"}; }
};

TEST(WalkerModels, WhatAWalkerFindsIsAProblemOfThePlatform) {
  register_rtl_walker([](const WalkerPlace& place) {
    return std::make_unique<Troubled>(place.name.c_str(), place.machine.walker, place.queue,
                                      place.clock);
  });
  MachineParams machine;
  machine.walker.model = WalkerModel::kRtl;
  const Platform platform(machine);
  EXPECT_EQ(platform.problems(), std::vector<std::string>{"walker0: a wrong read"});
}

}  // namespace
}  // namespace nestwalk
