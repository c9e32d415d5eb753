#include "model/tlm/mmu.h"

#include <algorithm>
#include <cstring>

#include "model/tlm/fault_drop.h"
#include "model/tlm/memory_access.h"
#include "model/tlm/walk_kill.h"
#include "model/walk/functional_driver.h"

namespace nestwalk {

namespace {

// Reads tables by debug transport and lets A/D updates seem to happen: leaves no trace.
class DebugMemory {
 public:
  explicit DebugMemory(tlm_utils::simple_initiator_socket<Mmu>& socket) : socket_(socket) {}

  MemoryAnswer read(const Step& step) {
    std::uint64_t value = 0;
    tlm::tlm_generic_payload payload;
    payload.set_read();
    payload.set_address(step.hpa.value());
    payload.set_data_ptr(reinterpret_cast<unsigned char*>(&value));
    payload.set_data_length(step.bytes);
    payload.set_streaming_width(step.bytes);
    return {socket_->transport_dbg(payload) == step.bytes, value};
  }
  static UpdateAnswer update(const Step& /*step*/) { return UpdateAnswer::kStored; }

 private:
  tlm_utils::simple_initiator_socket<Mmu>& socket_;
};

}  // namespace

Mmu::Mmu(sc_core::sc_module_name name, const MachineParams& params, EventQueue& queue,
         const ClockDomain& clock)
    : sc_module(name),
      queue_(queue),
      data_path_(params.data_path),
      hidden_data_time_(clock.cycles(params.core.hidden_data_cycles)),
      clock_(clock),
      tlbs_(params.mmu),
      target_port_(params.mmu.queue_entries, SendBack{this}),
      walk_port_(walk_socket,
                 [this](tlm::tlm_generic_payload& payload) {
                   end_walk(TransactionPool<WalkExtension>::of_payload(payload));
                 }),
      data_port_(data_socket,
                 [this](tlm::tlm_generic_payload& payload) {
                   data_done(*static_cast<Pending*>(route_of(payload).pop().state));
                 }),
      fetch_port_(fetch_socket,
                  [this](tlm::tlm_generic_payload& payload) {
                    data_done(*static_cast<Pending*>(route_of(payload).pop().state));
                  }),
      l1i_port_(params.mmu.l1_ports),
      l1d_port_(params.mmu.l1_ports),
      l2_port_(params.mmu.l2_ports),
      registers_(params.mmu.miss_registers) {
  for (const AccessType type : {AccessType::kRead, AccessType::kWrite, AccessType::kFetch}) {
    Access access;
    access.type = type;
    FirstLevel& first = first_[static_cast<unsigned>(type)];
    first.tlb = &tlbs_.first_tlb(access);
    first.latency_cycles = tlbs_.first_cycles(access);
  }
  cpu_socket.register_nb_transport_fw(this, &Mmu::nb_transport_fw);
  walk_socket.register_nb_transport_bw(this, &Mmu::walk_answered);
  data_socket.register_nb_transport_bw(this, &Mmu::data_answered);
  fetch_socket.register_nb_transport_bw(this, &Mmu::fetch_answered);
  cpu_socket.register_b_transport(this, &Mmu::b_transport);
  cpu_socket.register_transport_dbg(this, &Mmu::transport_dbg);
  walk_payload_.set_extension(&walk_extension_);
  walk_payload_.set_command(tlm::TLM_IGNORE_COMMAND);
}

Mmu::~Mmu() {
  walk_payload_.clear_extension(&walk_extension_);
}

Access Mmu::access_of(const tlm::tlm_generic_payload& payload, const AccessExtension* extension) {
  Access access;
  access.address = Gva(payload.get_address());
  if (extension != nullptr) {
    access.type = extension->type;
    access.privilege = extension->privilege;
    access.implicit = extension->implicit;
  } else {
    access.type = payload.is_write() ? AccessType::kWrite : AccessType::kRead;
  }
  return access;
}

void Mmu::set_context(const WalkContext& context) {
  context_ = context;
  ++context_version_;
  kind_ = context_.has_host ? MappingKind::kCombined : MappingKind::kLinear;
}

// What nearly every access is, without the generality of the rest: one that lies in a page, asks
// for nothing unusual, and repeats a hit in the first level.
inline bool Mmu::hit_again(tlm::tlm_generic_payload& payload, AccessExtension& extension,
                           sc_core::sc_time& delay) {
  const std::uint64_t address = payload.get_address();
  const std::uint64_t in_page = Gva(address).offset(kSmallPageBits);
  const unsigned length = payload.get_data_length();
  if (in_page + length > bit(kSmallPageBits) || check_protocol(payload) != tlm::TLM_OK_RESPONSE) {
    return false;
  }
  FirstLevel& first = first_[static_cast<unsigned>(extension.type)];
  const RecentHit* hit =
      first.recent.find(access_of(payload, &extension), context_version_, *first.tlb);
  if (hit == nullptr) {
    return false;
  }
  ++stats_.translations;
  first.tlb->repeat(hit->hit);
  hit->put_at(in_page, extension.translation);
  extension.is_translated = true;
  annotate_tlb(first.latency_cycles, delay);
  forward(payload, Gva(address), extension, delay);
  return true;
}

void Mmu::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  auto* extension = payload.get_extension<AccessExtension>();
  if (extension == nullptr || !hit_again(payload, *extension, delay)) {
    transport_in_full(payload, extension, delay);
  }
}

