#include "tb/timing_match.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <tlm_utils/passthrough_target_socket.h>
#include <tlm_utils/simple_initiator_socket.h>

#include "model/arch/splitmix.h"
#include "model/observe/event_sink.h"
#include "model/sim/walker_models.h"
#include "model/tlm/transaction.h"
#include "tb/rtl_walker.h"

namespace nestwalk {

void CycleError::add(std::uint64_t tlm, std::uint64_t rtl) {
  ++num_walks;
  tlm_cycles += tlm;
  rtl_cycles += rtl;
  ++distribution[static_cast<std::int64_t>(tlm) - static_cast<std::int64_t>(rtl)];
}

std::uint64_t CycleError::max() const {
  std::int64_t most = 0;
  for (const auto& [difference, walks] : distribution) {
    most = std::max(most, std::abs(difference));
  }
  return static_cast<std::uint64_t>(most);
}

double CycleError::mean() const {
  double sum = 0;
  for (const auto& [difference, walks] : distribution) {
    sum += static_cast<double>(std::abs(difference)) * static_cast<double>(walks);
  }
  return num_walks == 0 ? 0 : sum / static_cast<double>(num_walks);
}

namespace {

double percent_of(std::uint64_t tlm, std::uint64_t rtl) {
  return rtl == 0 ? 0
                  : 100 * std::abs(static_cast<double>(tlm) - static_cast<double>(rtl)) /
                        static_cast<double>(rtl);
}

}  // namespace

double CycleError::total_percent() const {
  return percent_of(tlm_cycles, rtl_cycles);
}

double CycleError::time_percent() const {
  return percent_of(tlm_time, rtl_time);
}

std::string CycleError::text() const {
  std::string text = fmt::format(
      "{} walks: {} cycles by the TLM walker, {} by the RTL, error {:.3f} per cent; time {} and "
      "{}, "
      "{:.3f} per cent\na walk: {:.4f} cycles on average, {} at most\n",
      num_walks, tlm_cycles, rtl_cycles, total_percent(), tlm_time, rtl_time, time_percent(),
      mean(), max());
  for (const auto& [difference, walks] : distribution) {
    text += fmt::format("  {:+4} cycles: {} walks\n", difference, walks);
  }
  return text;
}

// A walker with who asks it and the memory that it asks.
class TimingMatch::Side : public sc_core::sc_module, private EventTarget, private EventSink {
 public:
  tlm_utils::simple_initiator_socket<Side> walk_socket{"walk_socket"};
  tlm_utils::passthrough_target_socket<Side> memory_socket{"memory_socket"};

  Side(sc_core::sc_module_name name, EventQueue& queue, std::unique_ptr<PageWalker> walker,
       unsigned slots)
      : sc_module(name),
        queue_(queue),
        walker_(std::move(walker)),
        walk_port_(walk_socket,
                   [this](tlm::tlm_generic_payload& payload) {
                     answered(TransactionPool<WalkExtension>::of_payload(payload));
                   }),
        walk_of_slot_(slots) {
    walk_socket.register_nb_transport_bw(this, &Side::walk_answered);
    memory_socket.register_nb_transport_fw(this, &Side::memory_asked);
    walk_socket.bind(walker_->walk_socket);
    walker_->memory_socket.bind(memory_socket);
    walker_->connect_events(this);
  }
  ~Side() override { walker_->connect_events(nullptr); }

  void begin(const TimingStimulus& stimulus, TableMemory& memory) {
    stimulus_ = &stimulus;
    memory_ = &memory;
    answers_.assign(stimulus.walks.size(), {});
    walks_.clear();
    for (std::uint32_t i = 0; i < stimulus.walks.size(); ++i) {
      walks_[stimulus.walks[i].access.address.value()] = i;
    }
    next_ = 0;
    busy_reads_.clear();
    busy_updates_.clear();
    first_cycle_ = queue_.now() + 1;
    last_cycle_ = first_cycle_;
    for (std::uint32_t i = 0; i < stimulus.window; ++i) {
      queue_.post(1, EventRank::kCore, *this, kSend);
    }
  }

  [[nodiscard]] PageWalker& walker() { return *walker_; }
  [[nodiscard]] const std::vector<Answer>& answers() const { return answers_; }
  [[nodiscard]] std::uint64_t time() const { return last_cycle_ - first_cycle_; }

 private:
  enum QueueEvent : unsigned { kSend, kInvalidate, kRespond };

