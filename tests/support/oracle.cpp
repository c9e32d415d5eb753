#include "tests/support/oracle.h"

#include <utility>

#include "tests/support/oracle_walk.h"

namespace nestwalk {
namespace oracle_walk {

// ---- faults

void Oracle::fault(FaultKind kind, Word code, Position position, std::optional<Gpa> gpa) {
  result_.fault.kind = kind;
  result_.fault.code = code;
  result_.fault.address = access_.address;
  result_.fault.has_gpa = gpa.has_value();
  result_.fault.gpa = gpa.value_or(Gpa{0});
  result_.fault.position = position;
}

void Oracle::page_fault(Position position, PageFaultCause cause) {
  fault(FaultKind::kGuestPageFault, page_fault_code(context_, access_, cause), position,
        std::nullopt);
  result_.fault.in_shadow = is_in_shadow_;
}

void Oracle::ept_violation(Position position, Gpa gpa, HostRights rights, Purpose purpose) {
  fault(FaultKind::kEptViolation, ept_qualification(context_, access_, purpose, rights), position,
        gpa);
}

void Oracle::nested_page_fault(Position position, Gpa gpa, Purpose purpose, PageFaultCause cause) {
  fault(FaultKind::kNestedPageFault, nested_fault_code(context_, access_, purpose, cause), position,
        gpa);
}

// ---- memory

bool Oracle::read(OracleReference& entry, Gpa gpa) {
  const std::optional<Word> value = memory_.read(entry);
  if (!value) {
    fault(FaultKind::kMemoryError, 0, entry.position, gpa);
    return false;
  }
  entry.value = *value;
  result_.references.push_back(entry);
  return true;
}

bool Oracle::set_bits(OracleReference& entry, Word bits) {
  if ((entry.value & bits) == bits) {
    return true;
  }
  OracleReference updated = entry;
  updated.value |= bits;
  switch (memory_.compare_and_swap(updated, entry.value)) {
    case OracleUpdate::kLost:
      is_lost_ = true;
      return false;
    case OracleUpdate::kRefused:
      fault(FaultKind::kMemoryError, 0, entry.position, std::nullopt);
      return false;
    case OracleUpdate::kStored:
      break;
  }
  result_.writes.push_back(updated);
  entry = updated;
  return true;
}

// ---- guest stage

// One function, as above.
// NOLINTNEXTLINE(readability-function-size)
std::optional<Translation> Oracle::translate_guest() {
  const FormatId format = context_.guest_format;
  const Word address = access_.address.value();
  if (is_long(format)) {
    const unsigned sign = address_width(format) - 1;
    const Word upper = address >> sign;
    if (upper != 0 && upper != ones(63 - sign, 0)) {
      fault(FaultKind::kNonCanonical, 0, {0, 0}, std::nullopt);
      return std::nullopt;
    }
  }

  GuestRights rights;
  std::vector<GuestStep> path;
  std::uint8_t g = root_level(format);
  Place table = first_table();
  if (format == FormatId::kX86Pae && !is_npt(context_)) {
    const Word pdpte = context_.pdptes.entry.at((address >> 30) % 4);
    if (!has(pdpte, 0)) {
      page_fault({3, 0}, PageFaultCause::kNotPresent);
      return std::nullopt;
    }
    table.address = guest_rules().table_base(pdpte);
    g = 2;
  }

  for (;; --g) {
    const Position position{g, 0};
    const X86Rules rules = rules_of(table);
    const bool is_shadow = table.whose == Place::Whose::kShadow;
    Gpa gpa;
    const std::optional<HostPage> home = find_table_entry(table, g, gpa);
    if (!home) {
      return std::nullopt;
    }
    GuestStep step{
        {Stage::kGuest, position, home->hpa, entry_size(format), 0, is_shadow}, gpa, home->rights};
    if (!read(step.entry, gpa)) {
      return std::nullopt;
    }
    path.push_back(step);
    const Word word = step.entry.value;
    is_in_shadow_ = is_shadow;
    if (!has(word, 0)) {
      page_fault(position, PageFaultCause::kNotPresent);
      return std::nullopt;
    }
    // Bit 11 hands over to the guest's table; a page has nothing to hand over.
    const bool is_switch = is_shadow && has(word, 11);
    if (rules.is_reserved(g, word) || (is_switch && rules.is_leaf(g, word))) {
      page_fault(position, PageFaultCause::kReserved);
      return std::nullopt;
    }
    if (rules.has_rights(g)) {
      keep(rights, GuestRights::kWrite, has(word, 1));
      keep(rights, GuestRights::kUser, has(word, 2));
      keep(rights, GuestRights::kExecute, rules.may_execute(word));
    }
    if (rules.is_leaf(g, word)) {
      break;
    }
    table.address = rules.table_base(word);
    table.whose = !is_shadow  ? Place::Whose::kGuestByGpa
                  : is_switch ? Place::Whose::kGuestByHpa
                              : Place::Whose::kShadow;
  }

  const Word leaf = path.back().entry.value;
  const unsigned key = is_long(format) ? static_cast<unsigned>((leaf >> 59) & 15) : 0;
  is_user_path_ = rights.user();
  if (!check_guest_rights(rights, {g, 0}, key) || !update_guest(path, guest_rules())) {
    return std::nullopt;
  }

  const std::uint8_t bits = page_bits(format, g);
  const Gpa gpa(rules_of(table).page_base(g, leaf) + address % one(bits));
  const std::optional<HostPage> page =
      is_in_shadow_ ? HostPage{Hpa(gpa.value()), HostRights{}, kNoPageBits, true}
                    : translate_host(gpa, 0, Purpose::kFinal);
  if (!page) {
    return std::nullopt;
  }
  Translation translation;
  translation.gpa = gpa;
  translation.hpa = page->hpa;
  translation.guest_page_bits = bits;
  translation.host_page_bits = page->page_bits;
  translation.protection_key = static_cast<std::uint8_t>(key);
  translation.dirty = has(path.back().entry.value, 6) && page->dirty;
  translation.global = has(leaf, 8);
  translation.guest = rights;
  translation.host = page->rights;
  return translation;
}

Place Oracle::first_table() const {
  if (!context_.has_shadow) {
    return {Place::Whose::kGuestByGpa, root_of(context_.guest_format, context_.guest_root)};
  }
  const Word root = context_.shadow_root;
  return {has(root, 11) ? Place::Whose::kGuestByHpa : Place::Whose::kShadow,
          root_of(context_.guest_format, root)};
}

// Where the entry of level g stands. A table that the shadow names is found without the host stage,
// and may be written: the hypervisor has seen to that.
std::optional<HostPage> Oracle::find_table_entry(Place table, std::uint8_t g, Gpa& gpa) {
  const Word at = entry_address(context_.guest_format, table.address, access_.address.value(), g);
  if (table.whose != Place::Whose::kGuestByGpa) {
    return HostPage{Hpa(at), HostRights{}, kNoPageBits, true};
  }
  gpa = Gpa(at);
  return translate_host(gpa, g, Purpose::kGuestTable);
}

// SDM vol. 3, "Access rights" and "Protection keys".
bool Oracle::check_guest_rights(const GuestRights& rights, Position leaf, unsigned key) {
  const bool is_data = !access_.is_fetch();
  bool is_denied = false;
  if (access_.is_user()) {
    is_denied |= !rights.user();
    is_denied |= access_.is_write() && !rights.write();
  } else {
    is_denied |= access_.is_write() && !rights.write() && control_.wp;
    is_denied |= access_.is_fetch() && rights.user() && control_.smep;
    is_denied |= is_data && rights.user() && control_.smap && (!control_.ac || access_.implicit);
  }
  is_denied |= access_.is_fetch() && !rights.execute();

  bool is_key_denied = false;
  if (control_.pke && is_long(context_.guest_format) && is_data && rights.user()) {
    const bool access_disabled = has(control_.pkru, 2 * key);
    const bool write_disabled = has(control_.pkru, 2 * key + 1);
    is_key_denied = access_disabled ||
                    (write_disabled && access_.is_write() && (access_.is_user() || control_.wp));
  }
  if (is_denied || is_key_denied) {
    page_fault(leaf, is_key_denied ? PageFaultCause::kKey : PageFaultCause::kRights);
    return false;
  }
  return true;
}

bool Oracle::update_guest(std::vector<GuestStep>& path, const X86Rules& rules) {
  for (GuestStep& step : path) {
    if (!rules.has_rights(step.entry.position.g)) {
      continue;  // a PDPTE has no A bit
    }
    Word bits = one(5);
    if (&step == &path.back() && access_.is_write()) {
      bits |= one(6);
    }
    if ((step.entry.value & bits) == bits) {
      continue;
    }
    if (context_.has_host && !step.host.write()) {
      ept_violation(step.entry.position, step.gpa, step.host, Purpose::kGuestUpdate);
      return false;
    }
    if (!set_bits(step.entry, bits)) {
      return false;
    }
  }
  return true;
}

// ---- the whole

OracleResult Oracle::translate() {
  for (;;) {
    is_lost_ = false;
    is_user_path_ = true;
    is_in_shadow_ = false;
    std::optional<Translation> translation;
    if (context_.has_guest) {
      translation = translate_guest();
    } else {
      const Gpa gpa(access_.address.value());
      if (const std::optional<HostPage> page = translate_host(gpa, 0, Purpose::kFinal)) {
        translation.emplace();
        translation->gpa = gpa;
        translation->hpa = page->hpa;
        translation->host_page_bits = page->page_bits;
        translation->dirty = page->dirty;
        translation->host = page->rights;
      }
    }
    if (!is_lost_) {
      result_.is_translation = translation.has_value();
      result_.translation = translation.value_or(Translation{});
      return std::move(result_);
    }
    ++result_.num_restarts;
  }
}

// SDM vol. 3, "PDPTE registers": reads even under EPT with A/D, checked at the load.
OracleLoad Oracle::load_pdptes() {
  OracleLoad load;
  const X86Rules rules = guest_rules();
  const Gpa pdpt(root_of(FormatId::kX86Pae, context_.guest_root));
  std::optional<HostPage> home;
  do {
    is_lost_ = false;
    home = translate_host(pdpt, 3, Purpose::kPdpteLoad);
  } while (is_lost_);
  if (!home) {
    load.fault = result_.fault;
    return load;
  }
  for (unsigned index = 0; index < 4; ++index) {
    OracleReference entry{Stage::kGuest, {3, 0}, home->hpa + 8 * index, 8, 0};
    if (!read(entry, pdpt + 8 * index)) {
      load.fault = result_.fault;
      return load;
    }
    load.pdptes.entry.at(index) = entry.value;
  }
  for (unsigned index = 0; index < 4; ++index) {
    const Word pdpte = load.pdptes.entry.at(index);
    if (has(pdpte, 0) && rules.is_reserved(3, pdpte)) {
      fault(FaultKind::kPdpteReserved, 0, {3, 0}, pdpt + 8 * index);
      load.fault = result_.fault;
      return load;
    }
  }
  load.is_loaded = true;
  load.pdptes.loaded = true;
  return load;
}

}  // namespace oracle_walk

OracleResult oracle_translate(const WalkContext& context, const Access& access,
                              OracleMemory& memory) {
  return oracle_walk::Oracle(context, access, memory).translate();
}

OracleLoad oracle_load_pdptes(const WalkContext& context, Gva address, OracleMemory& memory) {
  Access access;
  access.address = address;
  return oracle_walk::Oracle(context, access, memory).load_pdptes();
}

}  // namespace nestwalk
