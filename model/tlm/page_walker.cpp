// Blocking transactions of a walker, and what it counted, by name, with the laws between counters.
#include "model/tlm/page_walker.h"

namespace nestwalk {

PageWalker::PageWalker(sc_core::sc_module_name name, const ClockDomain& clock)
    : sc_module(name), clock_(clock) {
  walk_socket.register_b_transport(this, &PageWalker::b_transport);
  walk_socket.register_nb_transport_fw(this, &PageWalker::nb_transport_fw);
  memory_socket.register_nb_transport_bw(this, &PageWalker::nb_transport_bw);
  payload_.set_extension(&extension_);
}

PageWalker::~PageWalker() {
  payload_.clear_extension(&extension_);
}

bool PageWalker::transport(const Step& step, bool is_update) {
  extension_.stage = step.stage;
  extension_.is_shadow = step.is_shadow;
  extension_.position = step.position;
  extension_.is_update = is_update;
  extension_.expected = step.expected;
  extension_.is_stored = false;
  if (!is_update) {
    data_ = 0;
  }
  payload_.set_command(is_update ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  payload_.set_address(step.hpa.value());
  payload_.set_data_ptr(reinterpret_cast<unsigned char*>(&data_));
  payload_.set_data_length(step.bytes);
  payload_.set_streaming_width(step.bytes);
  payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  const sc_core::sc_time before = start_ + clock_.cycles(num_cycles_);
  sc_core::sc_time now = before;
  memory_socket->b_transport(payload_, now);
  num_cycles_ += clock_.to_cycles(now - before);
  return payload_.is_response_ok();
}

PdpteLoad PageWalker::load_pdptes(const WalkContext& context, sc_core::sc_time& delay) {
  start_ = delay;
  num_cycles_ = 0;
  // The load is no walk: its reads are in no walk statistics and pass no walk cache.
  class Plain {
   public:
    explicit Plain(PageWalker& walker) : walker_(walker) {}
    MemoryAnswer read(const Step& step) {
      const bool ok = walker_.transport(step, false);
      return {ok, walker_.data_};
    }
    UpdateAnswer update(const Step& step) {
      walker_.data_ = step.desired;
      if (!walker_.transport(step, true)) {
        return UpdateAnswer::kError;
      }
      return walker_.extension_.is_stored ? UpdateAnswer::kStored : UpdateAnswer::kLost;
    }

   private:
    PageWalker& walker_;
  };
  const PdpteLoad load = nestwalk::load_pdptes(context, Plain(*this));
  delay += clock_.cycles(num_cycles_);
  return load;
}

void PageWalker::count_walk(const WalkEnd& end, bool is_translation) {
  ++stats_.walks;
  ++(is_translation ? stats_.translations : stats_.faults);
  stats_.restarts += end.num_restarts;
  stats_.references += end.num_references;
  stats_.references_per_walk.add(end.num_references);
  stats_.cycles += end.cycles;
  stats_.cycles_per_walk.add(end.cycles);
}

namespace {

void register_pwc_stage(StatGroup& group, const PwcStats& s) {
  group.counter("lookups", &s.total.lookups, "count", "Searches.");
  group.counter("hits", &s.total.hits, "count", "Searches that found an entry at some level.");
  group.counter("misses", &s.total.misses, "count", "Searches that found none.");
  for (unsigned level = 2; level <= kMaxLevels; ++level) {
    group.counter("hits_level_" + std::to_string(level), &s.level[level].hits, "count",
                  "Searches whose deepest hit was an entry of this level.");
  }
  group.counter("fills", &s.fills, "count", "Entries made.");
  group.counter("evictions", &s.evictions, "count", "Entries that gave way to another.");
  group.counter("invalidated", &s.invalidated, "count", "Entries dropped by an invalidation.");
  group.counter("collateral", &s.collateral, "count",
                "Of those, entries that the manual did not require to be dropped.");
}

}  // namespace

void PageWalker::register_stats(StatGroup& group) const {
  group.counter("walks", &stats_.walks, "count", "Walks.");
  group.counter("translations", &stats_.translations, "count",
                "Walks that ended in a translation.");
  group.counter("faults", &stats_.faults, "count", "Walks that ended in a fault.");
  group.counter("restarts", &stats_.restarts, "count",
                "Walks begun again: an A/D update was lost.");
  group.counter("kills", &stats_.kills, "count",
                "Walks begun again: an invalidation came while they were under way.");
  group.counter("queue_cycles", &stats_.queue_cycles, "cycles",
                "Waiting of all walks for a slot; not part of `cycles`.");
  group.counter("references", &stats_.references, "count", "Table entries read from memory.");
  group.counter("word_hits", &stats_.word_hits, "count",
                "Table entries served by a physically tagged walk cache.");
  group.counter("updates", &stats_.updates, "count", "Accessed and dirty updates made.");
  group.counter("cycles", &stats_.cycles, "cycles", "Time of all walks.");
  group.derived(
      "references_per_walk_mean", [this] { return ratio(stats_.references, stats_.walks); },
      "references/walk", "Table entries read from memory for each walk.");
  group.derived(
      "cycles_per_walk_mean", [this] { return ratio(stats_.cycles, stats_.walks); }, "cycles/walk",
      "Time of one walk.");
  group.histogram("references_per_walk", &stats_.references_per_walk, "references",
                  "Table entries read from memory by one walk.");
  group.histogram("cycles_per_walk", &stats_.cycles_per_walk, "cycles", "Time of one walk.");
  group.positions("positions", &stats_.positions, "count",
                  "References by position: guest level g, host level h.");
  register_pwc_stage(group.group("pwc.guest"), walk_cache().stats(Stage::kGuest));
  register_pwc_stage(group.group("pwc.host"), walk_cache().stats(Stage::kHost));
  const NtlbStats& n = nested_tlb().stats();
  StatGroup& ntlb = group.group("ntlb");
  ntlb.counter("lookups", &n.lookups, "count", "Lookups.");
  ntlb.counter("hits", &n.hits, "count", "Pages found.");
  ntlb.counter("misses", &n.misses, "count", "Pages not found.");
  ntlb.counter("fills", &n.fills, "count", "Entries made.");
  ntlb.counter("evictions", &n.evictions, "count", "Entries that gave way to another.");
  ntlb.counter("invalidated", &n.invalidated, "count", "Entries dropped by an invalidation.");
  ntlb.counter("collateral", &n.collateral, "count",
               "Of those, entries that the manual did not require to be dropped.");
}

void PageWalker::expect_laws(CounterLaws& laws) const {
  const std::string name = this->name();
  laws.expect_equal(
      name + ": walks = translations + faults", [this] { return stats_.walks; },
      [this] { return stats_.translations + stats_.faults; });
  laws.expect_equal(
      name + ": references = sum over positions", [this] { return stats_.references; },
      [this] {
        std::uint64_t sum = 0;
        for (const auto& row : stats_.positions) {
          for (const std::uint64_t count : row) {
            sum += count;
          }
        }
        return sum;
      });
  laws.expect_equal(
      name + ": references = sum of references_per_walk", [this] { return stats_.references; },
      [this] { return stats_.references_per_walk.sum(); });
  for (const Stage stage : {Stage::kGuest, Stage::kHost}) {
    const PwcStats& s = walk_cache().stats(stage);
    laws.expect_equal(
        name + ": walk-cache lookups = hits + misses", [&s] { return s.total.lookups; },
        [&s] { return s.total.hits + s.total.misses; });
  }
  const NtlbStats& n = nested_tlb().stats();
  laws.expect_equal(
      name + ".ntlb: lookups = hits + misses", [&n] { return n.lookups; },
      [&n] { return n.hits + n.misses; });
}

}  // namespace nestwalk