  void send_next() {
    if (next_ == stimulus_->walks.size()) {
      return;
    }
    const TimingStimulus::Walk& walk = stimulus_->walks[next_++];
    Transaction<WalkExtension>& t = pool_.take();
    t.extension.context = &walk.context;
    t.extension.access = walk.access;
    t.payload.set_command(tlm::TLM_IGNORE_COMMAND);
    t.payload.set_address(walk.access.address.value());
    t.payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    walk_port_.send(t.payload);
  }

  void answered(Transaction<WalkExtension>& t) {
    Answer& answer = answers_[walks_.at(t.payload.get_address())];
    answer.is_answered = true;
    answer.is_translation = t.extension.is_translation;
    answer.translation = t.extension.translation;
    answer.fault = t.extension.fault;
    answer.answer_cycle = queue_.now();
    last_cycle_ = queue_.now();
    t.payload.release();
    queue_.post(1, EventRank::kCore, *this, kSend);
  }

  tlm::tlm_sync_enum walk_answered(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                   sc_core::sc_time& /*delay*/) {
    return walk_port_.backward(payload, phase);
  }

  tlm::tlm_sync_enum memory_asked(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                  sc_core::sc_time& /*delay*/) {
    if (phase == tlm::END_RESP) {
      return tlm::TLM_COMPLETED;
    }
    const auto& table = *payload.get_extension<TableExtension>();
    const std::uint32_t walk = walk_of_slot_.at(table.slot);
    const std::uint32_t access = answers_[walk].num_accesses++;
    for (std::uint32_t i = 0; i < stimulus_->invalidations.size(); ++i) {
      const auto& anchored = stimulus_->invalidations[i];
      if (anchored.walk == walk && anchored.access == access) {
        to_invalidate_.push_back(anchored.invalidation);
        queue_.post(1, EventRank::kInvalidate, *this, kInvalidate);
      }
    }
    perform(payload, table.is_update);
    // The answer has the channel of its kind in the first cycle that is free.
    std::uint64_t due = queue_.now() + latency(walk, access);
    std::set<std::uint64_t>& busy = table.is_update ? busy_updates_ : busy_reads_;
    while (!busy.insert(due).second) {
      ++due;
    }
    busy.erase(busy.begin(), busy.lower_bound(queue_.now()));
    queue_.post(due - queue_.now(), EventRank::kResponse, *this, kRespond, &payload);
    phase = tlm::END_REQ;
    return tlm::TLM_UPDATED;
  }

  [[nodiscard]] std::uint64_t latency(std::uint32_t walk, std::uint32_t access) const {
    SplitMix hash(stimulus_->seed ^ (std::uint64_t{walk} << 32 | access));
    return stimulus_->min_latency +
           hash.draw() % (stimulus_->max_latency - stimulus_->min_latency + 1);
  }

  void perform(tlm::tlm_generic_payload& payload, bool is_update) {
    auto& table = *payload.get_extension<TableExtension>();
    auto& word = *reinterpret_cast<std::uint64_t*>(payload.get_data_ptr());
    PinWalker::TableRequest request;
    request.slot = table.slot;
    request.stage = table.stage;
    request.position = table.position;
    request.bytes = static_cast<std::uint8_t>(payload.get_data_length());
    request.hpa = Hpa(payload.get_address());
    request.expected = table.expected;
    request.desired = word;
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    if (is_update) {
      const AnswerKind answer = memory_->update(request);
      table.is_stored = answer == AnswerKind::kStored;
      if (answer == AnswerKind::kError) {
        payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
      }
    } else if (const std::optional<std::uint64_t> value = memory_->read(request)) {
      word = *value;
    } else {
      payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    }
  }

  void on_event(unsigned kind, void* item) override {
    switch (kind) {
      case kSend:
        return send_next();
      case kInvalidate: {
        const Invalidation invalidation = to_invalidate_.front();
        to_invalidate_.erase(to_invalidate_.begin());
        walker_->invalidate(invalidation);
        return;
      }
      default: {
        tlm::tlm_phase phase = tlm::BEGIN_RESP;
        sc_core::sc_time delay;
        memory_socket->nb_transport_bw(*static_cast<tlm::tlm_generic_payload*>(item), phase, delay);
      }
    }
  }

  void record(const Event& event) override {
    if (event.kind == EventKind::kAccept) {
      const std::uint32_t walk = walks_.at(event.address);
      walk_of_slot_.at(event.slot) = walk;
      Answer& answer = answers_[walk];
      if (!answer.is_accepted) {
        answer.is_accepted = true;
        answer.accept_cycle = event.cycle;
      }
    }
  }

