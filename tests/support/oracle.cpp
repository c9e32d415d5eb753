#include "tests/support/oracle.h"

#include <utility>

#include "tests/support/oracle_codes.h"
#include "tests/support/oracle_entries.h"

namespace nestwalk {
namespace {

using namespace oracle_entries;  // NOLINT(google-build-using-namespace)

template <class Rights>
void keep(Rights& rights, std::uint8_t right, bool present) {
  if (!present) {
    rights.bits = static_cast<std::uint8_t>(rights.bits & ~right);
  }
}

struct HostPage {
  Hpa hpa;
  HostRights rights;
  std::uint8_t page_bits = kNoPageBits;
  bool dirty = true;
};

// A guest entry on the way, with what its own host translation allowed.
struct GuestStep {
  OracleReference entry;
  Gpa gpa;
  HostRights host;
};

class Oracle {
 public:
  Oracle(const WalkContext& context, const Access& access, OracleMemory& memory)
      : context_(context), control_(context.control), access_(access), memory_(memory) {}

  OracleResult translate();
  OracleLoad load_pdptes();

 private:
  // Each returns an empty optional (or false) when the walk has ended: by a fault, or because an
  // A/D update was lost and the whole walk must be done again (is_lost_).
  std::optional<Translation> translate_guest();
  std::optional<HostPage> translate_host(Gpa gpa, std::uint8_t g, Purpose purpose);
  bool check_guest_rights(const GuestRights& rights, Position leaf, unsigned key);
  bool update_guest(std::vector<GuestStep>& path, const X86Rules& rules);
  bool update_host(std::vector<OracleReference>& path, Purpose purpose);
  bool read(OracleReference& entry, Gpa gpa);
  bool set_bits(OracleReference& entry, Word bits);

  [[nodiscard]] bool host_rights_suffice(const HostRights& rights, Purpose purpose) const;
  [[nodiscard]] X86Rules guest_rules() const {
    return {context_.guest_format, control_.guest_maxphyaddr, control_.nxe, control_.pse,
            control_.page_1g};
  }

  void page_fault(Position position, PageFaultCause cause);
  void ept_violation(Position position, Gpa gpa, HostRights rights, Purpose purpose);
  void nested_page_fault(Position position, Gpa gpa, Purpose purpose, PageFaultCause cause);
  void fault(FaultKind kind, Word code, Position position, std::optional<Gpa> gpa);

