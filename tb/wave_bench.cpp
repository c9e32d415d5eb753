#include "tb/wave_bench.h"

#include <utility>

#include "model/observe/wave_view.h"

namespace nestwalk {

namespace {

WaveFileParams with_sides(WaveFileParams params, bool has_model) {
  params.num_sides = has_model ? 2 : 1;
  return params;
}

}  // namespace

BenchWaves::BenchWaves(WaveFileParams params, const Shape& shape)
    : file_(with_sides(std::move(params), shape.model_slots != 0)) {
  file_.push_scope("rtl");
  rtl_.emplace(file_, rtl_numbers_, WalkerWave::Shape{.slots = shape.rtl_slots});
  file_.pop_scope();
  if (shape.model_slots != 0) {
    file_.push_scope("tlm");
    model_.emplace(file_, model_numbers_, WalkerWave::Shape{.slots = shape.model_slots});
    file_.pop_scope();
  }
}

BenchWaves::~BenchWaves() {
  try {
    close();
  } catch (const WaveError&) {  // who wants to hear of it closes it
  }
}

void BenchWaves::follow(WalkerBench& bench) {
  leave();
  rtl_->set_bench(&bench);
  bench.connect_events(&*rtl_);
}

void BenchWaves::leave() {
  if (rtl_->bench() != nullptr) {
    rtl_->bench()->connect_events(nullptr);
    rtl_->set_bench(nullptr);
  }
}

void BenchWaves::close() {
  leave();
  file_.close();
  write_wave_view(file_);
}

void BenchWaves::RtlSide::record(const Event& event) {
  wave_.record(event);
  if (!bench_->scoreboard().problems().empty()) {
    file_.fail(event.cycle);
  }
}

}  // namespace nestwalk
