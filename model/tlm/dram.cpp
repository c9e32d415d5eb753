#include "model/tlm/dram.h"

#include <algorithm>
#include <limits>

#include "model/tlm/memory_access.h"
#include "model/tlm/transaction.h"

namespace nestwalk {

namespace {
constexpr std::uint64_t kNoRow = std::numeric_limits<std::uint64_t>::max();
}

Dram::Dram(sc_core::sc_module_name name, const DramParams& params, EventQueue& queue,
           const ClockDomain& clock, SparseMemory& memory)
    : sc_module(name),
      params_(params),
      queue_(queue),
      clock_(clock),
      memory_(memory),
      target_port_(params.queue_entries, SendBack{this}) {
  open_rows_.assign(params_.banks, kNoRow);
  free_from_.assign(params_.kind == DramKind::kFixed ? 1 : params_.banks, 0);
  target_socket.register_nb_transport_fw(this, &Dram::nb_transport_fw);
  target_socket.register_b_transport(this, &Dram::b_transport);
  target_socket.register_transport_dbg(this, &Dram::transport_dbg);
}

std::uint32_t Dram::open_row_cycles(std::uint64_t address) {
  // Consecutive rows lie in consecutive banks.
  const std::uint64_t row = address / params_.row_bytes;
  std::uint64_t& open = open_rows_[bank_of(address)];
  if (open == row) {
    ++stats_.row_hits;
    return params_.row_hit_cycles;
  }
  open = row;
  return params_.latency_cycles;
}

std::size_t Dram::bank_of(std::uint64_t address) const {
  return params_.kind == DramKind::kFixed ? 0 : address / params_.row_bytes % params_.banks;
}

void Dram::b_transport(int /*source*/, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  ++(payload.is_write() ? stats_.writes : stats_.reads);
  delay += clock_.cycles(access_cycles(payload.get_address()));
  perform_access(memory_, payload);
}

tlm::tlm_sync_enum Dram::nb_transport_fw(int source, tlm::tlm_generic_payload& payload,
                                         tlm::tlm_phase& phase, sc_core::sc_time& delay) {
  if (phase == tlm::END_RESP) {
    target_port_.end_response(source);
    return tlm::TLM_COMPLETED;
  }
  route_of(payload).push({source, nullptr});
  if (!target_port_.accept({source, &payload})) {
    return tlm::TLM_ACCEPTED;
  }
  queue_.post(clock_.to_cycles_up(delay), EventRank::kRequest, *this, kArrived, &payload);
  phase = tlm::END_REQ;
  return tlm::TLM_UPDATED;
}

void Dram::on_event(unsigned kind, void* item) {
  auto& payload = *static_cast<tlm::tlm_generic_payload*>(item);
  if (kind == kArrived) {
    begin(payload);
  } else {
    end(payload);
  }
}

void Dram::begin(tlm::tlm_generic_payload& payload) {
  ++(payload.is_write() ? stats_.writes : stats_.reads);
  const std::uint64_t now = queue_.now();
  std::uint64_t& free_from = free_from_[bank_of(payload.get_address())];
  const std::uint64_t start = std::max(now, free_from);
  free_from = start + params_.busy_cycles;
  stats_.wait_cycles += start - now;
  queue_.post(start - now + access_cycles(payload.get_address()), EventRank::kResponse, *this,
              kDone, &payload);
}

void Dram::end(tlm::tlm_generic_payload& payload) {
  perform_access(memory_, payload);
  const int source = route_of(payload).pop().source;
  target_port_.leave([this](const auto& arrival) {
    queue_.post(0, EventRank::kRequest, *this, kArrived, arrival.payload);
  });
  target_port_.respond(source, payload);
}

unsigned Dram::transport_dbg(int /*source*/, tlm::tlm_generic_payload& payload) {
  perform_access(memory_, payload);
  return payload.is_response_ok() ? payload.get_data_length() : 0;
}

void Dram::register_stats(StatGroup& group) const {
  group.counter("reads", &stats_.reads, "count", "Reads that reached memory.");
  group.counter("writes", &stats_.writes, "count", "Writes that reached memory.");
  group.counter("wait_cycles", &stats_.wait_cycles, "cycles",
                "Waiting of all accesses for a bank that another one kept (timing at).");
  group.counter("pushed_back", &target_port_.num_refused(), "count",
                "Accesses that found the memory's queue full (timing at).");
  if (params_.kind == DramKind::kOpenRow) {
    group.counter("row_hits", &stats_.row_hits, "count", "Accesses that found their row open.");
  }
}

}  // namespace nestwalk
