#include "model/tlm/cache.h"

#include "model/tlm/extensions.h"
#include "model/tlm/memory_access.h"
#include "model/tlm/transaction.h"

namespace nestwalk {

namespace {

ArrayParams line_array(const CacheParams& params) {
  return {static_cast<std::uint32_t>(params.size_bytes / kLineBytes), params.ways,
          params.replacement};
}

constexpr std::uint64_t kReplacementSeed = 1;

}  // namespace

Cache::Cache(sc_core::sc_module_name name, const CacheParams& params, EventQueue& queue,
             const ClockDomain& clock, SparseMemory& memory)
    : sc_module(name),
      queue_(queue),
      clock_(clock),
      memory_(memory),
      latency_cycles_(params.latency_cycles),
      latency_(clock.cycles(params.latency_cycles)),
      lines_(line_array(params), kReplacementSeed),
      target_port_(params.queue_entries, SendBack{this}),
      memory_port_(memory_socket,
                   [this](tlm::tlm_generic_payload& payload) {
                     fetched(*static_cast<Pending*>(route_of(payload).pop().state));
                   }),
      lookup_port_(params.ports),
      num_registers_(params.miss_registers) {
  target_socket.register_nb_transport_fw(this, &Cache::nb_transport_fw);
  memory_socket.register_nb_transport_bw(this, &Cache::nb_transport_bw);
  target_socket.register_b_transport(this, &Cache::b_transport);
  target_socket.register_transport_dbg(this, &Cache::transport_dbg);
}

bool Cache::touch(std::uint64_t line, bool is_write) {
  ++stats_.lookups;
  const std::uint32_t slot = lines_.find(line, line, [](const Line&) { return true; });
  if (slot != SetAssocArray<Line>::kNone) {
    ++stats_.hits;
    lines_.use(slot);
    lines_[slot].is_dirty |= is_write;
    return true;
  }
  ++stats_.misses;
  bring_in(line, is_write);
  return false;
}

bool Cache::has(std::uint64_t line) const {
  return lines_.find(line, line, [](const Line&) { return true; }) != SetAssocArray<Line>::kNone;
}

void Cache::bring_in(std::uint64_t line, bool is_write) {
  const std::uint32_t slot = lines_.find(line, line, [](const Line&) { return true; });
  if (slot != SetAssocArray<Line>::kNone) {
    lines_.use(slot);
    lines_[slot].is_dirty |= is_write;
    return;
  }
  const std::optional<Line> victim = lines_.insert(line, line, Line{is_write});
  if (victim && victim->is_dirty) {
    ++stats_.dirty_evictions;
  }
}

Cache::Lines Cache::lines_of(const tlm::tlm_generic_payload& payload) {
  return {payload.get_address() / kLineBytes,
          (payload.get_address() + payload.get_data_length() - 1) / kLineBytes};
}

void Cache::count_table_access(const tlm::tlm_generic_payload& payload, bool is_hit) {
  if (payload.get_extension<TableExtension>() != nullptr) {
    ++stats_.table_lookups;
    stats_.table_misses += is_hit ? 0 : 1;
  }
}

void Cache::b_transport(int /*source*/, tlm::tlm_generic_payload& payload,
                        sc_core::sc_time& delay) {
  if (const auto status = check_transfer(payload); status != tlm::TLM_OK_RESPONSE) {
    payload.set_response_status(status);
    return;
  }
  const Lines lines = lines_of(payload);
  bool is_hit = true;
  for (std::uint64_t line = lines.first; line <= lines.last; ++line) {
    is_hit &= touch(line, payload.is_write());
  }
  count_table_access(payload, is_hit);
  if (is_hit) {
    // Latencies are load-to-use from the core: a level that misses adds nothing of its own.
    delay += latency_;
    perform_access(memory_, payload);
    return;
  }
  memory_socket->b_transport(payload, delay);
}

unsigned Cache::transport_dbg(int /*source*/, tlm::tlm_generic_payload& payload) {
  return memory_socket->transport_dbg(payload);
}

void Cache::register_stats(StatGroup& group) const {
  group.counter("lookups", &stats_.lookups, "count", "Lines looked up.");
  group.counter("hits", &stats_.hits, "count", "Lines found.");
  group.counter("misses", &stats_.misses, "count", "Lines fetched from below.");
  group.counter("merged", &stats_.merged, "count",
                "Lines that another access was fetching already (timing at).");
  group.counter("stalls", &stats_.stalls, "count",
                "Accesses that found no miss register free (timing at).");
  group.counter("pushed_back", &target_port_.num_refused(), "count",
                "Accesses that found the cache's queue full (timing at).");
  group.counter("table_lookups", &stats_.table_lookups, "count",
                "Accesses made for page-table walks or by software to physical memory.");
  group.counter("table_misses", &stats_.table_misses, "count", "Of those, accesses that missed.");
  group.counter("dirty_evictions", &stats_.dirty_evictions, "count",
                "Lines that left with changed content.");
}

}  // namespace nestwalk
