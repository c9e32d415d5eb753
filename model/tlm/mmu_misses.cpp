// Non-blocking misses of an Mmu: registers, walks, those that join them, walks ahead.
#include <algorithm>
#include <utility>

#include "model/tlm/fault_drop.h"
#include "model/tlm/mmu.h"
#include "model/walk/permissions.h"

namespace nestwalk {

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
  observe_walk({core_, r.context_version, r.context}, r.access);
  walk_port_.send(t.payload);
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
  if (answer.is_translation) {
    observe({core_, r.context_version, r.context}, r.access, answer.translation,
            TranslationPath::kPrefetch);
  }
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
  return walk_port_.backward(payload, phase);
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
  const ObservedContext where{core_, r.context_version, context};
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
      observe(where, walked, translation, TranslationPath::kWalk);
      translated(*first);
    } else {
      ++stats_.faults;
      tlbs_.invalidate(invalidation_by_fault(fault, context.tags));
      observe_walk(where, walked);
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
      observe(where, p->access, own, TranslationPath::kMergedMiss);
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

}  // namespace nestwalk
