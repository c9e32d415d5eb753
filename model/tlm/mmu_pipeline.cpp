// Non-blocking accesses: lookups, misses and those that join them, data.
#include <algorithm>
#include <utility>

#include "model/tlm/fault_drop.h"
#include "model/tlm/mmu.h"
#include "model/walk/permissions.h"

namespace nestwalk {

tlm::tlm_sync_enum Mmu::nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                        sc_core::sc_time& delay) {
  if (phase == tlm::END_RESP) {
    target_port_.end_response(0);
    return tlm::TLM_COMPLETED;
  }
  if (const auto status = check(payload); status != tlm::TLM_OK_RESPONSE) {
    payload.set_response_status(status);
    if (auto* extension = payload.get_extension<AccessExtension>()) {
      report_refusal(Gva(payload.get_address()), *extension);
    }
    return tlm::TLM_COMPLETED;
  }
  if (!target_port_.accept({0, &payload})) {
    return tlm::TLM_ACCEPTED;
  }
  admit(payload, clock_.to_cycles_up(delay));
  phase = tlm::END_REQ;
  return tlm::TLM_UPDATED;
}

void Mmu::admit(tlm::tlm_generic_payload& payload, std::uint64_t delay_cycles) {
  Pending& p = pool_.take();
  p.payload = &payload;
  p.extension = payload.get_extension<AccessExtension>();
  if (p.extension == nullptr) {
    p.own_extension = std::make_unique<AccessExtension>();
    p.extension = p.own_extension.get();
  }
  p.extension->times = {};
  p.access = access_of(payload, payload.get_extension<AccessExtension>());
  p.address = p.access.address;
  p.first_bytes = 0;
  p.is_second_part = false;
  p.data = payload.get_data_ptr();
  p.length = payload.get_data_length();
  const std::uint64_t in_page = p.access.address.offset(kSmallPageBits);
  if (in_page + p.length > bit(kSmallPageBits)) {
    p.first_bytes = static_cast<unsigned>(bit(kSmallPageBits) - in_page);
    ++stats_.page_crossings;
  }
  p.since_cycle = queue_.now() + delay_cycles;
  begin_translation(p, delay_cycles);
}

void Mmu::begin_translation(Pending& p, std::uint64_t delay_cycles) {
  LookupPort& port = p.access.is_fetch() ? l1i_port_ : l1d_port_;
  queue_.post(delay_cycles + port.grant(queue_.now() + delay_cycles), EventRank::kRequest, *this,
              kFirstLevel, &p);
}

void Mmu::go_on(Pending& p, std::uint64_t delay_cycles, QueueEvent event) {
  if (delay_cycles == 0) {
    handle(p, event);
  } else {
    queue_.post(delay_cycles, EventRank::kRequest, *this, event, &p);
  }
}

void Mmu::on_event(unsigned kind, void* item) {
  handle(*static_cast<Pending*>(item), static_cast<QueueEvent>(kind));
}

void Mmu::handle(Pending& p, QueueEvent event) {
  switch (event) {
    case kFirstLevel:
      look_up_first(p);
      return;
    case kFirstMissed:
      go_on(p, l2_port_.grant(queue_.now()), kSecondLevel);
      return;
    case kSecondLevel:
      look_up_second(p);
      return;
    case kMissed: {
      const std::uint64_t cycles = end_phase(p);
      p.extension->times.tlb += cycles;
      stats_.tlb_cycles += cycles;
      missed(p);
      return;
    }
    case kTranslated: {
      const std::uint64_t cycles = end_phase(p);
      p.extension->times.tlb += cycles;
      stats_.tlb_cycles += cycles;
      translated(p);
      return;
    }
    case kSecondData:
      send_part(p);
      return;
  }
}

std::uint64_t Mmu::end_phase(Pending& p) {
  return queue_.now() - std::exchange(p.since_cycle, queue_.now());
}

void Mmu::look_up_first(Pending& p) {
  ++stats_.translations;
  p.context_version = context_version_;
  const auto found = tlbs_.lookup_first(p.access, kind_, context_.tags, [&](const Translation& t) {
    return cached_translation_serves(context_, p.access, t);
  });
  if (found) {
    p.translation = *found;
    p.has_translation = true;
  }
  go_on(p, tlbs_.first_cycles(p.access), found ? kTranslated : kFirstMissed);
}

void Mmu::look_up_second(Pending& p) {
  const auto found = tlbs_.lookup_second(p.access, kind_, context_.tags, [&](const Translation& t) {
    return cached_translation_serves(context_, p.access, t);
  });
  if (found) {
    p.translation = *found;
    p.has_translation = true;
  }
  if (found) {
    prefetch(p.access);
  }
  go_on(p, tlbs_.second_cycles(p.access), found ? kTranslated : kMissed);
}

// ---- Misses ----

