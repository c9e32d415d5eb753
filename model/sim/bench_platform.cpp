#include "model/sim/bench_platform.h"

#include <utility>
#include <vector>

#include "model/sim/bench_streams.h"
#include "model/sim/bench_tables.h"
#include "model/sim/bench_timer.h"
#include "model/sim/platform.h"

namespace nestwalk {

namespace {

constexpr std::size_t kBatch = 4096;

MachineParams machine_of(const BenchCase& bench_case) {
  MachineParams p;
  p.data_path = DataPath::kNone;
  p.table_path = TablePath::kFlat;
  p.timing = bench_case.timing;
  p.core.window = bench_case.num_outstanding;
  if (!bench_case.has_walk_caches) {
    p.walker.pwc.organisation = PwcOrganisation::kNone;
    p.walker.ntlb.array.entries = 0;
  }
  return p;
}

// Feeds the core, and stops the clock meanwhile. The first repetition warms up and is dropped.
class BenchClient : public CoreClient {
 public:
  BenchClient(Platform& platform, const BenchCase& bench_case, const BenchSize& size,
              BenchStream stream)
      : platform_(platform),
        bench_case_(bench_case),
        size_(size),
        stream_(std::move(stream)),
        addresses_(kBatch),
        accesses_(kBatch) {
    payload_.set_extension(&extension_);
  }
  ~BenchClient() override { payload_.clear_extension(&extension_); }

  [[nodiscard]] std::span<const CoreAccess> next_batch() override {
    timer_.stop();
    for (;;) {
      if (num_done_ >= size_.num_accesses) {
        end_repetition();
      }
      if (num_ended_ > size_.num_repetitions) {
        return {};
      }
      stream_(addresses_);
      num_done_ += kBatch;
      if (bench_case_.engine == BenchEngine::kPlatform) {
        for (std::size_t i = 0; i < kBatch; ++i) {
          accesses_[i].address = addresses_[i];
        }
        timer_.start();
        return accesses_;
      }
      timer_.start();
      call_mmu();
      timer_.stop();
    }
  }

  [[nodiscard]] bool serve_fault(const CoreAccess& /*access*/, const Fault& /*fault*/) override {
    ++num_faults_;
    return false;
  }

  [[nodiscard]] BenchFigures figures() const {
    BenchFigures f = figures_;
    const WalkerStats& walker = platform_.walker().stats();
    f.num_translations = platform_.mmu().stats().translations;
    f.num_walks = walker.walks;
    f.num_references = walker.references;
    f.num_faults = num_faults_ + walker.faults;
    // The fewest and the most are 24, and so are all.
    const Histogram& references = walker.references_per_walk;
    f.num_full_walks = references.min() == 24 && references.max() == 24 ? references.count() : 0;
    return f;
  }

 private:
  void call_mmu() {
    std::uint64_t data = 0;
    sc_core::sc_time delay;
    for (const Gva address : addresses_) {
      payload_.set_read();
      payload_.set_address(address.value());
      payload_.set_data_ptr(reinterpret_cast<unsigned char*>(&data));
      payload_.set_data_length(8);
      payload_.set_streaming_width(8);
      payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
      extension_.timing_only = true;
      platform_.core().cpu_socket->b_transport(payload_, delay);
      num_faults_ += payload_.is_response_ok() ? 0 : 1;
    }
  }

  void end_repetition() {
    const std::uint64_t walks = platform_.walker().stats().walks;
    if (num_ended_ != 0) {
      const std::uint64_t count = bench_case_.counts_walks ? walks - walks_before_ : num_done_;
      figures_.rate_per_second[figures_.num_repetitions++] =
          static_cast<double>(count) / timer_.seconds();
    }
    ++num_ended_;
    walks_before_ = walks;
    num_done_ = 0;
    timer_.reset();
  }

  Platform& platform_;
  BenchCase bench_case_;
  BenchSize size_;
  BenchStream stream_;
  BenchTimer timer_;
  std::vector<Gva> addresses_;
  std::vector<CoreAccess> accesses_;
  tlm::tlm_generic_payload payload_;
  AccessExtension extension_;
  std::uint64_t num_done_ = 0;  // in this repetition
  unsigned num_ended_ = 0;
  std::uint64_t walks_before_ = 0;
  std::uint64_t num_faults_ = 0;
  BenchFigures figures_;
};

}  // namespace

BenchFigures measure_platform(const BenchCase& bench_case, const BenchSize& size) {
  Platform platform(machine_of(bench_case));
  const BenchTables tables = make_bench_tables(platform.memory(), bench_case.data_bytes);
  platform.mmu().set_context(tables.context);
  BenchClient client(platform, bench_case, size,
                     bench_case.pattern == BenchPattern::kSequential
                         ? make_sequential_stream(tables.first_address, bench_case.data_bytes)
                         : make_random_stream(tables.first_address, bench_case.data_bytes));
  platform.core().set_client(client);
  sc_core::sc_start();
  return client.figures();
}

}  // namespace nestwalk