  EventQueue& queue_;
  std::unique_ptr<PageWalker> walker_;
  RequestPort<tlm_utils::simple_initiator_socket<Side>> walk_port_;
  TransactionPool<WalkExtension> pool_;
  const TimingStimulus* stimulus_ = nullptr;
  TableMemory* memory_ = nullptr;
  std::map<std::uint64_t, std::uint32_t> walks_;  // by address
  std::vector<std::uint32_t> walk_of_slot_;
  std::vector<Answer> answers_;
  std::vector<Invalidation> to_invalidate_;
  std::set<std::uint64_t> busy_reads_;  // cycles in which an answer comes
  std::set<std::uint64_t> busy_updates_;
  std::size_t next_ = 0;
  std::uint64_t first_cycle_ = 0;
  std::uint64_t last_cycle_ = 0;
};

TimingMatch::TimingMatch(MachineParams machine)
    : machine_(std::move(machine)), clock_(machine_.clock_mhz), queue_("event_queue", clock_) {
  machine_.timing = Timing::kAt;
  const unsigned slots = machine_.walker.slots;
  machine_.walker.model = WalkerModel::kTlm;
  sides_[0] = std::make_unique<Side>("tlm_side", queue_,
                                     make_walker({"tlm_walker", machine_, queue_, clock_}), slots);
  machine_.walker.model = WalkerModel::kRtl;
  sides_[1] = std::make_unique<Side>(
      "rtl_side", queue_, make_rtl_walker({"rtl_walker", machine_, queue_, clock_}), slots);
}

TimingMatch::~TimingMatch() = default;

// Of several walks at a time a read may find the D bit that a write sets, or not yet.
bool TimingMatch::same_outcome(const Answer& tlm, const Answer& rtl, bool has_races) {
  if (tlm.is_translation != rtl.is_translation) {
    return false;
  }
  if (!tlm.is_translation) {
    return tlm.fault == rtl.fault;
  }
  Translation expected = tlm.translation;
  expected.dirty = has_races ? rtl.translation.dirty : expected.dirty;
  return expected == rtl.translation;
}

std::string TimingMatch::print(const Answer& answer) {
  if (!answer.is_translation) {
    return fmt::format("{} code {:#x} gpa {:#x} at ({},{})", name_of(answer.fault.kind),
                       answer.fault.code, answer.fault.gpa.value(), answer.fault.position.g,
                       answer.fault.position.h);
  }
  const Translation& t = answer.translation;
  return fmt::format("hpa {:#x} gpa {:#x} page bits {}/{} rights {}/{} dirty {}", t.hpa.value(),
                     t.gpa.value(), t.guest_page_bits, t.host_page_bits, t.guest.bits, t.host.bits,
                     t.dirty);
}

PageWalker& TimingMatch::tlm() {
  return sides_[0]->walker();
}

PageWalker& TimingMatch::rtl() {
  return sides_[1]->walker();
}

void TimingMatch::run(const TimingStimulus& stimulus, TableMemory& tlm_memory,
                      TableMemory& rtl_memory) {
  sides_[0]->begin(stimulus, tlm_memory);
  sides_[1]->begin(stimulus, rtl_memory);
  sc_core::sc_start();
  error_.tlm_time += sides_[0]->time();
  error_.rtl_time += sides_[1]->time();
  compare(stimulus.window > 1);
}

void TimingMatch::compare(bool has_races) {
  const auto& tlm = sides_[0]->answers();
  const auto& rtl = sides_[1]->answers();
  for (std::size_t i = 0; i < tlm.size(); ++i) {
    if (!tlm[i].is_answered || !rtl[i].is_answered) {
      problems_.push_back(fmt::format("walk {} was never answered by the {} walker", i,
                                      tlm[i].is_answered ? "RTL" : "TLM"));
      continue;
    }
    if (!same_outcome(tlm[i], rtl[i], has_races)) {
      problems_.push_back(fmt::format("walk {}: the TLM walker answers {}, the RTL {}", i,
                                      print(tlm[i]), print(rtl[i])));
    }
    error_.add(tlm[i].answer_cycle - tlm[i].accept_cycle,
               rtl[i].answer_cycle - rtl[i].accept_cycle);
  }
}

std::vector<std::string> TimingMatch::problems() const {
  std::vector<std::string> all = problems_;
  const std::vector<std::string> of_rtl = sides_[1]->walker().problems();
  all.insert(all.end(), of_rtl.begin(), of_rtl.end());
  return all;
}

}  // namespace nestwalk