// Joins the walk that is under way for the page, or begins one, or waits for a register.
void Mmu::missed(Pending& p) {
  const std::uint64_t page = p.access.address.value() >> kSmallPageBits;
  MissRegister* free = nullptr;
  for (MissRegister& r : registers_) {
    if (!r.is_used) {
      free = free == nullptr ? &r : free;
    } else if (r.page == page && r.context_version == p.context_version) {
      r.joined.push_back(&p);
      return;
    }
  }
  if (free == nullptr) {
    ++stats_.stalls;
    stalled_.push_back(&p);
    return;
  }
  begin_walk(*free, p);
}

void Mmu::begin_walk(MissRegister& r, Pending& p) {
  ++stats_.walks;
  r.is_used = true;
  r.page = p.access.address.value() >> kSmallPageBits;
  r.context_version = context_version_;
  r.context = context_;
  r.first = &p;
  r.access = p.access;
  send_walk(r, false);
}

void Mmu::send_walk(MissRegister& r, bool is_prefetch) {
  Transaction<WalkExtension>& t = walk_pool_.take();
  t.extension.context = &r.context;
  t.extension.access = r.access;
  t.extension.is_prefetch = is_prefetch;
  t.route.push({0, &r});
  t.payload.set_command(tlm::TLM_IGNORE_COMMAND);
  t.payload.set_address(r.access.address.value());
  t.payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  if (walk_port_.send(t.payload)) {
    end_walk(t);
  }
}

void Mmu::prefetch(const Access& access) {
  for (const Gva candidate : tlbs_.take_candidates()) {
    const std::uint64_t page = candidate.value() >> kSmallPageBits;
    MissRegister* free = nullptr;
    bool is_awaited = false;
    for (MissRegister& r : registers_) {
      if (!r.is_used) {
        free = free == nullptr ? &r : free;
      } else {
        is_awaited |= r.page == page && r.context_version == context_version_;
      }
    }
    if (free == nullptr || is_awaited || !stalled_.empty()) {
      tlbs_.end_prefetch(PrefetchEnd::kDropped);
      continue;
    }
    free->is_used = true;
    ++num_prefetch_walks_;
    free->page = page;
    free->context_version = context_version_;
    free->context = context_;
    free->first = nullptr;
    free->access = access;
    free->access.address = candidate;
    send_walk(*free, true);
  }
}

void Mmu::end_prefetch(const MissRegister& r, const WalkExtension& answer) {
  const MappingKind kind = r.context.has_host ? MappingKind::kCombined : MappingKind::kLinear;
  if (!answer.is_translation) {
    tlbs_.end_prefetch(PrefetchEnd::kAbandoned);
  } else if (r.joined.empty()) {
    tlbs_.fill_prefetched(r.access, answer.translation, kind, r.context.tags);
  } else {
    tlbs_.end_prefetch(PrefetchEnd::kLate);
    tlbs_.fill(r.access, answer.translation, kind, r.context.tags);
  }
}

tlm::tlm_sync_enum Mmu::walk_answered(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                      sc_core::sc_time& /*delay*/) {
  if (!walk_port_.is_response(payload, phase)) {
    return tlm::TLM_ACCEPTED;
  }
  end_walk(TransactionPool<WalkExtension>::of_payload(payload));
  return tlm::TLM_COMPLETED;
}

void Mmu::end_walk(Transaction<WalkExtension>& t) {
  MissRegister& r = *static_cast<MissRegister*>(t.route.pop().state);
  const bool is_translation = t.extension.is_translation;
  const Translation translation = t.extension.translation;
  const Fault fault = t.extension.fault;
  if (r.first == nullptr) {
    end_prefetch(r, t.extension);
  }
  t.payload.release();
  Pending* const first = r.first;
  const Access walked = r.access;
  const WalkContext context = r.context;
  const std::vector<Pending*> joined = std::exchange(r.joined, {});
  r.is_used = false;
  const auto end_waiting = [this](Pending& p) {
    const std::uint64_t cycles = end_phase(p);
    p.extension->times.walk += cycles;
    stats_.walk_cycles += cycles;
  };
  // `first` may go on to its second page, or be answered and gone, before the others are served.
  const std::uint64_t page_offset = walked.address.offset(kSmallPageBits);
  const MappingKind kind = context.has_host ? MappingKind::kCombined : MappingKind::kLinear;
  if (first != nullptr) {
    end_waiting(*first);
    if (is_translation) {
      tlbs_.fill(walked, translation, kind, context.tags);
      first->translation = translation;
      first->has_translation = true;
      translated(*first);
    } else {
      ++stats_.faults;
      tlbs_.invalidate(invalidation_by_fault(fault, context.tags));
      refuse(*first, fault);
    }
  }
  // A translation of the page serves those that joined, if it permits their access. A fault is the
  // first one's alone.
  for (Pending* p : joined) {
    Translation own = translation;
    own.gpa = Gpa(own.gpa.value() - page_offset + p->access.address.offset(kSmallPageBits));
    own.hpa = Hpa(own.hpa.value() - page_offset + p->access.address.offset(kSmallPageBits));
    end_waiting(*p);
    if (is_translation && cached_translation_serves(context, p->access, own)) {
      ++stats_.merged;
      p->translation = own;
      p->has_translation = true;
      translated(*p);
    } else {
      missed(*p);
    }
  }
  retry_stalled();
  if (first != nullptr) {
    prefetch(walked);
  }
}

