#include "model/sim/bench_walks.h"

#include <span>
#include <vector>

#include "model/sim/bench_bare_tlb.h"
#include "model/sim/bench_bare_walk.h"
#include "model/sim/bench_streams.h"
#include "model/sim/bench_tables.h"
#include "model/sim/bench_timer.h"
#include "model/walk/functional_driver.h"
#include "model/walk/walk_hints.h"

namespace nestwalk {

namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::size_t kBatch = 4096;

class EntryReader {
 public:
  explicit EntryReader(SparseMemory& memory) : memory_(memory) {}
  MemoryAnswer read(const Step& step) { return {true, memory_.read(step.hpa, step.bytes)}; }
  UpdateAnswer update(const Step& step) {
    return memory_.compare_and_swap(step.hpa, step.bytes, step.expected, step.desired)
               ? UpdateAnswer::kStored
               : UpdateAnswer::kLost;
  }

 private:
  SparseMemory& memory_;
};

void count(BenchFigures& figures, const WalkOutcome& outcome) {
  figures.num_references += outcome.num_references;
  figures.num_full_walks += outcome.num_references == 24 ? 1 : 0;
  figures.num_faults += outcome.is_translation ? 0 : 1;
  figures.checksum += outcome.translation.hpa.value();
}

// Goes through the whole stream, batch by batch. do_batch(addresses, figures) does one.
template <class DoBatch>
BenchFigures measure_batches(const BenchSize& size, const BenchStream& stream, DoBatch do_batch) {
  BenchFigures figures;
  BenchTimer timer;
  std::vector<Gva> addresses(kBatch);
  for (unsigned repetition = 0; repetition <= size.num_repetitions; ++repetition) {
    timer.reset();
    std::uint64_t done = 0;
    for (; done < size.num_accesses; done += kBatch) {
      stream(addresses);
      timer.start();
      do_batch(std::span<const Gva>(addresses), figures);
      timer.stop();
    }
    figures.num_translations += done;
    figures.add_repetition(repetition, done, timer.seconds());
  }
  return figures;
}

}  // namespace

BenchFigures measure_reference(const BenchCase& bench_case, const BenchSize& size) {
  SparseMemory memory(64 * kGiB);
  const BenchTables tables = make_bench_tables(memory, bench_case.data_bytes);
  EntryReader reader(memory);
  WalkEngine engine(tables.context);
  WalkHints hints(engine);
  const auto walk_batch = [&](std::span<const Gva> addresses, BenchFigures& figures) {
    for (const Gva address : addresses) {
      count(figures, walk(engine, Access{address}, reader, NoCache{}));
    }
  };
  const auto walk_batch_ahead = [&](std::span<const Gva> addresses, BenchFigures& figures) {
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      if (i + WalkHints::kLookAhead < addresses.size()) {
        hints.expect(addresses[i + WalkHints::kLookAhead], memory);
      }
      const WalkOutcome outcome = walk(engine, Access{addresses[i]}, reader, NoCache{});
      if (outcome.is_translation) {
        hints.learn(engine);
      }
      count(figures, outcome);
    }
  };
  const BenchStream stream = make_random_stream(tables.first_address, bench_case.data_bytes);
  BenchFigures figures = bench_case.engine == BenchEngine::kAhead
                             ? measure_batches(size, stream, walk_batch_ahead)
                             : measure_batches(size, stream, walk_batch);
  figures.num_walks = figures.num_translations;
  return figures;
}

BenchFigures measure_bare_walks(const BenchCase& bench_case, const BenchSize& size) {
  BenchTables tables;
  const auto bare = [&] {
    SparseMemory memory(64 * kGiB);
    tables = make_bench_tables(memory, bench_case.data_bytes);
    return BareWalk(memory, tables);
  }();
  BenchFigures figures =
      measure_batches(size, make_random_stream(tables.first_address, bench_case.data_bytes),
                      [&](std::span<const Gva> addresses, BenchFigures& f) {
                        for (const Gva address : addresses) {
                          const std::uint64_t hpa = bare.translate(address.value());
                          f.num_faults += hpa == BareWalk::kNotMapped ? 1 : 0;
                          f.checksum += hpa;
                        }
                      });
  figures.num_walks = figures.num_translations;
  return figures;
}

BenchFigures measure_bare_tlb(const BenchCase& bench_case, const BenchSize& size) {
  BareTlb tlb;
  return measure_batches(size, make_random_stream(Gva(0x100000000000), bench_case.data_bytes),
                         [&](std::span<const Gva> addresses, BenchFigures& figures) {
                           for (const Gva address : addresses) {
                             const std::uint64_t hpa = tlb.translate(address.value());
                             figures.num_faults += hpa == address.value() ? 0 : 1;
                             figures.checksum += hpa;
                           }
                         });
}

}  // namespace nestwalk
