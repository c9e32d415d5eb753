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
    observe(in_force(), p.access, *found, TranslationPath::kFirstLevel);
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
    observe(in_force(), p.access, *found, TranslationPath::kSecondLevel);
  }
  if (found) {
    prefetch(p.access);
  }
  go_on(p, tlbs_.second_cycles(p.access), found ? kTranslated : kMissed);
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
  port.send(payload);
}

tlm::tlm_sync_enum Mmu::data_answered(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                      sc_core::sc_time& /*delay*/) {
  return data_port_.backward(payload, phase);
}

tlm::tlm_sync_enum Mmu::fetch_answered(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& /*delay*/) {
  return fetch_port_.backward(payload, phase);
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
