// What an Mmu counted, by name, and the laws between its counters.
#include <string>

#include "model/tlm/mmu.h"

namespace nestwalk {

void Mmu::register_stats(StatGroup& group) const {
  group.counter("translations", &stats_.translations, "count",
                "Translations asked for; two for an access across pages.");
  group.counter("page_crossings", &stats_.page_crossings, "count",
                "Accesses that lie in two pages.");
  group.counter("walks", &stats_.walks, "count", "Translations that needed a walk of their own.");
  group.counter("merged", &stats_.merged, "count",
                "Misses that the walk of an earlier miss on the page served (timing at).");
  group.counter("stalls", &stats_.stalls, "count",
                "Misses that found no miss register free (timing at).");
  group.counter("pushed_back", &target_port_.num_refused(), "count",
                "Accesses that found the Mmu's queue full (timing at).");
  group.counter("faults", &stats_.faults, "count", "Walks that ended in a fault.");
  group.counter("tlb_cycles", &stats_.tlb_cycles, "cycles", "Spent looking up TLBs.");
  group.counter("walk_cycles", &stats_.walk_cycles, "cycles", "Spent waiting for walks.");
  group.counter("data_cycles", &stats_.data_cycles, "cycles",
                "Spent waiting for data and instruction bytes.");
  tlbs_.for_each_counter([&group](std::string_view tlb, std::string_view name,
                                  const std::uint64_t* value, std::string_view unit,
                                  std::string_view text) {
    (tlb.empty() ? group : group.group(tlb)).counter(name, value, unit, text);
  });
}

void Mmu::expect_laws(CounterLaws& laws) const {
  const std::string name = this->name();
  tlbs_.for_each_tlb([&](std::string_view level, const Tlb& tlb) {
    const TlbStats& s = tlb.stats();
    const std::string of_tlb = name + "." + std::string(level);
    laws.expect_equal(
        of_tlb + ": lookups = hits + misses", [&s] { return s.lookups; },
        [&s] { return s.hits + s.misses; });
    laws.expect_equal(
        of_tlb + ": fills = entries gone + present", [&s] { return s.fills; },
        [&s, &tlb] { return s.entries_gone() + tlb.size(); });
  });
  laws.expect_equal(
      name + ": translations = first-level lookups", [this] { return stats_.translations; },
      [this] { return tlbs_.first_level().lookups; });
  laws.expect_equal(
      name + ": second-level lookups = first-level misses",
      [this] { return tlbs_.second_level().lookups; },
      [this] { return tlbs_.first_level().misses; });
  laws.expect_equal(
      name + ": walks + merged = second-level misses",
      [this] { return stats_.walks + stats_.merged; },
      [this] { return tlbs_.second_level().misses; });
}

}  // namespace nestwalk
