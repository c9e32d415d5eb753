// The memory of a co-simulated case: tables that grow while they are walked. An entry is invented
// when it is first read, for the stage and level that it is read at, so that every word a walk
// meets means something. Answers may be errors, for once (bus) or for ever (poison); another agent
// may write entries that walks have read lately.
//
//   CosimMemory memory(context, {.bus_error_percent = 1}, inventor, draws);
//   bench.connect(memory);
//
// One case only: it starts empty.
#pragma once

#include <tsl/robin_map.h>

#include <array>
#include <cstdint>
#include <optional>

#include "model/params/cosim.h"
#include "tb/draws.h"
#include "tb/random_entries.h"
#include "tb/walker_bench.h"

namespace nestwalk {

// A chance in per cent, drawn in millionths.
class Chance {
 public:
  explicit Chance(double percent) : millionths_(static_cast<std::uint64_t>(percent * 10000)) {}
  [[nodiscard]] bool draw(Draws& random) const {
    return millionths_ != 0 && random.below(1000000) < millionths_;
  }

 private:
  std::uint64_t millionths_;
};

class CosimMemory final : public TableMemory {
 public:
  // Keeps references to inventor and draws.
  CosimMemory(const CosimMemoryParams& params, EntryInventor& inventor, Draws& random);

  std::optional<std::uint64_t> read(const PinWalker::TableRequest& request) override;
  AnswerKind update(const PinWalker::TableRequest& request) override;

  [[nodiscard]] std::uint64_t num_errors() const { return num_errors_; }
  [[nodiscard]] std::uint64_t num_racing_writes() const { return num_racing_writes_; }

 private:
  struct Word {
    std::uint64_t value = 0;
    std::uint8_t known_halves = 0;  // bit 0: the lower four bytes have been read
    bool is_poisoned = false;
  };

  Word& touch(const PinWalker::TableRequest& request);
  void race();
  static unsigned shift_of(const PinWalker::TableRequest& request) {
    return request.bytes == 4 && (request.hpa.value() & 4) != 0 ? 32 : 0;
  }
  static std::uint64_t mask_of(const PinWalker::TableRequest& request) {
    return request.bytes == 4 ? std::uint64_t{0xffffffff} << shift_of(request) : ~std::uint64_t{0};
  }

  EntryInventor& inventor_;
  Draws& random_;
  Chance bus_error_;
  Chance poison_;
  Chance racing_write_;
  tsl::robin_map<std::uint64_t, Word> words_;         // by hpa / 8
  std::array<PinWalker::TableRequest, 16> recent_{};  // reads, any order
  std::uint64_t num_reads_ = 0;
  std::uint64_t num_errors_ = 0;
  std::uint64_t num_racing_writes_ = 0;
};

}  // namespace nestwalk
