#include "model/sim/walk_service_tlm.h"

#include <algorithm>
#include <span>

#include "model/sim/platform.h"
#include "model/tlm/table_monitor.h"

namespace nestwalk {

namespace {

MachineParams bare_machine() {
  MachineParams p;
  p.maxphyaddr = kMaxPhysicalBits;
  p.memory_bytes = bit(kMaxPhysicalBits);
  const ArrayParams absent{0, 0};
  for (TlbParams* tlb : {&p.mmu.l1_itlb, &p.mmu.l1_dtlb, &p.mmu.l2_tlb}) {
    tlb->page_4k = tlb->page_2m = tlb->page_1g = absent;
    tlb->latency_cycles = 0;
  }
  p.walker.pwc.organisation = PwcOrganisation::kNone;
  p.walker.ntlb.array = absent;
  p.table_path = TablePath::kFlat;
  p.data_path = DataPath::kNone;
  return p;
}

// Nothing runs on the platform's core but the requests.
class IdleClient : public CoreClient {
 public:
  [[nodiscard]] std::span<const CoreAccess> next_batch() override { return {}; }
  [[nodiscard]] bool serve_fault(const CoreAccess& /*access*/, const Fault& /*fault*/) override {
    return false;
  }
};

class TlmWalkService final : public WalkService {
 public:
  TlmWalkService() : platform_(bare_machine(), TableWatch::kOn) {
    platform_.core().set_client(client_);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);  // elaborates, and lets the idle core end
    platform_.table_monitor().set_log(&log_);
  }

  void load(const std::vector<MemoryWord>& memory) override {
    platform_.memory().clear();
    for (const MemoryWord& word : memory) {
      platform_.memory().write(word.hpa, 8, word.value);
    }
  }

  WalkAnswer walk(const WalkContext& context, const Access& access) override {
    WalkAnswer answer;
    WalkContext full = context;
    TableReader reader(platform_.memory());
    if (const auto fault = load_pdpte_registers(full, access, reader)) {
      answer.outcome.fault = *fault;
      return answer;
    }
    log_.clear();
    platform_.flush_translations();
    platform_.mmu().set_context(full);
    const SoftwareAccess result = platform_.core().access(access, {});
    answer.outcome.is_translation = result.ok;
    answer.outcome.translation = result.translation;
    answer.outcome.fault = result.fault;
    for (const TableTransfer& t : log_) {
      (t.is_update ? answer.writes : answer.references)
          .push_back({t.stage, t.position, static_cast<std::uint8_t>(t.num_bytes), t.hpa, t.value,
                      t.is_shadow});
    }
    answer.outcome.num_references = static_cast<std::uint32_t>(answer.references.size());
    undo_updates();
    return answer;
  }

 private:
  class TableReader {
   public:
    explicit TableReader(const SparseMemory& memory) : memory_(memory) {}
    MemoryAnswer read(const Step& step) { return {true, memory_.read(step.hpa, step.bytes)}; }

   private:
    const SparseMemory& memory_;
  };

  // An entry is always read before it is updated: what was read first is what was loaded.
  void undo_updates() {
    for (const TableTransfer& update : log_) {
      if (!update.is_update) {
        continue;
      }
      const auto original = std::find_if(log_.begin(), log_.end(), [&](const TableTransfer& t) {
        return !t.is_update && t.hpa == update.hpa;
      });
      platform_.memory().write(original->hpa, original->num_bytes, original->value);
    }
  }

  Platform platform_;
  IdleClient client_;
  std::vector<TableTransfer> log_;
};

}  // namespace

std::unique_ptr<WalkService> make_tlm_walk_service() {
  return std::make_unique<TlmWalkService>();
}

}  // namespace nestwalk
