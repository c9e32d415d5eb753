// One walker as waves: its event record drawn as signals, a scope for each slot. The model's walker
// and the RTL's are drawn alike, so that both can be read beside each other.
//
//   WalkerWave wave(file, numbers, {.slots = 4});   // in the scope that is open, before any value
//   walker.connect_events(&wave);
//
// Signals of a slot: walk (its number), state, mode, position (g,h) as text, stage, address and
// value of the step under way, access and gva of the request, reads made so far, what the latest
// lookup found, fault of the latest answer; kill, restart and fill are high for a cycle. Of the
// walker: invalidate, high for a cycle, with the operation.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/observe/event_sink.h"
#include "model/observe/wave_file.h"

namespace nestwalk {

// What a slot does. Values of the signal `state`.
enum class WalkState : std::uint8_t {
  kIdle,
  kBegin,
  kLookup,
  kRead,    // the read is under way
  kData,    // what it brought is looked at
  kUpdate,  // an A or D bit is being set
  kRespond,
};
inline constexpr std::array<std::string_view, 7> kWalkStateNames = {
    "idle", "begin", "lookup", "read", "data", "update", "respond"};

// Values of the signal `mode`.
inline constexpr std::array<std::string_view, 5> kWalkModeNames = {"none", "guest_only",
                                                                   "host_only", "nested", "agile"};

// Numbers the walks of one side (the model, the RTL) from 1, whichever walker they are on.
class WalkNumbers {
 public:
  std::uint64_t next() { return ++last_; }
  [[nodiscard]] std::uint64_t last() const { return last_; }

 private:
  std::uint64_t last_ = 0;
};

class WalkerWave : public EventSink {
 public:
  struct Shape {
    unsigned slots = 1;
  };

  WalkerWave(WaveFile& file, WalkNumbers& numbers, const Shape& shape);

  void record(const Event& event) override;

 private:
  struct SlotSignals {
    WaveSignal walk{};
    WaveSignal state{};
    WaveSignal mode{};
    WaveSignal position{};
    WaveSignal stage{};
    WaveSignal address{};
    WaveSignal value{};
    WaveSignal access{};
    WaveSignal gva{};
    WaveSignal reads{};
    WaveSignal lookup{};
    WaveSignal fault{};
    WaveSignal kill{};
    WaveSignal restart{};
    WaveSignal fill{};
    std::uint64_t number = 0;  // of the walk under way
    std::uint64_t num_reads = 0;
  };

  void accept(const Event& event, SlotSignals& slot);
  void respond(const Event& event, const SlotSignals& slot);
  void show_step(const Event& event, const SlotSignals& slot, WalkState state);

  WaveFile& file_;
  WalkNumbers& numbers_;
  WaveSignal invalidate_{};
  WaveSignal operation_{};
  std::vector<SlotSignals> slots_;
};

// "(4,2)" as the signal `position` shows it.
[[nodiscard]] std::string_view position_text(Position position);

}  // namespace nestwalk