  const WalkContext& context_;
  const Control& control_;
  const Access& access_;
  OracleMemory& memory_;
  OracleResult result_;
  bool is_lost_ = false;
  bool is_user_path_ = true;  // U set in all guest entries so far; true while guest paging is off
};

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

// ---- host stage

bool Oracle::host_rights_suffice(const HostRights& rights, Purpose purpose) const {
  if (is_write_type(context_, access_, purpose) && !rights.write()) {
    return false;
  }
  const bool is_fetch = purpose == Purpose::kFinal && access_.is_fetch();
  if (is_npt(context_)) {
    return rights.user() && (!is_fetch || rights.execute());
  }
  if (is_fetch) {
    return control_.mode_based_execute && is_user_path_ ? rights.user_execute() : rights.execute();
  }
  return rights.read() || (purpose == Purpose::kFinal && access_.is_write());
}

// One function, so that it reads from top to bottom like the manual's walk.
// NOLINTNEXTLINE(readability-function-size)
std::optional<HostPage> Oracle::translate_host(Gpa gpa, std::uint8_t g, Purpose purpose) {
  if (!context_.has_host) {
    return HostPage{Hpa(gpa.value()), HostRights{}, kNoPageBits, true};
  }
  const FormatId format = context_.host_format;
  const X86Rules npt{format, control_.maxphyaddr, true, true, control_.page_1g};
  const std::uint8_t root = root_level(format);
  const auto not_present = [&](Position position, HostRights rights) {
    if (is_ept(format)) {
      ept_violation(position, gpa, rights, purpose);
    } else {
      nested_page_fault(position, gpa, purpose, PageFaultCause::kNotPresent);
    }
    return std::nullopt;
  };
  if ((gpa.value() >> address_width(format)) != 0) {
    return not_present({g, root}, HostRights{0});
  }

  HostRights rights;
  std::vector<OracleReference> path;
  Word table = root_of(format, context_.host_root);
  for (std::uint8_t h = root;; --h) {
    const Position position{g, h};
    OracleReference entry{Stage::kHost, position, Hpa(entry_address(format, table, gpa.value(), h)),
                          entry_size(format), 0};
    if (!read(entry, gpa)) {
      return std::nullopt;
    }
    path.push_back(entry);
    const Word word = entry.value;

    bool is_page = false;
    if (is_ept(format)) {
      keep(rights, HostRights::kRead, has(word, 0));
      keep(rights, HostRights::kWrite, has(word, 1));
      keep(rights, HostRights::kExecute, has(word, 2));
      keep(rights, HostRights::kUserExecute, has(word, control_.mode_based_execute ? 10 : 2));
      const EptVerdict verdict = judge_ept(control_, h, word);
      if (verdict == EptVerdict::kNotPresent) {
        return not_present(position, rights);
      }
      if (verdict == EptVerdict::kMisconfigured) {
        fault(FaultKind::kEptMisconfiguration, 0, position, gpa);
        return std::nullopt;
      }
      is_page = verdict == EptVerdict::kPage;
    } else {
      if (!has(word, 0)) {
        return not_present(position, rights);
      }
      if (npt.is_reserved(h, word)) {
        nested_page_fault(position, gpa, purpose, PageFaultCause::kReserved);
        return std::nullopt;
      }
      if (npt.has_rights(h)) {
        keep(rights, HostRights::kWrite, has(word, 1));
        keep(rights, HostRights::kUser, has(word, 2));
        keep(rights, HostRights::kExecute, npt.may_execute(word));
        keep(rights, HostRights::kUserExecute, npt.may_execute(word));
      }
      is_page = npt.is_leaf(h, word);
    }
    if (!is_page) {
      table = is_ept(format) ? word & ones(51, 12) : npt.table_base(word);
      continue;
    }

    // The walk is complete: only now do the rights count.
    if (!host_rights_suffice(rights, purpose)) {
      if (is_ept(format)) {
        ept_violation(position, gpa, rights, purpose);
      } else {
        nested_page_fault(position, gpa, purpose, PageFaultCause::kRights);
      }
      return std::nullopt;
    }
    if (!update_host(path, purpose)) {
      return std::nullopt;
    }
    const std::uint8_t bits = page_bits(format, h);
    const Word base = is_ept(format) ? word & ones(51, bits) : npt.page_base(h, word);
    HostPage page;
    page.hpa = Hpa(base + gpa.value() % one(bits));
    page.rights = rights;
    page.page_bits = bits;
    const bool has_dirty_bit = !is_ept(format) || control_.accessed_dirty;
    page.dirty = !has_dirty_bit || has(path.back().value, is_ept(format) ? 9 : 6);
    return page;
  }
}

bool Oracle::update_host(std::vector<OracleReference>& path, Purpose purpose) {
  const bool ept = is_ept(context_.host_format);
  if (ept && !control_.accessed_dirty) {
    return true;
  }
  for (OracleReference& entry : path) {
    if (context_.host_format == FormatId::kX86Pae && entry.position.h == 3) {
      continue;  // a PDPTE has no A bit
    }
    Word bits = one(ept ? 8 : 5);
    if (&entry == &path.back() && is_write_type(context_, access_, purpose)) {
      bits |= one(ept ? 9 : 6);
    }
    if (!set_bits(entry, bits)) {
      return false;
    }
  }
  return true;
}

// ---- guest stage

// One function, as above.
// NOLINTNEXTLINE(readability-function-size)
std::optional<Translation> Oracle::translate_guest() {
  const FormatId format = context_.guest_format;
  const X86Rules rules = guest_rules();
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
  Word table = root_of(format, context_.guest_root);
  if (format == FormatId::kX86Pae && !is_npt(context_)) {
    const Word pdpte = context_.pdptes.entry.at((address >> 30) % 4);
    if (!has(pdpte, 0)) {
      page_fault({3, 0}, PageFaultCause::kNotPresent);
      return std::nullopt;
    }
    table = rules.table_base(pdpte);
    g = 2;
  }

  for (;; --g) {
    const Position position{g, 0};
    const Gpa gpa(entry_address(format, table, address, g));
    const std::optional<HostPage> home = translate_host(gpa, g, Purpose::kGuestTable);
    if (!home) {
      return std::nullopt;
    }
    GuestStep step{{Stage::kGuest, position, home->hpa, entry_size(format), 0}, gpa, home->rights};
    if (!read(step.entry, gpa)) {
      return std::nullopt;
    }
    path.push_back(step);
    const Word word = step.entry.value;
    if (!has(word, 0)) {
      page_fault(position, PageFaultCause::kNotPresent);
      return std::nullopt;
    }
    if (rules.is_reserved(g, word)) {
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
    table = rules.table_base(word);
  }

  const Word leaf = path.back().entry.value;
  const unsigned key = is_long(format) ? static_cast<unsigned>((leaf >> 59) & 15) : 0;
  is_user_path_ = rights.user();
  if (!check_guest_rights(rights, {g, 0}, key) || !update_guest(path, rules)) {
    return std::nullopt;
  }

  const std::uint8_t bits = page_bits(format, g);
  const Gpa gpa(rules.page_base(g, leaf) + address % one(bits));
  const std::optional<HostPage> page = translate_host(gpa, 0, Purpose::kFinal);
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

}  // namespace

OracleResult oracle_translate(const WalkContext& context, const Access& access,
                              OracleMemory& memory) {
  return Oracle(context, access, memory).translate();
}

OracleLoad oracle_load_pdptes(const WalkContext& context, Gva address, OracleMemory& memory) {
  Access access;
  access.address = address;
  return Oracle(context, access, memory).load_pdptes();
}

}  // namespace nestwalk
