#include "model/tlm/dram.h"

#include <limits>

#include "model/tlm/memory_access.h"

namespace nestwalk {

namespace {
constexpr std::uint64_t kNoRow = std::numeric_limits<std::uint64_t>::max();
}

Dram::Dram(sc_core::sc_module_name name, const DramParams& params, const ClockDomain& clock,
           SparseMemory& memory)
    : sc_module(name), params_(params), clock_(clock), memory_(memory) {
  open_rows_.assign(params_.banks, kNoRow);
  target_socket.register_b_transport(this, &Dram::b_transport);
  target_socket.register_transport_dbg(this, &Dram::transport_dbg);
}

std::uint32_t Dram::access_cycles(std::uint64_t address) {
  if (params_.kind == DramKind::kFixed) {
    return params_.latency_cycles;
  }
  // Consecutive rows lie in consecutive banks.
  const std::uint64_t row = address / params_.row_bytes;
  std::uint64_t& open = open_rows_[row % params_.banks];
  if (open == row) {
    ++stats_.row_hits;
    return params_.row_hit_cycles;
  }
  open = row;
  return params_.latency_cycles;
}

void Dram::b_transport(int /*source*/, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  ++(payload.is_write() ? stats_.writes : stats_.reads);
  delay += clock_.cycles(access_cycles(payload.get_address()));
  perform_access(memory_, payload);
}

unsigned Dram::transport_dbg(int /*source*/, tlm::tlm_generic_payload& payload) {
  perform_access(memory_, payload);
  return payload.is_response_ok() ? payload.get_data_length() : 0;
}

void Dram::register_stats(StatGroup& group) const {
  group.counter("reads", &stats_.reads, "count", "Reads that reached memory.");
  group.counter("writes", &stats_.writes, "count", "Writes that reached memory.");
  if (params_.kind == DramKind::kOpenRow) {
    group.counter("row_hits", &stats_.row_hits, "count", "Accesses that found their row open.");
  }
}

}  // namespace nestwalk
