// Non-blocking accesses to a cache: lookups, misses under way, and those that join them.
#include <algorithm>
#include <utility>

#include "model/tlm/cache.h"
#include "model/tlm/extensions.h"
#include "model/tlm/memory_access.h"
#include "model/tlm/transaction.h"

namespace nestwalk {

tlm::tlm_sync_enum Cache::nb_transport_fw(int source, tlm::tlm_generic_payload& payload,
                                          tlm::tlm_phase& phase, sc_core::sc_time& delay) {
  if (phase == tlm::END_RESP) {
    target_port_.end_response(source);
    return tlm::TLM_COMPLETED;
  }
  if (const auto status = check_transfer(payload); status != tlm::TLM_OK_RESPONSE) {
    payload.set_response_status(status);
    return tlm::TLM_COMPLETED;
  }
  if (!target_port_.accept({source, &payload})) {
    return tlm::TLM_ACCEPTED;
  }
  admit({source, &payload}, clock_.to_cycles_up(delay));
  phase = tlm::END_REQ;
  return tlm::TLM_UPDATED;
}

void Cache::admit(const TargetPort<SendBack>::Arrival& arrival, std::uint64_t delay_cycles) {
  Pending& access = pool_.take();
  access.payload = arrival.payload;
  access.source = arrival.source;
  access.lines = lines_of(*arrival.payload);
  const std::uint64_t at = queue_.now() + delay_cycles;
  queue_.post(delay_cycles + lookup_port_.grant(at), EventRank::kRequest, *this, kLookUp, &access);
}

tlm::tlm_sync_enum Cache::nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                          sc_core::sc_time& /*delay*/) {
  return memory_port_.backward(payload, phase);
}

void Cache::on_event(unsigned kind, void* item) {
  if (kind == kRetry) {
    is_retry_posted_ = false;
    retry_stalled();
    return;
  }
  Pending& access = *static_cast<Pending*>(item);
  if (kind == kLookUp) {
    look_up(access);
    return;
  }
  perform_access(memory_, *access.payload);
  respond(access);
}

void Cache::look_up(Pending& access) {
  const bool is_write = access.payload->is_write();
  const auto under_way = [&](std::uint64_t line) {
    return std::any_of(misses_.begin(), misses_.end(), [&](const Pending* miss) {
      return miss->lines.overlaps({line, line});
    });
  };
  std::uint64_t num_hits = 0;
  std::uint64_t num_merged = 0;
  const std::uint64_t num_lines = access.lines.last - access.lines.first + 1;
  for (std::uint64_t line = access.lines.first; line <= access.lines.last; ++line) {
    if (has(line)) {
      ++num_hits;
    } else {
      num_merged += under_way(line) ? 1 : 0;
    }
  }
  const bool is_miss = num_hits + num_merged < num_lines;
  // A register that has become free is for those that wait already.
  if (is_miss && (misses_.size() == num_registers_ || is_retry_posted_)) {
    ++stats_.stalls;
    stalled_.push_back(&access);
    return;
  }
  stats_.lookups += num_lines;
  stats_.hits += num_hits;
  stats_.merged += num_merged;
  stats_.misses += num_lines - num_hits - num_merged;
  count_table_access(*access.payload, num_hits == num_lines);
  for (std::uint64_t line = access.lines.first; line <= access.lines.last; ++line) {
    if (has(line)) {
      bring_in(line, is_write);
    }
  }
  if (is_miss) {
    fetch(access);
    return;
  }
  if (num_merged == 0) {
    queue_.post(latency_cycles_, EventRank::kResponse, *this, kRespond, &access);
    return;
  }
  for (Pending* miss : misses_) {
    if (miss->lines.overlaps(access.lines)) {
      miss->joined.push_back(&access);
      ++access.num_awaited;
    }
  }
}

void Cache::fetch(Pending& access) {
  misses_.push_back(&access);
  route_of(*access.payload).push({access.source, &access});
  memory_port_.send(*access.payload);
}

void Cache::fetched(Pending& miss) {
  misses_.erase(std::find(misses_.begin(), misses_.end(), &miss));
  for (std::uint64_t line = miss.lines.first; line <= miss.lines.last; ++line) {
    bring_in(line, miss.payload->is_write());
  }
  const std::vector<Pending*> joined = std::exchange(miss.joined, {});
  respond(miss);
  for (Pending* access : joined) {
    if (--access->num_awaited != 0) {
      continue;
    }
    for (std::uint64_t line = access->lines.first; line <= access->lines.last; ++line) {
      bring_in(line, access->payload->is_write());
    }
    perform_access(memory_, *access->payload);
    respond(*access);
  }
  if (!stalled_.empty() && !is_retry_posted_) {
    is_retry_posted_ = true;
    queue_.post(0, EventRank::kRequest, *this, kRetry);
  }
}

// In order, as far as the registers go; one whose line is there or under way by now takes none.
void Cache::retry_stalled() {
  while (!stalled_.empty() && misses_.size() < num_registers_) {
    Pending& access = *stalled_.front();
    stalled_.pop_front();
    look_up(access);
  }
}

void Cache::respond(Pending& access) {
  tlm::tlm_generic_payload& payload = *access.payload;
  const int source = access.source;
  pool_.give(access);
  target_port_.leave([this](const auto& arrival) { admit(arrival, 0); });
  target_port_.respond(source, payload);
}

}  // namespace nestwalk
