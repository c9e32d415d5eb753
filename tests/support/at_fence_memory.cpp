// The memory of the fence bench: late, out of order, and taking place at any moment in between.
#include <cstring>
#include <optional>

#include "model/arch/check.h"
#include "model/tlm/extensions.h"
#include "tests/support/at_fence_bench.h"

namespace nestwalk {

FenceMemory::FenceMemory(sc_core::sc_module_name name, EventQueue& queue, WordMemory& words,
                         Observer& observer)
    : sc_module(name), queue_(queue), words_(words), observer_(observer) {
  target_socket.register_nb_transport_fw(this, &FenceMemory::nb_transport_fw);
}

tlm::tlm_sync_enum FenceMemory::nb_transport_fw(int source, tlm::tlm_generic_payload& payload,
                                                tlm::tlm_phase& phase,
                                                sc_core::sc_time& /*delay*/) {
  fatal_unless(phase == tlm::BEGIN_REQ, "initiators complete responses at once");
  route_of(payload).push({source, nullptr});
  if (const auto* table = payload.get_extension<TableExtension>()) {
    observer_.on_table(Hpa(payload.get_address()), *table, false);
  }
  ++num_inside_;
  // It takes place on arrival, on leaving, or in between.
  const std::uint64_t random = random_.draw();
  const std::uint64_t total = 1 + random % kMostCycles;
  const std::uint64_t before = (random >> 32) % (total + 1);
  if (before == 0) {
    serve(payload);
  } else {
    queue_.post(before, EventRank::kResponse, *this, kServe, &payload);
  }
  queue_.post(total, EventRank::kResponse, *this, kRespond, &payload);
  phase = tlm::END_REQ;
  return tlm::TLM_UPDATED;
}

void FenceMemory::on_event(unsigned kind, void* item) {
  auto& payload = *static_cast<tlm::tlm_generic_payload*>(item);
  if (kind == kServe) {
    serve(payload);
    return;
  }
  --num_inside_;
  const int source = route_of(payload).pop().source;
  tlm::tlm_phase phase = tlm::BEGIN_RESP;
  sc_core::sc_time delay;
  fatal_unless(target_socket[source]->nb_transport_bw(payload, phase, delay) == tlm::TLM_COMPLETED,
               "initiators complete responses at once");
}

void FenceMemory::serve(tlm::tlm_generic_payload& payload) {
  const Hpa hpa(payload.get_address());
  auto* table = payload.get_extension<TableExtension>();
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
  if (table == nullptr) {
    observer_.on_data(hpa, payload);
    return;
  }
  observer_.on_table(hpa, *table, true);
  const unsigned length = payload.get_data_length();
  if (table->is_update) {
    std::uint64_t desired = 0;
    std::memcpy(&desired, payload.get_data_ptr(), length);
    table->is_stored =
        words_.is_writable(hpa) && words_.compare_and_swap(hpa, length, table->expected, desired);
    if (table->is_stored) {
      observer_.on_stored(hpa, length, *table, desired);
    }
    if (!words_.is_writable(hpa)) {
      payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    }
    return;
  }
  const std::optional<std::uint64_t> word = words_.read(hpa, length);
  if (!word) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  std::memcpy(payload.get_data_ptr(), &*word, length);
}

}  // namespace nestwalk
