// The protocol assertions fire: each test breaks one promise at the pins of the RTL walker.
#include <gtest/gtest.h>

#include <memory>

#include "tests/cosim/rtl_walker_support.h"

namespace nestwalk {
namespace {

class RtlWalkerProtocol : public testing::Test {
 protected:
  RtlWalkerProtocol() {
    request_.context.has_guest = true;
    other_.context.has_guest = true;
    other_.id = 1;
  }

  // One cycle in which the memory takes nothing, unless `ready`.
  void cycle(bool is_ready = false) {
    walker_->set_ready({is_ready, is_ready, is_ready, is_ready});
    walker_->settle();
    walker_->tick();
    walker_->answer_nothing();
  }
  // Begins a walk; its read is valid and not taken.
  void begin_walk() {
    walker_->offer(&request_);
    cycle();
    walker_->offer(static_cast<const WalkerRequest*>(nullptr));
    cycle();
    cycle();
  }
  [[nodiscard]] bool has_failed() const { return !walker_->failures().empty(); }

  std::unique_ptr<PinWalker> walker_ = open_walker_set("one_slot");
  WalkerRequest request_;
  WalkerRequest other_;
};

TEST_F(RtlWalkerProtocol, AWalkThatKeepsItRaisesNothing) {
  begin_walk();
  cycle();
  cycle(true);
  walker_->answer_read(0, {AnswerKind::kValue, 0, {}});
  cycle(true);
  cycle(true);
  EXPECT_FALSE(has_failed()) << walker_->failures().front();
}

TEST_F(RtlWalkerProtocol, WalkersLiveAndDieInAnyOrder) {
  auto first = open_walker_set("one_slot");
  auto second = open_walker_set("one_slot");
  auto third = open_walker_set("one_slot");
  second.reset();
  third->offer(&request_);
  EXPECT_TRUE(third->settle().has_accept);
  first.reset();
  third->tick();
  EXPECT_FALSE(third->settle().has_accept);
  third.reset();
  EXPECT_TRUE(walker_->slots() == 1 && !has_failed());
}

// An assertion counts in its own walker's context, not in that of the last one to be made.
TEST_F(RtlWalkerProtocol, AnAssertionFailsBesideAWalkerThatHasGone) {
  open_walker_set("one_slot")->settle();
  begin_walk();
  walker_->answer_update(0, AnswerKind::kStored);
  cycle();
  EXPECT_TRUE(has_failed());
}

TEST_F(RtlWalkerProtocol, ARequestIsNotTakenBack) {
  begin_walk();
  walker_->offer(&other_);  // the only slot is busy
  cycle();
  walker_->offer(static_cast<const WalkerRequest*>(nullptr));
  cycle();
  EXPECT_TRUE(has_failed());
}

TEST_F(RtlWalkerProtocol, ARequestThatWaitsIsNotChanged) {
  begin_walk();
  walker_->offer(&other_);
  cycle();
  other_.access.address = Gva{0x1000};
  walker_->offer(&other_);
  cycle();
  EXPECT_TRUE(has_failed());
}

TEST_F(RtlWalkerProtocol, DataAnswerARead) {
  begin_walk();
  walker_->answer_read(0, {AnswerKind::kValue, 0, {}});
  cycle();
  EXPECT_TRUE(has_failed());
}

TEST_F(RtlWalkerProtocol, AnAnswerToAnUpdateNeedsAnUpdate) {
  begin_walk();
  walker_->answer_update(0, AnswerKind::kStored);
  cycle();
  EXPECT_TRUE(has_failed());
}

TEST_F(RtlWalkerProtocol, AnInvalidationIsNotTakenBack) {
  const Invalidation invalidation;
  walker_->offer(&invalidation);
  cycle();
  walker_->offer(&invalidation);  // the one before has not been acknowledged
  cycle();
  walker_->offer(static_cast<const Invalidation*>(nullptr));
  cycle();
  EXPECT_TRUE(has_failed());
}

}  // namespace
}  // namespace nestwalk
