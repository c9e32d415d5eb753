// The implementation of PinWalker in the library of a parameter set.
#include "tb/pin_walker.h"

#include <verilated.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "Vwalker_pins.h"
#include "tb/pin_stimulus.h"
#include "tb/walker_library.h"

#if VM_COVERAGE
#include "Vwalker_pins__Syms.h"
#include "verilated_cov.h"
#endif

namespace {

// Of the walker that is being evaluated.
thread_local std::vector<std::string>* failed_assertions = nullptr;

}  // namespace

// What Verilator calls when an assertion fails (compiled with VL_USER_STOP); its message has been
// printed before.
// NOLINTNEXTLINE(readability-identifier-naming): the name is Verilator's
void vl_stop(const char* file, int line, const char* scope) {
  failed_assertions->push_back(std::string(file) + ":" + std::to_string(line) + " in " + scope);
}

namespace nestwalk {
namespace {

class VerilatedWalker final : public PinWalker {
 public:
  VerilatedWalker();
  ~VerilatedWalker() override;
  VerilatedWalker(const VerilatedWalker&) = delete;
  VerilatedWalker& operator=(const VerilatedWalker&) = delete;

  [[nodiscard]] unsigned slots() const override { return verilated_->slots_o; }
  [[nodiscard]] unsigned max_restarts() const override { return verilated_->max_restarts_o; }
  [[nodiscard]] WalkerStructures structures() const override {
    return {verilated_->slots_o,
            verilated_->ntlb_entries_o,
            verilated_->guest_pwc_entries_o,
            verilated_->host_pwc_entries_o,
            verilated_->pwc_per_level_o != 0,
            verilated_->pwc_guest_address_o != 0};
  }
  void reset() override;
  void power_up(std::uint64_t seed) override;
#ifdef NESTWALK_BUGS
  bool switch_bug(unsigned number) override;
#endif
#if VM_COVERAGE
  [[nodiscard]] bool write_coverage(const std::string& path) override;
#endif

  void offer(const WalkerRequest* request) override;
  void offer(const Invalidation* invalidation) override;
  void set_ready(const Ready& ready) override;
  void answer_read(std::uint8_t slot, const Answer& answer) override;
  void answer_update(std::uint8_t slot, AnswerKind answer) override;
  void answer_nothing() override;

  const Cycle& settle() override;
  void tick() override;
  std::uint64_t replay(const PinStimulus& stimulus) override;

  [[nodiscard]] const std::vector<std::string>& failures() const override {
    return failures_;
  }
  void forget_failures() override {
    failures_.clear();
  }

 private:
  void evaluate() {
    failed_assertions = &failures_;
    // An assertion that fails counts in the thread's context, which may be that of another walker.
    Verilated::threadContextp(&context_);
    verilated_->eval();
  }
  void sample();
  void sample_cache();
  void sample_response();

  void switch_off();

