#include "tests/support/mmu_bench.h"

#include <cstring>
#include <optional>

#include "model/tlm/extensions.h"

namespace nestwalk {

namespace {

void remove(TlbParams& tlb) {
  for (ArrayParams* array : {&tlb.page_4k, &tlb.page_2m, &tlb.page_1g}) {
    array->entries = 0;
  }
  tlb.latency_cycles = 0;
}

}  // namespace

MachineParams bare_machine() {
  MachineParams p;
  p.maxphyaddr = kMaxPhysicalBits;
  p.memory_bytes = std::uint64_t{1} << 40;
  remove(p.mmu.l1_itlb);
  remove(p.mmu.l1_dtlb);
  remove(p.mmu.l2_tlb);
  p.walker.pwc.organisation = PwcOrganisation::kNone;
  p.walker.ntlb.array = ArrayParams{};
  p.table_path = TablePath::kFlat;
  p.data_path = DataPath::kNone;
  return p;
}

MachineParams small_machine() {
  MachineParams p = bare_machine();
  const ArrayParams few{4, 2};
  p.mmu.l1_itlb.page_4k = p.mmu.l1_dtlb.page_4k = few;
  p.mmu.l1_dtlb.page_2m = ArrayParams{2, 0};
  p.mmu.l2_tlb.page_4k = ArrayParams{12, 3};
  p.mmu.l2_tlb.unified_2m = true;
  p.mmu.l2_tlb.page_1g = ArrayParams{2, 2};
  PwcParams& pwc = p.walker.pwc;
  pwc.organisation = PwcOrganisation::kPerLevel;
  pwc.level_2 = pwc.level_3 = pwc.level_4 = pwc.level_5 = few;
  pwc.unified = ArrayParams{12, 0};
  p.walker.ntlb.array = ArrayParams{8, 2};
  return p;
}

WordTarget::WordTarget(sc_core::sc_module_name name, WordMemory& words)
    : sc_module(name), words_(words) {
  target_socket.register_b_transport(this, &WordTarget::b_transport);
  target_socket.register_nb_transport_fw(this, &WordTarget::nb_transport_fw);
  target_socket.register_transport_dbg(this, &WordTarget::transport_dbg);
}

tlm::tlm_sync_enum WordTarget::nb_transport_fw(int source, tlm::tlm_generic_payload& payload,
                                               tlm::tlm_phase& /*phase*/, sc_core::sc_time& delay) {
  b_transport(source, payload, delay);
  return tlm::TLM_COMPLETED;
}

void WordTarget::b_transport(int /*source*/, tlm::tlm_generic_payload& payload,
                             sc_core::sc_time& /*delay*/) {
  const Hpa hpa(payload.get_address());
  const unsigned length = payload.get_data_length();
  auto* table = payload.get_extension<TableExtension>();
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
  if (table != nullptr && table->is_update) {
    if (!words_.is_writable(hpa)) {
      payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
      return;
    }
    std::uint64_t desired = 0;
    std::memcpy(&desired, payload.get_data_ptr(), length);
    table->is_stored = words_.compare_and_swap(hpa, length, table->expected, desired);
    return;
  }
  const std::optional<std::uint64_t> word = words_.read(hpa, length);
  if (!word) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  std::memcpy(payload.get_data_ptr(), &*word, length);
}

unsigned WordTarget::transport_dbg(int /*source*/, tlm::tlm_generic_payload& payload) {
  const unsigned length = payload.get_data_length();
  const std::optional<std::uint64_t> word = words_.read(Hpa(payload.get_address()), length);
  if (!word) {
    return 0;
  }
  std::memcpy(payload.get_data_ptr(), &*word, length);
  return length;
}

MmuBench::MmuBench(const MachineParams& params)
    : clock_(params.clock_mhz),
      queue_("event_queue", clock_),
      cpu_("cpu"),
      mmu_("mmu", params, queue_, clock_),
      walker_("walker", params.walker, queue_, clock_),
      monitor_("monitor"),
      target_("target", memory) {
  cpu_.cpu_socket.bind(mmu_.cpu_socket);
  mmu_.walk_socket.bind(walker_.walk_socket);
  mmu_.data_socket.bind(target_.target_socket);
  mmu_.fetch_socket.bind(target_.target_socket);
  walker_.memory_socket.bind(monitor_.target_socket);
  monitor_.memory_socket.bind(target_.target_socket);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
}

void MmuBench::load(const WalkContext& context, const WordMemory& words) {
  memory = words;
  flush();
  mmu_.set_context(context);
}

BenchAnswer MmuBench::access(const Access& access) {
  BenchAnswer answer;
  std::vector<TableTransfer> log;
  monitor_.set_log(&log);
  std::uint64_t data = 0;
  AccessExtension extension;
  extension.type = access.type;
  extension.privilege = access.privilege;
  extension.implicit = access.implicit;
  extension.timing_only = true;
  tlm::tlm_generic_payload payload;
  payload.set_command(access.is_write() ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  payload.set_address(access.address.value());
  payload.set_data_ptr(reinterpret_cast<unsigned char*>(&data));
  payload.set_data_length(1);
  payload.set_streaming_width(1);
  payload.set_extension(&extension);
  sc_core::sc_time delay;
  cpu_.cpu_socket->b_transport(payload, delay);
  payload.clear_extension(&extension);
  monitor_.set_log(nullptr);
  answer.is_translation = payload.is_response_ok();
  answer.translation = extension.translation;
  answer.fault = extension.fault;
  answer.cycles = clock_.to_cycles(delay);
  for (const TableTransfer& transfer : log) {
    (transfer.is_update ? answer.updates : answer.references).push_back(transfer);
  }
  return answer;
}

std::uint64_t MmuBench::invalidate(const Invalidation& invalidation) {
  return mmu_.invalidate(invalidation) + walker_.invalidate(invalidation);
}

void MmuBench::flush() {
  mmu_.flush();
  walker_.flush();
}

}  // namespace nestwalk
