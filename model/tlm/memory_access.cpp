#include "model/tlm/memory_access.h"

#include <cstddef>
#include <cstring>

#include "model/tlm/extensions.h"

namespace nestwalk {

namespace {

void compare_and_swap(SparseMemory& memory, tlm::tlm_generic_payload& payload,
                      TableExtension& table) {
  std::uint64_t desired = 0;
  std::memcpy(&desired, payload.get_data_ptr(), payload.get_data_length());
  table.is_stored = memory.compare_and_swap(Hpa(payload.get_address()), payload.get_data_length(),
                                            table.expected, desired);
}

}  // namespace

tlm::tlm_response_status check_transfer(const tlm::tlm_generic_payload& payload) {
  return payload.get_data_length() == 0 ? tlm::TLM_BURST_ERROR_RESPONSE : check_protocol(payload);
}

void perform_access(SparseMemory& memory, tlm::tlm_generic_payload& payload) {
  const Hpa hpa(payload.get_address());
  const unsigned length = payload.get_data_length();
  if (const auto status = check_transfer(payload); status != tlm::TLM_OK_RESPONSE) {
    payload.set_response_status(status);
    return;
  }
  if (!memory.contains(hpa, length)) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  const auto* access = payload.get_extension<AccessExtension>();
  if (access == nullptr || !access->timing_only) {
    auto* data = reinterpret_cast<std::byte*>(payload.get_data_ptr());
    if (payload.is_read()) {
      if (length == 8 && hpa.offset(3) == 0) {
        const std::uint64_t word = memory.read(hpa, 8);
        std::memcpy(data, &word, 8);
      } else {
        memory.read_bytes(hpa, {data, length});
      }
    } else if (payload.is_write()) {
      auto* table = payload.get_extension<TableExtension>();
      if (table != nullptr && table->is_update) {
        compare_and_swap(memory, payload, *table);
      } else {
        memory.write_bytes(hpa, {data, length});
      }
    }
  }
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

}  // namespace nestwalk
