#include "model/observe/walker_wave.h"

#include <string>

#include "model/arch/invalidation.h"

namespace nestwalk {

namespace {

constexpr unsigned kAddressBits = 64;
constexpr unsigned kCountBits = 32;
constexpr unsigned kNumLevels = 6;  // 0 to 5

// Stage, and guest steps in a shadow table (agile walks).
constexpr std::array<std::string_view, 3> kStageNames = {"guest", "host", "shadow"};
constexpr std::uint64_t kShadowStage = 2;
constexpr std::uint64_t kAgileMode = 4;
constexpr std::array<std::string_view, 3> kAccessNames = {"read", "write", "fetch"};
// Nothing looked up yet, then LookupOutcome.
constexpr std::array<std::string_view, 4> kFoundNames = {
    "none", kLookupOutcomeNames[0], kLookupOutcomeNames[1], kLookupOutcomeNames[2]};

// No fault, then FaultKind.
constexpr std::array<std::string_view, kNumFaultKinds + 1> fault_names() {
  std::array<std::string_view, kNumFaultKinds + 1> names{"none"};
  for (unsigned i = 0; i < kNumFaultKinds; ++i) {
    names[i + 1] = kFaultKindNames[i];
  }
  return names;
}
constexpr auto kFaultNames = fault_names();

std::array<std::string, kNumLevels * kNumLevels> make_position_texts() {
  std::array<std::string, kNumLevels * kNumLevels> texts;
  for (unsigned g = 0; g < kNumLevels; ++g) {
    for (unsigned h = 0; h < kNumLevels; ++h) {
      texts[g * kNumLevels + h] = "(" + std::to_string(g) + "," + std::to_string(h) + ")";
    }
  }
  return texts;
}

}  // namespace

std::string_view position_text(Position position) {
  static const auto kTexts = make_position_texts();
  return kTexts.at(position.g * kNumLevels + position.h);
}

WalkerWave::WalkerWave(WaveFile& file, WalkNumbers& numbers, const Shape& shape)
    : file_(file), numbers_(numbers), slots_(shape.slots) {
  file.push_scope("walker");
  invalidate_ = file.add_bits("invalidate", 1);
  operation_ = file.add_enum("operation", "invalidation", kInvalidateOpNames);
  unsigned index = 0;
  for (SlotSignals& slot : slots_) {
    file.push_scope("slot" + std::to_string(index++));
    slot.walk = file.add_count("walk", kCountBits);
    slot.state = file.add_enum("state", "walk_state", kWalkStateNames);
    slot.mode = file.add_enum("mode", "walk_mode", kWalkModeNames);
    slot.position = file.add_text("position");
    slot.stage = file.add_enum("stage", "stage", kStageNames);
    slot.address = file.add_bits("address", kAddressBits);
    slot.value = file.add_bits("value", kAddressBits);
    slot.access = file.add_enum("access", "access", kAccessNames);
    slot.gva = file.add_bits("gva", kAddressBits);
    slot.reads = file.add_count("reads", kCountBits);
    slot.lookup = file.add_enum("lookup", "lookup", kFoundNames);
    slot.fault = file.add_enum("fault", "fault", kFaultNames);
    slot.kill = file.add_bits("kill", 1);
    slot.restart = file.add_bits("restart", 1);
    slot.fill = file.add_bits("fill", 1);
    file.pop_scope();
  }
  file.pop_scope();
}

void WalkerWave::record(const Event& event) {
  if (event.kind == EventKind::kInvalidate) {
    file_.pulse(event.cycle, invalidate_);
    file_.set(event.cycle, operation_, event.value);
    return;
  }
  SlotSignals& slot = slots_.at(event.slot);
  switch (event.kind) {
    case EventKind::kInvalidate:
      return;
    case EventKind::kAccept:
      return accept(event, slot);
    case EventKind::kLookup:
      file_.set(event.cycle, slot.lookup, static_cast<std::uint64_t>(event.found) + 1);
      return show_step(event, slot, WalkState::kLookup);
    case EventKind::kRead:
      file_.set(event.cycle, slot.reads, ++slot.num_reads);
      return show_step(event, slot, WalkState::kRead);
    case EventKind::kReadData:
      file_.set(event.cycle, slot.value, event.value);
      return show_step(event, slot, WalkState::kData);
    case EventKind::kUpdate:
      file_.set(event.cycle, slot.value, event.value);
      return show_step(event, slot, WalkState::kUpdate);
    case EventKind::kFill:
      return file_.pulse(event.cycle, slot.fill);
    case EventKind::kRestart:
      file_.pulse(event.cycle, slot.restart);
      return file_.set(event.cycle, slot.state, static_cast<std::uint64_t>(WalkState::kBegin));
    case EventKind::kKill:
      file_.pulse(event.cycle, slot.kill);
      file_.set(event.cycle, slot.position, "-");
      return file_.set(event.cycle, slot.state, static_cast<std::uint64_t>(WalkState::kBegin));
    case EventKind::kRespond:
      return respond(event, slot);
  }
}

void WalkerWave::accept(const Event& event, SlotSignals& slot) {
  slot.number = numbers_.next();
  slot.num_reads = 0;
  file_.walk_begins(event.cycle, slot.number);
  file_.set(event.cycle, slot.walk, slot.number);
  file_.set(event.cycle, slot.state, static_cast<std::uint64_t>(WalkState::kBegin));
  file_.set(event.cycle, slot.mode, (event.has_guest ? 1U : 0U) + (event.has_host ? 2U : 0U));
  file_.set(event.cycle, slot.position, "-");
  file_.set(event.cycle, slot.access, static_cast<std::uint64_t>(event.access));
  file_.set(event.cycle, slot.gva, event.address);
  file_.set(event.cycle, slot.reads, std::uint64_t{0});
  file_.set(event.cycle, slot.lookup, std::uint64_t{0});
  file_.set(event.cycle, slot.fault, std::uint64_t{0});
}

void WalkerWave::respond(const Event& event, const SlotSignals& slot) {
  file_.set(event.cycle, slot.state, static_cast<std::uint64_t>(WalkState::kRespond));
  file_.set(event.cycle, slot.value, event.value);
  if (!event.is_translation) {
    file_.set(event.cycle, slot.fault, static_cast<std::uint64_t>(event.fault) + 1);
    file_.set(event.cycle, slot.position, position_text(event.position));
  }
  file_.announce(event.cycle + 1, slot.state, static_cast<std::uint64_t>(WalkState::kIdle));
  file_.walk_ends(event.cycle, slot.number);
}

void WalkerWave::show_step(const Event& event, const SlotSignals& slot, WalkState state) {
  file_.set(event.cycle, slot.state, static_cast<std::uint64_t>(state));
  if (event.is_shadow) {
    file_.set(event.cycle, slot.mode, kAgileMode);
  }
  file_.set(event.cycle, slot.stage,
            event.is_shadow ? kShadowStage : static_cast<std::uint64_t>(event.stage));
  file_.set(event.cycle, slot.position, position_text(event.position));
  file_.set(event.cycle, slot.address, event.address);
}

}  // namespace nestwalk
