// Waves of a bench: one file with the RTL's walker, drawn from what passes its pins, and beside it
// the model's, drawn by the same hand. `waves.gtkw` opens both in GTKWave.
//
//   BenchWaves waves({.path = "case-17.fst", .window = {.around_failure_cycles = 2000}},
//                    {.rtl_slots = bench.slots(), .model_slots = 4});
//   waves.follow(bench);                          // the RTL; a problem of its scoreboard is a
//   failure model_walker.connect_events(waves.model());   // the TLM walker on the same cycles
//   bench.run();
//   waves.fail(bench.cycle());                    // what another judge has found
//   waves.close();                                // or the destructor
//
// Walks are numbered from 1 on each side, in the order in which they are accepted. The same for a
// run in the platform: sim/run_waves.h.
#pragma once

#include <cstdint>
#include <optional>

#include "model/observe/walker_wave.h"
#include "model/observe/wave_file.h"
#include "tb/walker_bench.h"

namespace nestwalk {

class BenchWaves {
 public:
  struct Shape {
    unsigned rtl_slots = 1;
    unsigned model_slots = 0;  // 0: no model beside
  };

  BenchWaves(WaveFileParams params, const Shape& shape);
  ~BenchWaves();
  BenchWaves(const BenchWaves&) = delete;
  BenchWaves& operator=(const BenchWaves&) = delete;

  // From here on; the bench must outlive this object or be left.
  void follow(WalkerBench& bench);
  void leave();
  // Null without a model.
  [[nodiscard]] EventSink* model() { return model_ ? &*model_ : nullptr; }
  // The window around a failure is around this cycle, unless there was one before.
  void fail(std::uint64_t cycle) { file_.fail(cycle); }

  // Writes the save file, too. Throws WaveError.
  void close();
  // After close(): false if there was nothing to write, as no failure or no such walk.
  [[nodiscard]] bool is_written() const { return file_.is_written(); }

 private:
  // The RTL's events on their way, with a look at the scoreboard.
  class RtlSide : public EventSink {
   public:
    RtlSide(WaveFile& file, WalkNumbers& numbers, const WalkerWave::Shape& shape)
        : file_(file), wave_(file, numbers, shape) {}
    void record(const Event& event) override;
    void set_bench(WalkerBench* bench) { bench_ = bench; }
    [[nodiscard]] WalkerBench* bench() const { return bench_; }

   private:
    WaveFile& file_;
    WalkerWave wave_;
    WalkerBench* bench_ = nullptr;
  };

  WaveFile file_;
  WalkNumbers rtl_numbers_;
  WalkNumbers model_numbers_;
  std::optional<RtlSide> rtl_;
  std::optional<WalkerWave> model_;
};

}  // namespace nestwalk