  VerilatedContext context_;
  std::unique_ptr<Vwalker_pins> verilated_;
  Cycle cycle_;
  std::vector<std::string> failures_;
#ifdef NESTWALK_BUGS
  unsigned bug_ = 0;
#endif
#if VM_COVERAGE
  // Of the walkers that were switched off: each new one begins with counters of its own.
  std::vector<std::uint32_t> counts_;
  void keep_counts();
  void take_counts_back();
#endif
};

VerilatedWalker::VerilatedWalker() {
  context_.threads(1);  // a model of this size gains nothing by more
  context_.randReset(2);
  VerilatedWalker::power_up(1);
}

VerilatedWalker::~VerilatedWalker() {
  switch_off();
}

void VerilatedWalker::switch_off() {
  if (verilated_ != nullptr) {
    // Verilator takes the thread's context for that of the model that is destroyed; by now it may
    // be that of another walker, or gone.
    Verilated::threadContextp(&context_);
#if VM_COVERAGE
    keep_counts();
#endif
    verilated_->final();
    verilated_.reset();
  }
}

void VerilatedWalker::power_up(std::uint64_t seed) {
  switch_off();
  context_.randSeed(static_cast<int>(seed & 0x7fffffff) |
                    1);  // 0 would be a seed of its own choice
  verilated_ = std::make_unique<Vwalker_pins>(&context_, "walker");
#ifdef NESTWALK_BUGS
  VerilatedWalker::switch_bug(bug_);
#endif
  VerilatedWalker::reset();
#if VM_COVERAGE
  take_counts_back();
#endif
}

#if VM_COVERAGE
void VerilatedWalker::keep_counts() {
  const auto& counts = verilated_->rootp->vlSymsp->__Vcoverage;
  counts_.assign(std::begin(counts), std::end(counts));
  context_.coveragep()->clear();  // it refers to counters that are about to go
}

void VerilatedWalker::take_counts_back() {
  // What was counted up to here is dropped: Verilator compares the bits of the first cycle with
  // random ones, so that each would have changed sooner or later.
  auto& counts = verilated_->rootp->vlSymsp->__Vcoverage;
  std::fill(std::begin(counts), std::end(counts), 0);
  std::copy(counts_.begin(), counts_.end(), std::begin(counts));
  // Counters that Verilator has moved out of their blocks, those of always_comb, are counted when
  // evaluation begins and never again: it begins once more, in the state after a reset.
  verilated_->rootp->vlSymsp->__Vm_didInit = false;
}

bool VerilatedWalker::write_coverage(const std::string& path) {
  context_.coveragep()->write(path.c_str());
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  return !error && size != 0;
}
#endif

#ifdef NESTWALK_BUGS
bool VerilatedWalker::switch_bug(unsigned number) {
  bug_ = number;
  verilated_->bug_i = static_cast<std::uint8_t>(number);
  return true;
}
#endif

void VerilatedWalker::reset() {
  Vwalker_pins& top = *verilated_;
  offer(static_cast<const WalkerRequest*>(nullptr));
  offer(static_cast<const Invalidation*>(nullptr));
  set_ready({false, false, false, false});
  answer_nothing();
  top.rst_ni = 1;
  top.clk_i = 0;
  evaluate();
  top.rst_ni = 0;
  evaluate();
  tick();
  top.rst_ni = 1;
  evaluate();
}

void VerilatedWalker::offer(const WalkerRequest* request) {
  Vwalker_pins& top = *verilated_;
  top.request_valid_i = request != nullptr ? 1 : 0;
  if (request == nullptr) {
    return;
  }
  const WalkContext& context = request->context;
  const Control& control = context.control;
  top.request_id_i = request->id;
  top.has_guest_i = context.has_guest && !request->is_pdpte_load ? 1 : 0;
  top.guest_format_i = static_cast<std::uint8_t>(context.guest_format);
  top.guest_root_i = context.guest_root;
  top.pdpte_0_i = context.pdptes.entry[0];
  top.pdpte_1_i = context.pdptes.entry[1];
  top.pdpte_2_i = context.pdptes.entry[2];
  top.pdpte_3_i = context.pdptes.entry[3];
  top.has_host_i = context.has_host ? 1 : 0;
  top.host_format_i = static_cast<std::uint8_t>(context.host_format);
  top.host_root_i = context.host_root;
  top.wp_i = control.wp ? 1 : 0;
  top.nxe_i = control.nxe ? 1 : 0;
  top.smep_i = control.smep ? 1 : 0;
  top.smap_i = control.smap ? 1 : 0;
  top.ac_i = control.ac ? 1 : 0;
  top.pke_i = control.pke ? 1 : 0;
  top.pse_i = control.pse ? 1 : 0;
  top.page_1g_i = control.page_1g ? 1 : 0;
  top.accessed_dirty_i = control.accessed_dirty ? 1 : 0;
  top.execute_only_i = control.execute_only ? 1 : 0;
  top.mode_based_execute_i = control.mode_based_execute ? 1 : 0;
  top.maxphyaddr_i = control.maxphyaddr;
  top.guest_maxphyaddr_i = control.guest_maxphyaddr;
  top.pkru_i = control.pkru;
  top.vpid_i = static_cast<std::uint16_t>(context.tags.vpid);
  top.pcid_i = static_cast<std::uint16_t>(context.tags.pcid) & 0xfff;
  top.ep4ta_i = static_cast<std::uint64_t>(context.tags.ep4ta) >> 12;
  top.asid_i = static_cast<std::uint32_t>(context.tags.asid);
  top.address_i = request->access.address.value();
  top.access_i = static_cast<std::uint8_t>(request->access.type);
  top.is_user_i = request->access.privilege == Privilege::kUser ? 1 : 0;
  top.is_implicit_i = request->access.implicit ? 1 : 0;
  top.is_pdpte_load_i = request->is_pdpte_load ? 1 : 0;
}

void VerilatedWalker::offer(const Invalidation* invalidation) {
  Vwalker_pins& top = *verilated_;
  top.invalidate_valid_i = invalidation != nullptr ? 1 : 0;
  if (invalidation == nullptr) {
    return;
  }
  top.invalidate_op_i = static_cast<std::uint8_t>(invalidation->op);
  top.invalidate_rules_i = static_cast<std::uint8_t>(invalidation->rules);
  top.invalidate_vpid_i = static_cast<std::uint16_t>(invalidation->tags.vpid);
  top.invalidate_pcid_i = static_cast<std::uint16_t>(invalidation->tags.pcid) & 0xfff;
  top.invalidate_ep4ta_i = static_cast<std::uint64_t>(invalidation->tags.ep4ta) >> 12;
  top.invalidate_asid_i = static_cast<std::uint32_t>(invalidation->tags.asid);
  top.vpid_enabled_i = invalidation->vpid_enabled ? 1 : 0;
  top.invalidate_address_i = invalidation->address.value();
  top.invalidate_gpa_i = invalidation->gpa.value();
}

void VerilatedWalker::set_ready(const Ready& ready) {
  Vwalker_pins& top = *verilated_;
  top.read_ready_i = ready.read ? 1 : 0;
  top.update_ready_i = ready.update ? 1 : 0;
  top.response_ready_i = ready.response ? 1 : 0;
  top.ack_ready_i = ready.acknowledge ? 1 : 0;
}

void VerilatedWalker::answer_read(std::uint8_t slot, const Answer& answer) {
  Vwalker_pins& top = *verilated_;
  top.data_valid_i = 1;
  top.data_slot_i = slot;
  top.data_error_i = answer.kind == AnswerKind::kError ? 1 : 0;
  top.data_i = answer.value;
}

void VerilatedWalker::answer_update(std::uint8_t slot, AnswerKind answer) {
  Vwalker_pins& top = *verilated_;
  top.done_valid_i = 1;
  top.done_slot_i = slot;
  top.done_outcome_i = answer == AnswerKind::kStored ? 0 : answer == AnswerKind::kLost ? 1 : 2;
}

void VerilatedWalker::answer_nothing() {
  verilated_->data_valid_i = 0;
  verilated_->done_valid_i = 0;
}

const PinWalker::Cycle& VerilatedWalker::settle() {
  evaluate();
  sample();
  return cycle_;
}

void VerilatedWalker::tick() {
  Vwalker_pins& top = *verilated_;
  top.clk_i = 1;
  evaluate();
  context_.timeInc(1);
  top.clk_i = 0;
}

std::uint64_t VerilatedWalker::replay(const PinStimulus& stimulus) {
  using Flag = PinStimulus::Flag;
  Vwalker_pins& top = *verilated_;
  std::uint64_t num_responses = 0;
  auto request = stimulus.requests.begin();
  auto invalidation = stimulus.invalidations.begin();
  for (const PinStimulus::Cycle& cycle : stimulus.cycles) {
    if ((cycle.flags & Flag::kRequest) != 0) {
      offer(&*request++);
    } else if ((cycle.flags & Flag::kNoRequest) != 0) {
      offer(static_cast<const WalkerRequest*>(nullptr));
    }
    if ((cycle.flags & Flag::kInvalidation) != 0) {
      offer(&*invalidation++);
    } else if ((cycle.flags & Flag::kNoInvalidation) != 0) {
      offer(static_cast<const Invalidation*>(nullptr));
    }
    top.read_ready_i = cycle.ready & 1U;
    top.update_ready_i = (cycle.ready >> 1) & 1U;
    top.response_ready_i = (cycle.ready >> 2) & 1U;
    top.ack_ready_i = (cycle.ready >> 3) & 1U;
    top.data_valid_i = (cycle.flags & Flag::kReadData) != 0 ? 1 : 0;
    top.data_error_i = (cycle.flags & Flag::kReadError) != 0 ? 1 : 0;
    top.data_slot_i = cycle.data_slot;
    top.data_i = cycle.data;
    top.done_valid_i = (cycle.flags & Flag::kUpdateDone) != 0 ? 1 : 0;
    top.done_slot_i = cycle.done_slot;
    top.done_outcome_i = cycle.done_outcome;
    evaluate();
    num_responses += top.response_valid_o & top.response_ready_i;
    tick();
  }
  return num_responses;
}

void VerilatedWalker::sample() {
  const Vwalker_pins& top = *verilated_;
  cycle_.has_accept = top.request_valid_i != 0 && top.request_ready_o != 0;
  cycle_.has_read = top.read_valid_o != 0 && top.read_ready_i != 0;
  cycle_.has_update = top.update_valid_o != 0 && top.update_ready_i != 0;
  cycle_.has_response = top.response_valid_o != 0 && top.response_ready_i != 0;
  cycle_.has_invalidation = top.invalidate_valid_i != 0 && top.invalidate_ready_o != 0;
  cycle_.has_acknowledge = top.ack_valid_o != 0 && top.ack_ready_i != 0;
  cycle_.accept_slot = top.request_slot_o;
  cycle_.killed = top.killed_o;
  cycle_.restarted = top.restarted_o;
  const auto stage_of = [](std::uint8_t pin) { return static_cast<Stage>(pin); };
  const auto bytes_of = [](std::uint8_t is_short) {
    return static_cast<std::uint8_t>(is_short != 0 ? 4 : 8);
  };
  if (cycle_.has_read) {
    cycle_.read = {top.read_slot_o,
                   stage_of(top.read_stage_o),
                   {top.read_g_o, top.read_h_o},
                   bytes_of(top.read_short_o),
                   Hpa(top.read_address_o)};
  }
  if (cycle_.has_update) {
    cycle_.update = {top.update_slot_o,
                     stage_of(top.update_stage_o),
                     {top.update_g_o, top.update_h_o},
                     bytes_of(top.update_short_o),
                     Hpa(top.update_address_o),
                     top.update_expected_o,
                     top.update_desired_o};
  }
  cycle_.has_cache = top.cache_valid_o != 0;
  if (cycle_.has_cache) {
    sample_cache();
  }
  if (cycle_.has_response) {
    sample_response();
  }
}

void VerilatedWalker::sample_cache() {
  const Vwalker_pins& top = *verilated_;
  CacheOperation& operation = cycle_.cache;
  operation = {};
  operation.kind = static_cast<CacheOperation::Kind>(top.cache_op_o);
  operation.slot = top.cache_slot_o;
  operation.stage = static_cast<Stage>(top.cache_stage_o);
  operation.position = {top.cache_g_o, top.cache_h_o};
  operation.address = Gva(top.cache_address_o);
  operation.gpa = Gpa(top.cache_gpa_o);
  operation.drop = static_cast<InvalidateOp>(top.cache_drop_o);
  operation.is_hit = top.cache_hit_o != 0;
  Resume& resume = operation.resume;
  resume.base = top.cache_base_o;
  resume.next_level = top.cache_next_level_o;
  resume.is_gpa = top.cache_is_gpa_o != 0;
  resume.dirty = top.cache_dirty_o != 0;
  resume.page_bits = top.cache_page_bits_o;
  resume.guest.bits = top.cache_guest_rights_o;
  resume.host.bits = top.cache_host_rights_o;
  resume.table.bits = top.cache_table_rights_o;
  resume.table_gpa = Gpa(top.cache_table_gpa_o);
}

void VerilatedWalker::sample_response() {
  const Vwalker_pins& top = *verilated_;
  cycle_.response_slot = top.response_slot_o;
  WalkerResponse& response = cycle_.response;
  response = {};
  response.id = top.response_id_o;
  response.is_translation = top.is_translation_o != 0;
  response.num_restarts = top.num_restarts_o;
  if (response.is_translation) {
    Translation& t = response.translation;
    t.gpa = Gpa(top.response_gpa_o);
    t.hpa = Hpa(top.response_hpa_o);
    t.guest_page_bits = top.guest_page_bits_o;
    t.host_page_bits = top.host_page_bits_o;
    t.protection_key = top.protection_key_o;
    t.dirty = top.dirty_o != 0;
    t.global = top.global_o != 0;
    t.guest.bits = top.guest_rights_o;
    t.host.bits = top.host_rights_o;
  } else {
    Fault& fault = response.fault;
    fault.kind = static_cast<FaultKind>(top.fault_o);
    fault.code = top.fault_code_o;
    fault.address = Gva(top.response_address_o);
    fault.gpa = Gpa(top.response_gpa_o);
    fault.has_gpa = top.has_gpa_o != 0;
    fault.position = {top.fault_g_o, top.fault_h_o};
  }
}

}  // namespace
}  // namespace nestwalk

const char* nestwalk_walker_abi() {
  return NESTWALK_WALKER_ABI;
}

nestwalk::PinWalker* nestwalk_walker_new() {
  return new nestwalk::VerilatedWalker;  // NOLINT(cppcoreguidelines-owning-memory): its opener's
}
