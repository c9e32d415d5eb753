// The ports that the slots of a walker share: lookups and changes of its walk caches and nested
// TLB, reads and updates of tables.
#include <bit>

#include "model/tlm/walker.h"

namespace nestwalk {

Walker::Slot& Walker::take_turn(SharedPort& port) {
  const std::uint64_t urgent = port.wanting & port.urgent;
  std::uint64_t wanting = urgent != 0 ? urgent : port.wanting;
  if (params_.turns == WalkTurns::kInTurn) {
    const std::uint64_t later = wanting & (~std::uint64_t{0} << port.first);
    wanting = later != 0 ? later : wanting;
  }
  const auto index = static_cast<unsigned>(std::countr_zero(wanting));
  port.wanting &= ~(std::uint64_t{1} << index);
  port.urgent &= ~(std::uint64_t{1} << index);
  port.first = (index + 1) % static_cast<unsigned>(slots_.size());
  return slots_[index];
}

void Walker::forget_wishes(const Slot& slot) {
  const std::uint64_t others = ~(std::uint64_t{1} << slot.index);
  lookups_.wanting &= others;
  lookups_.urgent &= others;
  for (SharedPort& channel : channels_) {
    channel.wanting &= others;
  }
}

void Walker::ask_port(Slot& slot, Slot::Want want) {
  slot.want = want;
  lookups_.wanting |= std::uint64_t{1} << slot.index;
  if (want == Slot::Want::kChange) {
    lookups_.urgent |= std::uint64_t{1} << slot.index;
  }
  if (!lookups_.is_arbitrating) {
    lookups_.is_arbitrating = true;
    queue_.post(0, EventRank::kRequest, *this, kArbitrate);
  }
}

// As many lookups as there are ports; the others try again a cycle later.
void Walker::arbitrate() {
  while (lookups_.wanting != 0) {
    if (!lookups_.port.try_begin(queue_.now())) {
      queue_.post(1, EventRank::kRequest, *this, kArbitrate);
      return;
    }
    look_up(take_turn(lookups_));
  }
  lookups_.is_arbitrating = false;
}

void Walker::look_up(Slot& slot) {
  const Step& step = *slot.step;
  if (slot.want == Slot::Want::kChange) {
    const bool is_fill = step.kind == StepKind::kFill;
    if (is_fill) {
      change(slot);
    }
    proceed(slot, params_.change_cycles, is_fill ? Slot::Phase::kAdvance : Slot::Phase::kFinish);
    return;
  }
  if (slot.want == Slot::Want::kWord) {
    const std::optional<std::uint64_t> word = structures_.read_word(step);
    if (word) {
      ++stats_.word_hits;
      slot.answer.kind = AnswerKind::kValue;
      slot.answer.value = *word;
    }
    proceed(slot, structures_.word_cycles(), word ? Slot::Phase::kAdvance : Slot::Phase::kSendRead);
    return;
  }
  const std::optional<Resume> resume = structures_.lookup(slot.engine.context(), step);
  record_lookup(step, resume, slot.index);
  slot.answer.kind = resume ? AnswerKind::kHit : AnswerKind::kMiss;
  if (resume) {
    slot.answer.resume = *resume;
  }
  proceed(slot, structures_.lookup_cycles(step), Slot::Phase::kAdvance);
}

void Walker::change(Slot& slot) {
  const Step& step = *slot.step;
  record(EventKind::kFill, step, step.address, step.resume.base, slot.index);
  structures_.fill(slot.engine.context(), step);
}

void Walker::pass(Slot& slot, Channel channel) {
  if (params_.table_ports == 0) {
    pass_now(slot, channel);
    return;
  }
  SharedPort& port = channels_[channel];
  port.wanting |= std::uint64_t{1} << slot.index;
  if (!port.is_arbitrating) {
    port.is_arbitrating = true;
    queue_.post(0, EventRank::kRequest, *this, event_of(channel));
  }
}

void Walker::pass_waiting(Channel channel) {
  SharedPort& port = channels_[channel];
  while (port.wanting != 0) {
    if (!port.port.try_begin(queue_.now())) {
      queue_.post(1, EventRank::kRequest, *this, event_of(channel));
      return;
    }
    pass_now(take_turn(port), channel);
  }
  port.is_arbitrating = false;
}

void Walker::pass_now(Slot& slot, Channel channel) {
  if (channel == kAnswers) {
    end_slot(slot);
  } else {
    send(slot, channel == kUpdates);
  }
}

}  // namespace nestwalk