// In order; one that can join a walk by now needs no register of its own.
void Mmu::retry_stalled() {
  std::deque<Pending*> stalled = std::exchange(stalled_, {});
  for (Pending* p : stalled) {
    const std::uint64_t page = p->access.address.value() >> kSmallPageBits;
    const bool goes_on = std::any_of(registers_.begin(), registers_.end(), [&](const auto& r) {
      return !r.is_used || (r.page == page && r.context_version == p->context_version);
    });
    if (!goes_on) {
      stalled_.push_back(p);
      continue;
    }
    const std::uint64_t cycles = end_phase(*p);
    p->extension->times.walk += cycles;
    stats_.walk_cycles += cycles;
    missed(*p);
  }
}

// ---- Translated ----

void Mmu::translated(Pending& p) {
  if (p.first_bytes != 0 && !p.is_second_part) {
    p.first = p.translation;
    p.is_second_part = true;
    p.access = second_part(p.access, p.first_bytes);
    begin_translation(p, 0);
    return;
  }
  if (p.first_bytes != 0) {
    std::swap(p.first, p.translation);  // the extension reports the first part
  }
  p.extension->is_translated = true;
  p.extension->translation = p.translation;
  p.is_second_part = false;
  send_data(p);
}

void Mmu::send_data(Pending& p) {
  if (ends_here(*p.payload, *p.extension)) {
    p.payload->set_response_status(tlm::TLM_OK_RESPONSE);
    answer(p);
    return;
  }
  send_part(p);
}

void Mmu::send_part(Pending& p) {
  tlm::tlm_generic_payload& payload = *p.payload;
  const Translation& translation = p.is_second_part ? p.first : p.translation;
  const unsigned length = p.first_bytes == 0 ? p.length
                          : p.is_second_part ? p.length - p.first_bytes
                                             : p.first_bytes;
  payload.set_address(translation.hpa.value());
  payload.set_data_ptr(p.is_second_part ? p.data + p.first_bytes : p.data);
  payload.set_data_length(length);
  payload.set_streaming_width(length);
  payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  route_of(payload).push({0, &p});
  DataPort& port = p.extension->type == AccessType::kFetch ? fetch_port_ : data_port_;
  if (port.send(payload)) {
    route_of(payload).pop();
    data_done(p);
  }
}

tlm::tlm_sync_enum Mmu::data_answered(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                      sc_core::sc_time& /*delay*/) {
  if (!data_port_.is_response(payload, phase)) {
    return tlm::TLM_ACCEPTED;
  }
  data_done(*static_cast<Pending*>(route_of(payload).pop().state));
  return tlm::TLM_COMPLETED;
}

tlm::tlm_sync_enum Mmu::fetch_answered(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& /*delay*/) {
  if (!fetch_port_.is_response(payload, phase)) {
    return tlm::TLM_ACCEPTED;
  }
  data_done(*static_cast<Pending*>(route_of(payload).pop().state));
  return tlm::TLM_COMPLETED;
}

void Mmu::data_done(Pending& p) {
  const std::uint64_t cycles = end_phase(p);
  p.extension->times.data += cycles;
  stats_.data_cycles += cycles;
  if (p.payload->is_response_ok() && p.first_bytes != 0 && !p.is_second_part) {
    p.is_second_part = true;
    // Not at once: the same payload still is in its first response.
    queue_.post(0, EventRank::kRequest, *this, kSecondData, &p);
    return;
  }
  p.payload->set_data_ptr(p.data);
  p.payload->set_data_length(p.length);
  p.payload->set_streaming_width(p.length);
  if (!p.payload->is_response_ok()) {
    report_refusal(p.address, *p.extension);
  }
  answer(p);
}

void Mmu::refuse(Pending& p, const Fault& fault) {
  p.extension->is_translated = false;
  p.extension->fault = fault;
  p.payload->set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
  answer(p);
}

void Mmu::answer(Pending& p) {
  tlm::tlm_generic_payload& payload = *p.payload;
  p.has_translation = false;
  p.own_extension.reset();
  const std::vector<Fence*> fences = std::exchange(p.fences, {});
  pool_.give(p);
  target_port_.leave([this](const auto& arrival) { admit(*arrival.payload, 0); });
  target_port_.respond(0, payload);
  for (Fence* fence : fences) {
    fence->release();
  }
}

}  // namespace nestwalk
