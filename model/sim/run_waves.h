// A run as waves: the walkers of all cores, what runs on each core, its TLBs, and each VM with its
// mode, exits, flushes and what a switching policy looks at.
//
//   WaveFile file(wave_params(params, "waves.fst", WaveFormat::kFst, window));
//   run.execute({.waves = &file});
//   file.close();
//   write_wave_view(file);
//
// It listens to the walkers' events and to the software log, and passes both on to who wants them
// as well. Counters are looked at when something of that core is told, so that hits in between show
// at the next walk or record.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "model/observe/event_sink.h"
#include "model/observe/software_log.h"
#include "model/observe/walker_wave.h"
#include "model/observe/wave_file.h"
#include "model/params/run.h"
#include "model/sim/core_slot.h"

namespace nestwalk {

// Who runs on a core. Values of the signal `runs`.
enum class CoreActor : std::uint8_t { kUser, kGuestKernel, kHypervisor };
inline constexpr std::array<std::string_view, 3> kCoreActorNames = {"user", "guest_kernel",
                                                                    "hypervisor"};

// Misses and faults of a VM are counted over intervals of this length.
inline constexpr std::uint64_t kWaveIntervalCycles = 100'000;

[[nodiscard]] WaveFileParams wave_params(const RunParams& params, const std::filesystem::path& path,
                                         WaveFormat format, const WaveWindow& window);

class RunWaves : public SoftwareLog {
 public:
  using CoreSlots = std::vector<std::unique_ptr<CoreSlot>>;

  // `next` hears every record of the software log, too; null: nobody does.
  RunWaves(WaveFile& file, const RunParams& params, const CoreSlots& slots, SoftwareLog* next);
  ~RunWaves() override;
  RunWaves(const RunWaves&) = delete;
  RunWaves& operator=(const RunWaves&) = delete;

  // Takes the walker's events of a core; `next` hears them, too.
  void connect_walker(unsigned core, EventSink* next);
  // Asked at every event: whether something has failed by then.
  void watch_failures(std::function<bool()> has_failed) { has_failed_ = std::move(has_failed); }
  // The window around a failure is around the latest time, unless there was one before.
  void fail();

  void record(const LogRecord& record) override;

 private:
  class CoreSink;

  struct CoreSignals {
    WaveSignal vm{};
    WaveSignal process{};
    WaveSignal runs{};
    WaveSignal exit{};
    WaveSignal tlb_hits{};
    WaveSignal tlb_second_level_hits{};
    WaveSignal tlb_misses{};
    bool is_in_kernel = false;
    std::uint64_t cycle = 0;  // the latest that was told
  };
  struct VmSignals {
    WaveSignal mode{};
    WaveSignal exit{};
    WaveSignal exit_address{};
    WaveSignal exits{};
    WaveSignal page_fault{};
    WaveSignal flush{};
    WaveSignal flush_operation{};
    WaveSignal flush_dropped{};
    WaveSignal table_writes{};
    WaveSignal misses{};
    WaveSignal faults{};
    WaveSignal interval_misses{};
    WaveSignal interval_faults{};
    bool is_shadow = false;  // as entered last
    std::uint64_t num_exits = 0;
    std::uint64_t num_table_writes = 0;
    std::uint64_t num_misses = 0;
    std::uint64_t num_faults = 0;
    // Of the interval under way.
    std::uint64_t interval_end = kWaveIntervalCycles;
    std::uint64_t misses_before = 0;
    std::uint64_t faults_before = 0;
  };

  void draw(const LogRecord& record);
  void add_core();
  void add_vm(std::size_t index);
  std::uint64_t advance(unsigned core, std::uint64_t cycle);
  void sample(unsigned core, std::uint64_t cycle);
  void count_miss(unsigned core, std::uint64_t cycle);
  void count_fault(VmSignals& vm, std::uint64_t cycle);
  void end_intervals(VmSignals& vm, std::uint64_t cycle);
  void show_actor(CoreSignals& core, std::uint64_t cycle, CoreActor actor);
  void show_exit(const LogRecord& record, std::uint64_t cycle);
  void show_entry(const LogRecord& record, std::uint64_t cycle);

  WaveFile& file_;
  const CoreSlots& slots_;
  SoftwareLog* next_;
  bool has_vms_;
  std::function<bool()> has_failed_;
  WalkNumbers numbers_;
  std::vector<CoreSignals> cores_;
  std::vector<std::unique_ptr<CoreSink>> sinks_;
  std::vector<VmSignals> vms_;
};

}  // namespace nestwalk
