// Whose guest a core runs, told apart from whose tables it walks.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/checked_machine.h"

namespace nestwalk {
namespace {

constexpr Gva kPage{0x40'0000'0000};
constexpr std::uint64_t kFrame = 0x10'0000;

// VM 1 has run on the core; its tables are those that the core walks.
class CheckerVm : public testing::Test {
 protected:
  CheckerVm() : other(machine.nested_space(1)) {
    machine.checker.set_software({&machine.owners, {}, {}});
    machine.map(other, kPage, kFrame);
    machine.run(0, other);
    machine.checker.set_vm(0, 1);
    answer = machine.access(0, kPage).translation;
    machine.access(0, kPage);
  }
  void expect_clean() {
    for (const Violation& v : machine.checker.violations()) {
      ADD_FAILURE() << text_of(v);
    }
  }
  // By the next access.
  void expect_foreign() {
    expect_clean();
    EXPECT_TRUE(machine.access(0, kPage).is_translation);
    ASSERT_EQ(machine.found(), ViolationKind::kForeignFrame);
    const std::string text = text_of(machine.checker.violations().front());
    EXPECT_NE(text.find("belongs to VM 1 (guest_frame), not to VM 0"), std::string::npos) << text;
  }

  CheckedMachine machine;
  Space other;
  Translation answer;
};

TEST_F(CheckerVm, IsEnteredWithTheRootOfAnother) {
  machine.checker.set_vm(0, 0);
  expect_foreign();
}

// It was begun for VM 1, and ends when the core has gone over to VM 0.
TEST_F(CheckerVm, MakesNoWalkAhead) {
  machine.checker.set_vm(0, 0);
  const Access access{kPage, AccessType::kRead, Privilege::kUser, false};
  const ObservedContext where{0, 99, other.context};
  for (unsigned n = 0; n < 2; ++n) {
    EXPECT_TRUE(machine.checker.on_translation(machine.memory, where, access, answer,
                                               TranslationPath::kPrefetch));
  }
  expect_foreign();
}

}  // namespace
}  // namespace nestwalk
