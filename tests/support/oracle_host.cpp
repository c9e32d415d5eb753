// The host stage of the second witness: EPT and nested tables.
#include "tests/support/oracle_walk.h"

namespace nestwalk::oracle_walk {

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

}  // namespace nestwalk::oracle_walk
