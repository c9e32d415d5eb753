#include "model/tlm/core.h"

#include <cmath>
#include <cstring>

#include "model/arch/check.h"
#include "model/tlm/page_walker.h"
#include "model/walk/walk_hints.h"

namespace nestwalk {

namespace {
constexpr std::uint64_t kCpiUnit = 1024;
}

Core::Core(sc_core::sc_module_name name, const Setup& setup, EventQueue& queue,
           const ClockDomain& clock)
    : sc_module(name),
      timing_(setup.timing),
      queue_(queue),
      clock_(clock),
      cpi_numerator_(
          static_cast<std::uint64_t>(std::llround(setup.params.base_cpi * double{kCpiUnit}))),
      cpu_port_(cpu_socket,
                [this](tlm::tlm_generic_payload& payload) {
                  complete(TransactionPool<AccessExtension>::of_payload(payload));
                }),
      physical_port_(physical_socket,
                     [this](tlm::tlm_generic_payload& /*payload*/) { software_answered(); }),
      flights_(setup.params.window) {
  tlm_utils::tlm_quantumkeeper::set_global_quantum(clock_.cycles(setup.params.quantum_cycles));
  cpu_socket.register_nb_transport_bw(this, &Core::cpu_answered);
  physical_socket.register_nb_transport_bw(this, &Core::physical_answered);
  payload_.set_extension(&extension_);
  stream_payload_.set_extension(&stream_extension_);
  stream_payload_.set_data_ptr(reinterpret_cast<unsigned char*>(scratch_));
  stream_extension_.timing_only = true;
  physical_payload_.set_extension(&physical_extension_);
  SC_HAS_PROCESS(Core);
  SC_THREAD(run);
}

Core::~Core() {
  // The payloads would free their extensions, which are members here.
  payload_.clear_extension(&extension_);
  stream_payload_.clear_extension(&stream_extension_);
  physical_payload_.clear_extension(&physical_extension_);
}

void Core::run() {
  fatal_unless(client_ != nullptr, "a core has a client before the simulation starts");
  if (is_non_blocking()) {
    run_window();
  } else {
    run_blocking();
  }
  is_done_ = true;
}

void Core::run_blocking() {
  begin_quantum();
  for (;;) {
    const std::span<const CoreAccess> batch = client_->next_batch();
    if (batch.empty()) {
      break;
    }
    run_batch(batch);
  }
  sync();
  done_cycle_ = clock_.to_cycles(sc_core::sc_time_stamp());
}

void Core::count(const CoreAccess& access) {
  switch (access.type) {
    case AccessType::kRead:
      ++stats_.reads;
      break;
    case AccessType::kWrite:
      ++stats_.writes;
      break;
    case AccessType::kFetch:
      ++stats_.fetches;
      break;
  }
}

// Called in the two loops that a run spends its time in.
[[gnu::always_inline]] inline void Core::make_access(const CoreAccess& access) {
  retire(access.num_instructions);
  count(access);
  for (;;) {
    stream_payload_.set_address(access.address.value());
    stream_payload_.set_command(access.type == AccessType::kWrite ? tlm::TLM_WRITE_COMMAND
                                                                  : tlm::TLM_READ_COMMAND);
    stream_payload_.set_data_length(access.num_bytes);
    stream_payload_.set_streaming_width(access.num_bytes);
    stream_payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    stream_extension_.type = access.type;
    transport_blocking(stream_payload_);
    if (stream_payload_.is_response_ok()) {
      return;
    }
    if (!client_->serve_fault(access, stream_extension_.fault)) {
      ++stats_.abandoned;
      return;
    }
  }
}

void Core::run_batch(std::span<const CoreAccess> batch) {
  // Told of what comes, the walker is faster, and where nothing walks it would be a waste.
  constexpr std::uint64_t kManyWalks = 8;  // one in so many accesses
  const std::uint64_t num_walks = walker_ == nullptr ? 0 : walker_->stats().walks;
  const bool looks_ahead = (num_walks - num_walks_before_) * kManyWalks > batch.size();
  num_walks_before_ = num_walks;
  if (!looks_ahead) {
    for (const CoreAccess& access : batch) {
      make_access(access);
      sync_if_due();
    }
    return;
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (i + WalkHints::kLookAhead < batch.size()) {
      walker_->expect(batch[i + WalkHints::kLookAhead].address);
    }
    make_access(batch[i]);
    sync_if_due();
  }
}

std::uint64_t Core::base_cycles_of(std::uint64_t num_instructions) {
  const std::uint64_t scaled = num_instructions * cpi_numerator_ + cpi_remainder_;
  cpi_remainder_ = scaled % kCpiUnit;
  return scaled / kCpiUnit;
}

void Core::retire(std::uint64_t num_instructions) {
  stats_.instructions += num_instructions;
  const std::uint64_t cycles = base_cycles_of(num_instructions);
  stats_.base_cycles += cycles;
  if (is_non_blocking()) {
    software_begins();
    owed_cycles_ += cycles;
    times_.core += cycles;
    return;
  }
  keeper_.inc(clock_.cycles(cycles));
}

void Core::transport() {
  if (is_non_blocking()) {
    transport_and_wait();
  } else {
    transport_blocking(payload_);
  }
}

void Core::transport_blocking(tlm::tlm_generic_payload& payload) {
  const sc_core::sc_time before = keeper_.get_local_time();
  sc_core::sc_time delay = before;
  cpu_socket->b_transport(payload, delay);
  if (delay != before) {
    stats_.access_cycles += clock_.to_cycles(delay - before);
    keeper_.set(delay);
  }
}

void Core::transport_physical() {
  if (is_non_blocking()) {
    transport_physical_and_wait();
    return;
  }
  const sc_core::sc_time before = keeper_.get_local_time();
  sc_core::sc_time delay = before;
  physical_socket->b_transport(physical_payload_, delay);
  const std::uint64_t cycles = clock_.to_cycles(delay - before);
  stats_.access_cycles += cycles;
  stats_.physical_cycles += cycles;
  keeper_.set(delay);
}

SoftwareAccess Core::access(const Access& access, std::span<std::byte> data) {
  ++stats_.software_accesses;
  payload_.set_address(access.address.value());
  payload_.set_command(access.is_write() ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  extension_.timing_only = data.empty();
  if (data.empty()) {
    data = std::span(scratch_).first(1);
  }
  payload_.set_data_ptr(reinterpret_cast<unsigned char*>(data.data()));
  payload_.set_data_length(static_cast<unsigned>(data.size()));
  payload_.set_streaming_width(static_cast<unsigned>(data.size()));
  payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  extension_.type = access.type;
  extension_.privilege = access.privilege;
  extension_.implicit = access.implicit;
  transport();
  return {payload_.is_response_ok(), extension_.translation, extension_.fault};
}

bool Core::access_physical(Hpa address, AccessType type, std::span<std::byte> data) {
  ++stats_.software_accesses;
  physical_extension_.is_update = false;
  physical_payload_.set_address(address.value());
  physical_payload_.set_command(type == AccessType::kWrite ? tlm::TLM_WRITE_COMMAND
                                                           : tlm::TLM_READ_COMMAND);
  physical_payload_.set_data_ptr(reinterpret_cast<unsigned char*>(data.data()));
  physical_payload_.set_data_length(static_cast<unsigned>(data.size()));
  physical_payload_.set_streaming_width(static_cast<unsigned>(data.size()));
  physical_payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  transport_physical();
  return physical_payload_.is_response_ok();
}

bool Core::swap_physical(Hpa address, const Swap& swap) {
  ++stats_.software_accesses;
  physical_extension_.is_update = true;
  physical_extension_.expected = swap.expected;
  physical_extension_.is_stored = false;
  std::uint64_t desired = swap.desired;
  physical_payload_.set_address(address.value());
  physical_payload_.set_command(tlm::TLM_WRITE_COMMAND);
  physical_payload_.set_data_ptr(reinterpret_cast<unsigned char*>(&desired));
  physical_payload_.set_data_length(swap.bytes);
  physical_payload_.set_streaming_width(swap.bytes);
  physical_payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  transport_physical();
  return physical_payload_.is_response_ok() && physical_extension_.is_stored;
}

void Core::spend(std::uint64_t cycles) {
  stats_.software_cycles += cycles;
  if (is_non_blocking()) {
    software_begins();
    owed_cycles_ += cycles;
    return;
  }
  keeper_.inc(clock_.cycles(cycles));
}

PdpteLoad Core::load_pdptes(const WalkContext& context) {
  if (is_non_blocking()) {
    pass_time();
    sc_core::sc_time delay;
    const PdpteLoad load = walker_->load_pdptes(context, delay);
    const std::uint64_t cycles = clock_.to_cycles(delay);
    stats_.access_cycles += cycles;
    stats_.physical_cycles += cycles;
    owed_cycles_ += cycles;
    return load;
  }
  const sc_core::sc_time before = keeper_.get_local_time();
  sc_core::sc_time delay = before;
  const PdpteLoad load = walker_->load_pdptes(context, delay);
  const std::uint64_t cycles = clock_.to_cycles(delay - before);
  stats_.access_cycles += cycles;
  stats_.physical_cycles += cycles;
  keeper_.set(delay);
  return load;
}

std::uint64_t Core::now_cycles() const {
  if (is_non_blocking()) {
    return is_done_ ? done_cycle_ : clock_.to_cycles(sc_core::sc_time_stamp()) + owed_cycles_;
  }
  // Simulated time goes on with other cores after this one has ended.
  return is_done_ ? done_cycle_ + clock_.to_cycles(keeper_.get_local_time())
                  : clock_.to_cycles(keeper_.get_current_time());
}

void Core::sync_if_due() {
  if (keeper_.get_local_time() >= quantum_) {
    ++stats_.syncs;
    sync();
  }
}

// No time passes outside until the next call, so that the quantum's end need not be asked for.
void Core::begin_quantum() {
  keeper_.reset();
  quantum_ = tlm::tlm_global_quantum::instance().compute_local_quantum();
}

// Another core may interrupt this one while it waits for the others: that time stays.
void Core::sync() {
  const sc_core::sc_time ahead = keeper_.get_local_time();
  keeper_.set(sc_core::SC_ZERO_TIME);
  sc_core::wait(ahead);
  const sc_core::sc_time added = keeper_.get_local_time();
  begin_quantum();
  keeper_.set(added);
}

void Core::register_stats(StatGroup& group) const {
  group.counter("instructions", &stats_.instructions, "count", "Instructions retired.");
  group.counter("reads", &stats_.reads, "count", "Loads of the workload.");
  group.counter("writes", &stats_.writes, "count", "Stores of the workload.");
  group.counter("fetches", &stats_.fetches, "count", "Instruction fetches of the workload.");
  group.counter("software_accesses", &stats_.software_accesses, "count",
                "Accesses made by guest kernel and hypervisor.");
  group.counter("abandoned", &stats_.abandoned, "count", "Accesses given up after a fault.");
  group.counter("squashed", &stats_.squashed, "count",
                "Accesses made again because an older one faulted (timing at).");
  group.counter("base_cycles", &stats_.base_cycles, "cycles", "Instructions times base CPI.");
  group.counter("access_cycles", &stats_.access_cycles, "cycles",
                "Translation and data of all accesses, software's included.");
  group.counter("physical_cycles", &stats_.physical_cycles, "cycles",
                "Of the accesses, those of software past the Mmu.");
  group.counter("software_cycles", &stats_.software_cycles, "cycles",
                "Spent by guest kernel and hypervisor, besides their accesses.");
}

}  // namespace nestwalk
