#include "tests/support/at_fence_bench.h"

#include <algorithm>
#include <sstream>

#include "model/arch/check.h"
#include "tests/support/at_fence_judge.h"
#include "tests/support/walk_expectations.h"

namespace nestwalk {

FenceBench::Cpu::Cpu(sc_core::sc_module_name name, FenceBench& bench, unsigned core)
    : sc_module(name),
      bench_(bench),
      core_(core),
      port_(cpu_socket, [this](tlm::tlm_generic_payload& payload) { answered(payload); }) {
  cpu_socket.register_nb_transport_bw(this, &Cpu::nb_transport_bw);
}

void FenceBench::Cpu::send(unsigned access, const Access& what, unsigned num_bytes) {
  Transaction<AccessExtension>& t = pool_.take();
  t.word = access;
  t.payload.set_command(what.is_write() ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  t.payload.set_address(what.address.value());
  t.payload.set_data_ptr(reinterpret_cast<unsigned char*>(&t.word));
  t.payload.set_data_length(num_bytes);
  t.payload.set_streaming_width(num_bytes);
  t.payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  t.extension.type = what.type;
  t.extension.privilege = what.privilege;
  t.extension.implicit = what.implicit;
  t.extension.timing_only = true;
  port_.send(t.payload);
}

tlm::tlm_sync_enum FenceBench::Cpu::nb_transport_bw(tlm::tlm_generic_payload& payload,
                                                    tlm::tlm_phase& phase,
                                                    sc_core::sc_time& /*delay*/) {
  return port_.backward(payload, phase);
}

void FenceBench::Cpu::answered(tlm::tlm_generic_payload& payload) {
  Transaction<AccessExtension>& t = TransactionPool<AccessExtension>::of_payload(payload);
  bench_.answered(core_, static_cast<unsigned>(t.word), payload, t.extension);
  payload.release();
}

// ---- Bench ----

FenceBench::Unit::Unit(FenceBench& bench, const MachineParams& params, unsigned core)
    : cpu(("cpu" + std::to_string(core)).c_str(), bench, core),
      mmu(("mmu" + std::to_string(core)).c_str(), params, bench.queue_, bench.clock_),
      walker(("walker" + std::to_string(core)).c_str(), params.walker, bench.queue_, bench.clock_) {
  cpu.cpu_socket.bind(mmu.cpu_socket);
  mmu.walk_socket.bind(walker.walk_socket);
  for (auto* socket : {&mmu.data_socket, &mmu.fetch_socket}) {
    socket->bind(bench.memory_.target_socket);
  }
  walker.memory_socket.bind(bench.memory_.target_socket);
}

FenceBench::FenceBench(const MachineParams& params, unsigned num_cores)
    : clock_(params.clock_mhz),
      queue_("event_queue", clock_),
      memory_("memory", queue_, words_, *this) {
  for (unsigned core = 0; core < num_cores; ++core) {
    units_.push_back(std::make_unique<Unit>(*this, params, core));
  }
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
}

FenceResult FenceBench::run(const FenceRun& run) {
  run_ = &run;
  result_ = {};
  words_ = run.memory;
  num_fired_ = num_seen_acknowledged_ = 0;
  fences_.clear();
  fired_at_.clear();
  versions_.clear();
  updates_.clear();
  old_words_.clear();
  is_overwritten_ = false;
  memory_.begin(run.seed);
  std::uint64_t kills = 0;
  for (const std::unique_ptr<Unit>& unit : units_) {
    unit->mmu.flush();
    unit->walker.flush();
    unit->mmu.set_context(run.context);
    kills += unit->walker.stats().kills;
  }
  part_ = Part::kWarm;
  make(run.warm, 1, run.num_bytes);

  part_ = Part::kRace;
  start_cycle_ = queue_.now() + 1;
  for (unsigned i = 0; i < run.shots.size(); ++i) {
    const FenceShot& shot = run.shots[i];
    queue_.post(1 + shot.cycle, shot.is_late ? EventRank::kCore : EventRank::kInvalidate, *this,
                kShoot | i << 2);
  }
  make(run.accesses, run.window, run.num_bytes);
  result_.cycles = queue_.now() - start_cycle_;
  check_rest(run);

  part_ = Part::kAfterwards;
  for (const std::unique_ptr<Unit>& unit : units_) {
    result_.kills += unit->walker.stats().kills;
    unit->mmu.set_context(run.context_after);
  }
  result_.kills -= kills;
  make(run.afterwards, 1, run.num_bytes);
  for (const std::unique_ptr<Unit>& unit : units_) {
    unit->mmu.flush();
  }
  make(run.afterwards, 1, run.num_bytes);  // what the walker keeps
  return result_;
}

void FenceBench::make(const std::vector<Access>& accesses, unsigned window, unsigned num_bytes) {
  accesses_ = &accesses;
  num_bytes_ = num_bytes;
  for (unsigned core = 0; core < units_.size(); ++core) {
    Unit& unit = *units_[core];
    unit.next = 0;
    const auto first = std::min<std::size_t>(window, accesses.size());
    for (std::size_t i = 0; i < first; ++i) {
      queue_.post(1 + i + 2 * core, EventRank::kCore, *this, kIssue, &unit);
    }
  }
  if (queue_.num_pending() == 0) {
    return;
  }
  sc_core::sc_start();  // until nothing happens any more
  for (const std::unique_ptr<Unit>& unit : units_) {
    if (unit->next != accesses.size() || unit->cpu.num_under_way() != 0) {
      violate("an access was never answered");
    }
    if (!unit->mmu.is_idle() || !unit->walker.is_idle()) {
      violate("Mmu or walker did not come to rest");
    }
  }
  if (queue_.num_pending() != 0 || memory_.num_inside() != 0) {
    violate("something is left under way");
  }
}

void FenceBench::on_event(unsigned kind, void* item) {
  switch (kind & 3) {
    case kIssue:
      issue(*static_cast<Unit*>(item));
      return;
    case kShoot:
      shoot(kind >> 2);
      return;
    default:
      poll();
  }
}

void FenceBench::issue(Unit& unit) {
  if (unit.next != accesses_->size()) {
    const unsigned access = unit.next++;
    unit.sent_at.resize(unit.next);
    unit.sent_at[access] = queue_.now();
    unit.cpu.send(access, (*accesses_)[access], num_bytes_);
  }
}

void FenceBench::shoot(unsigned shot) {
  const FenceShot& what = run_->shots[shot];
  // A host entry that guests no longer lead to is an entry still, and a word that held a guest
  // entry may be one of the host's now.
  const auto entries = [&](bool host_stage_too) {
    auto set = entries_of(run_->context, *accesses_, words_, host_stage_too);
    set.merge(entries_of(run_->context, run_->afterwards, words_, host_stage_too));
    return set;
  };
  versions_.push_back(words_);
  std::set<std::uint64_t> before = entries(what.moves_host_table);
  before.merge(old_words_);
  for (const TableEdit& edit : what.edits) {
    const std::uint64_t old = words_.read(edit.hpa, edit.bytes).value_or(0);
    words_.write(edit.hpa, edit.bytes, (old & edit.keep) | edit.set);
  }
  const std::set<std::uint64_t> now = entries(true);
  old_words_.clear();
  std::set_difference(before.begin(), before.end(), now.begin(), now.end(),
                      std::inserter(old_words_, old_words_.end()));
  fences_.push_back(std::make_unique<Fence>());
  fired_at_.push_back(queue_.now());
  ++num_fired_;
  for (const unsigned core : what.cores) {
    for (const Invalidation& invalidation : what.invalidations) {
      result_.num_dropped += units_[core]->mmu.invalidate(invalidation, fences_.back().get());
      result_.num_dropped += units_[core]->walker.invalidate(invalidation, fences_.back().get());
    }
  }
  result_.num_waits += fences_.back()->is_acknowledged() ? 0 : 1;
  queue_.post(0, EventRank::kCore, *this, kPoll);
}

// Once a cycle, after everything else, as long as a shot waits.
void FenceBench::poll() {
  while (num_seen_acknowledged_ < num_fired_ &&
         fences_[num_seen_acknowledged_]->is_acknowledged()) {
    result_.longest_wait =
        std::max(result_.longest_wait, queue_.now() - fired_at_[num_seen_acknowledged_]);
    ++num_seen_acknowledged_;
  }
  if (num_seen_acknowledged_ < num_fired_) {
    queue_.post(1, EventRank::kCore, *this, kPoll);
  } else if (is_settled() && run_->judges_answers && !is_overwritten_) {
    is_overwritten_ = true;
    for (const std::uint64_t hpa : old_words_) {
      words_.write(Hpa(hpa), 4, 0x5afe'0000);  // not present, and recognised
    }
  }
}

std::size_t FenceBench::num_acknowledged() const {
  std::size_t number = num_fired_;
  while (number != 0 && !fences_[number - 1]->is_acknowledged()) {
    --number;
  }
  return number;
}

void FenceBench::on_table(Hpa hpa, const TableExtension& table, bool is_served) {
  if (part_ == Part::kWarm || num_fired_ == 0 || !is_settled() ||
      (part_ == Part::kRace && !run_->judges_answers)) {
    return;
  }
  std::ostringstream out;
  out << (table.is_update ? "an update of" : "a read of") << " 0x" << std::hex << hpa.value();
  const bool is_old = old_words_.count(hpa.value()) != 0;
  if (is_old && (table.is_update || !is_served)) {
    violate(out.str() + ", which only the old tables lead to, after the acknowledgement");
  }
  if (table.is_update && is_served) {
    const std::uint64_t now = words_.read(hpa, entry_bytes(run_->context, table.stage)).value_or(0);
    if (((now ^ table.expected) & ~kAccessedDirtyBits) != 0) {
      violate(out.str() + " that expects an old entry, after the acknowledgement");
    }
  }
}

void FenceBench::on_data(Hpa hpa, const tlm::tlm_generic_payload& payload) {
  if (part_ != Part::kRace || num_fired_ == 0 || !is_settled() || !run_->judges_answers) {
    return;
  }
  const auto& t =
      TransactionPool<AccessExtension>::of_payload(const_cast<tlm::tlm_generic_payload&>(payload));
  Access access = (*accesses_)[t.word];
  const std::uint64_t beyond = access.address.value() + num_bytes_ - 1;
  for (const std::uint64_t address : {access.address.value(), beyond & ~mask(11, 0)}) {
    access.address = Gva(address);
    const OracleResult now = witness(run_->context, access, words_);
    if (now.is_translation && now.translation.hpa == hpa) {
      return;
    }
  }
  std::ostringstream out;
  out << "data at 0x" << std::hex << hpa.value() << " after the acknowledgement";
  violate(out.str());
}

void FenceBench::answered(unsigned core, unsigned access, const tlm::tlm_generic_payload& payload,
                          const AccessExtension& extension) {
  const bool is_race = part_ == Part::kRace;
  FenceAnswer answer{queue_.now() - start_cycle_, access, payload.is_response_ok(),
                     extension.translation.hpa.value()};
  if (!answer.is_translation) {
    answer.address = extension.fault.address.value();
  }
  if (is_race) {
    result_.answers.push_back(answer);
  }
  queue_.post(0, EventRank::kCore, *this, kIssue, units_[core].get());
  if (is_race && !run_->judges_answers) {
    return;
  }
  const WalkContext& context = part_ == Part::kAfterwards ? run_->context_after : run_->context;
  const Access& asked = (*accesses_)[access];
  const std::size_t holds = num_acknowledged();
  const bool is_strict = holds == num_fired_;
  result_.num_strict += is_race && is_strict && num_fired_ != 0 ? 1 : 0;
  if (!is_strict && !run_->judges_before) {
    return;
  }
  const HardwareOutcome outcome{answer.is_translation, extension.translation, extension.fault};
  const OracleResult now = witness(context, asked, words_);
  std::string difference = difference_of(outcome, now);
  for (std::size_t i = holds; i < num_fired_ && !difference.empty(); ++i) {
    if (difference_of(outcome, witness(context, asked, versions_[i])).empty()) {
      difference.clear();
    }
  }
  if (!difference.empty() && was_right_since(std::max(units_[core]->sent_at.at(access),
                                                      fired_at_.empty() ? 0 : fired_at_.back()),
                                             context, asked, outcome)) {
    return;
  }
  if (!difference.empty()) {
    std::ostringstream out;
    out << "the answer to access " << access << " (0x" << std::hex << asked.address.value()
        << std::dec << ", type " << static_cast<int>(asked.type) << ") of core " << core
        << ", with " << holds << " of " << num_fired_ << " shots acknowledged:" << difference;
    violate(out.str());
  } else if (is_strict && answer.is_translation && !now.writes.empty() &&
             asked.address.offset(kSmallPageBits) + num_bytes_ <= bit(kSmallPageBits)) {
    violate("an access was answered whose A or D bits are not set");
  }
}

void FenceBench::on_stored(Hpa hpa, unsigned bytes, const TableExtension& table,
                           std::uint64_t desired) {
  updates_.push_back({queue_.now(), hpa, bytes, desired & ~table.expected});
}

bool FenceBench::was_right_since(std::uint64_t cycle, const WalkContext& context,
                                 const Access& access, const HardwareOutcome& outcome) const {
  WordMemory words = words_;
  for (auto update = updates_.rbegin(); update != updates_.rend() && update->cycle >= cycle;
       ++update) {
    const std::uint64_t word = words.read(update->hpa, update->bytes).value_or(0);
    words.write(update->hpa, update->bytes, word & ~update->set);
    if (difference_of(outcome, witness(context, access, words)).empty()) {
      return true;
    }
  }
  return false;
}

void FenceBench::check_rest(const FenceRun& run) {
  for (const auto& fence : fences_) {
    if (!fence->is_acknowledged()) {
      violate("a fence was never acknowledged");
    }
  }
  if (is_overwritten_) {
    for (const std::uint64_t hpa : old_words_) {
      if (words_.read(Hpa(hpa), 4) != 0x5afe'0000) {
        violate("a word that is no entry any more was written");
      }
    }
  }
  if (!run.judges_answers) {
    return;
  }
  for (const std::unique_ptr<Unit>& unit : units_) {
    if (const std::string stale = stale_entry(run.context, unit->mmu, unit->walker, words_);
        !stale.empty()) {
      violate(stale);
    }
  }
}

void FenceBench::violate(const std::string& text) {
  if (result_.violation.empty()) {
    result_.violation = "cycle " +
                        std::to_string(static_cast<std::int64_t>(queue_.now() - start_cycle_)) +
                        ": " + text;
  }
}

}  // namespace nestwalk