void Mmu::transport_in_full(tlm::tlm_generic_payload& payload, AccessExtension* extension,
                            sc_core::sc_time& delay) {
  const Access access = access_of(payload, extension);
  if (extension == nullptr) {
    foreign_ = {};
    extension = &foreign_;
  }
  if (const auto status = check(payload); status != tlm::TLM_OK_RESPONSE) {
    payload.set_response_status(status);
    report_refusal(access.address, *extension);
    return;
  }
  const std::uint64_t in_page = access.address.offset(kSmallPageBits);
  if (in_page + payload.get_data_length() > bit(kSmallPageBits)) {
    split(payload, access, *extension, delay);
    return;
  }
  extension->is_translated = translate(access, extension->translation, delay);
  if (!extension->is_translated) {
    extension->fault = fault_;
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  forward(payload, access.address, *extension, delay);
}

tlm::tlm_response_status Mmu::check(const tlm::tlm_generic_payload& payload) {
  return payload.get_data_length() > bit(kSmallPageBits) ? tlm::TLM_BURST_ERROR_RESPONSE
                                                         : check_protocol(payload);
}

// The fault record of an access that no table stands in the way of: memory refused it.
void Mmu::report_refusal(Gva address, AccessExtension& extension) {
  extension.is_translated = false;
  extension.fault = {};
  extension.fault.kind = FaultKind::kMemoryError;
  extension.fault.address = address;
}

// Both sides are translated before any byte moves; the extension reports the first.
void Mmu::split(tlm::tlm_generic_payload& payload, const Access& access, AccessExtension& extension,
                sc_core::sc_time& delay) {
  ++stats_.page_crossings;
  const auto first_bytes =
      static_cast<unsigned>(bit(kSmallPageBits) - access.address.offset(kSmallPageBits));
  const Access second = second_part(access, first_bytes);
  Translation upper;
  extension.is_translated =
      translate(access, extension.translation, delay) && translate(second, upper, delay);
  if (!extension.is_translated) {
    extension.fault = fault_;
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  unsigned char* const data = payload.get_data_ptr();
  const unsigned length = payload.get_data_length();
  const unsigned streaming_width = payload.get_streaming_width();
  payload.set_data_length(first_bytes);
  payload.set_streaming_width(first_bytes);
  move_data(payload, extension.translation.hpa, extension, delay);
  if (payload.is_response_ok()) {
    payload.set_data_ptr(data + first_bytes);
    payload.set_data_length(length - first_bytes);
    payload.set_streaming_width(length - first_bytes);
    move_data(payload, upper.hpa, extension, delay);
  }
  if (!payload.is_response_ok()) {
    report_refusal(access.address, extension);
  }
  payload.set_data_ptr(data);
  payload.set_data_length(length);
  payload.set_streaming_width(streaming_width);
}

Access Mmu::second_part(const Access& access, std::uint64_t first_bytes) const {
  Access second = access;
  second.address = access.address + first_bytes;
  const PagingFormat& format = format_of(context_.guest_format);
  if (context_.has_guest && !format.sign_extended) {  // 32-bit linear addresses wrap around
    second.address = Gva(second.address.offset(format.input_bits));
  }
  return second;
}

void Mmu::move_data(tlm::tlm_generic_payload& payload, Hpa hpa, const AccessExtension& extension,
                    sc_core::sc_time& delay) {
  payload.set_address(hpa.value());
  if (ends_here(payload, extension)) {
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    return;
  }
  const sc_core::sc_time before = delay;
  if (extension.type == AccessType::kFetch) {
    fetch_socket->b_transport(payload, delay);
  } else {
    data_socket->b_transport(payload, delay);
  }
  delay -= std::min(delay - before, hidden_data_time_);
  stats_.data_cycles += clock_.to_cycles(delay - before);
}

bool Mmu::translate(const Access& access, Translation& translation, sc_core::sc_time& delay) {
  ++stats_.translations;
  FirstLevel& first = first_[static_cast<unsigned>(access.type)];
  const auto serves = [&](const Translation& t) {
    return cached_translation_serves(context_, access, t);
  };
  if (const auto found = tlbs_.lookup_first(access, kind_, context_.tags, serves)) {
    translation = *found;
    annotate_tlb(first.latency_cycles, delay);
    if (observer_ == nullptr) [[likely]] {
      first.recent.remember(access, context_version_, *first.tlb, translation);
    } else {  // and the short cut is never taken
      observe(in_force(), access, translation, TranslationPath::kFirstLevel);
    }
    return true;
  }
  annotate_tlb(first.latency_cycles + tlbs_.second_cycles(access), delay);
  if (const auto found = tlbs_.lookup_second(access, kind_, context_.tags, serves)) {
    translation = *found;
    observe(in_force(), access, translation, TranslationPath::kSecondLevel);
    prefetch_blocking(access);
    return true;
  }
  if (!walk(access, translation, delay)) {
    tlbs_.invalidate(invalidation_by_fault(fault_, context_.tags));
    observe_walk(in_force(), access);
    return false;
  }
  observe(in_force(), access, translation, TranslationPath::kWalk);
  tlbs_.fill(access, translation, kind_, context_.tags);
  prefetch_blocking(access);
  return true;
}

// The time of such a walk is hidden: nothing else wants the walker meanwhile.
void Mmu::prefetch_blocking(const Access& access) {
  Access ahead = access;
  for (const Gva candidate : tlbs_.take_candidates()) {
    ahead.address = candidate;
    walk_extension_.context = &context_;
    walk_extension_.access = ahead;
    walk_extension_.is_prefetch = true;
    ++num_prefetch_walks_;
    walk_payload_.set_address(candidate.value());
    walk_payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    sc_core::sc_time hidden;
    walk_socket->b_transport(walk_payload_, hidden);
    walk_extension_.is_prefetch = false;
    if (walk_extension_.is_translation) {
      observe(in_force(), ahead, walk_extension_.translation, TranslationPath::kPrefetch);
      tlbs_.fill_prefetched(ahead, walk_extension_.translation, kind_, context_.tags);
    } else {
      tlbs_.end_prefetch(PrefetchEnd::kAbandoned);
    }
  }
}

bool Mmu::walk(const Access& access, Translation& translation, sc_core::sc_time& delay) {
  ++stats_.walks;
  walk_extension_.context = &context_;
  walk_extension_.access = access;
  walk_payload_.set_address(access.address.value());
  walk_payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  const sc_core::sc_time before = delay;
  walk_socket->b_transport(walk_payload_, delay);
  stats_.walk_cycles += clock_.to_cycles(delay - before);
  if (walk_payload_.is_response_ok()) {
    translation = walk_extension_.translation;
    return true;
  }
  ++stats_.faults;
  fault_ = walk_extension_.fault;
  return false;
}

unsigned Mmu::transport_dbg(tlm::tlm_generic_payload& payload) {
  const auto* extension = payload.get_extension<AccessExtension>();
  Access access = access_of(payload, extension);
  if (extension == nullptr) {
    access.privilege = Privilege::kSupervisor;
    access.type = AccessType::kRead;
  }
  WalkContext plain = context_;
  plain.has_guest_cache = false;
  plain.has_host_cache = false;
  // At most up to the end of the page: the caller asks again for the rest.
  const std::uint64_t room = bit(kSmallPageBits) - access.address.offset(kSmallPageBits);
  const WalkOutcome outcome = nestwalk::walk(plain, access, DebugMemory(data_socket), NoCache{});
  if (!outcome.is_translation) {
    return 0;
  }
  const unsigned length = payload.get_data_length();
  const std::uint64_t address = payload.get_address();
  payload.set_address(outcome.translation.hpa.value());
  payload.set_data_length(static_cast<unsigned>(std::min<std::uint64_t>(length, room)));
  const unsigned moved = data_socket->transport_dbg(payload);
  payload.set_address(address);
  payload.set_data_length(length);
  return moved;
}

std::uint64_t Mmu::invalidate(const Invalidation& invalidation, Fence* fence) {
  if (fence != nullptr) {
    pool_.for_each([&](Pending& p) {
      if (p.has_translation &&
          (p.context_version != context_version_ || concerns(invalidation, context_))) {
        fence->hold();
        p.fences.push_back(fence);
      }
    });
  }
  return tlbs_.invalidate(invalidation);
}

void Mmu::flush() {
  tlbs_.flush();
}

}  // namespace nestwalk
