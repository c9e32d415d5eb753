#include "model/cli/walk_outcome_text.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <vector>

#include "model/cli/walk_answer.h"
#include "model/cli/walk_entry_text.h"
#include "model/cli/walk_explain.h"
#include "model/cli/walk_names.h"
#include "model/walk/permissions.h"

namespace nestwalk {

namespace {

struct BitName {
  unsigned position;
  std::string_view name;
};

template <class Names>
std::string bit_list(std::uint64_t value, const Names& names) {
  std::vector<std::string_view> words;
  for (const BitName& name : names) {
    if ((value & bit(name.position)) != 0) {
      words.push_back(name.name);
    }
  }
  return words.empty() ? std::string("no bit set") : fmt::format("{}", fmt::join(words, ", "));
}

std::string error_code_text(std::uint64_t code) {
  namespace c = x86::error_code;
  constexpr std::array<BitName, 8> kNames = {{
      {c::kPresent, "P"},
      {c::kWrite, "W"},
      {c::kUser, "U"},
      {c::kReserved, "RSVD"},
      {c::kFetch, "I/D"},
      {c::kProtectionKey, "PK"},
      {c::kFinal, "final translation"},
      {c::kGuestTable, "guest table"},
  }};
  return bit_list(code, kNames);
}

std::string qualification_text(std::uint64_t code) {
  namespace q = ept::qualification;
  constexpr std::array<BitName, 9> kNames = {{
      {q::kRead, "read"},
      {q::kWrite, "write"},
      {q::kFetch, "fetch"},
      {q::kReadable, "R allowed"},
      {q::kWritable, "W allowed"},
      {q::kExecutable, "X allowed"},
      {q::kUserExecutable, "XU allowed"},
      {q::kLinearValid, "linear address valid"},
      {q::kFinal, "final translation"},
  }};
  return bit_list(code, kNames);
}

const EntryReference* find_reference(const WalkAnswer& answer, Stage stage, Position position) {
  for (const EntryReference& reference : last_attempt(answer)) {
    if (reference.stage == stage && reference.position == position) {
      return &reference;
    }
  }
  return nullptr;
}

std::string position_text(Position position) {
  return fmt::format("(g={}, h={})", position.g, position.h);
}

// Which rules deny this access, in words; the verdict itself is judge_guest's.
std::vector<std::string> denials(const Access& access, const Control& control, GuestRights rights,
                                 bool key_denies) {
  std::vector<std::string> reasons;
  const bool user = access.is_user();
  if (user && !rights.user()) {
    reasons.emplace_back("a user access to a page whose U is not set in every entry of the path");
  }
  if (access.is_fetch()) {
    if (!rights.execute()) {
      reasons.emplace_back("a fetch from a page with NX set in some entry of the path");
    }
    if (control.smep && !user && rights.user()) {
      reasons.emplace_back("SMEP: a supervisor fetch from a user page");
    }
  } else {
    if (access.is_write() && !rights.write() && (user || control.wp)) {
      reasons.emplace_back(user ? "a write to a page whose W is not set in every entry of the path"
                                : "a supervisor write to a read-only page, with CR0.WP on");
    }
    if (control.smap && !user && rights.user() && (access.implicit || !control.ac)) {
      reasons.emplace_back(access.implicit
                               ? "SMAP: an implicit supervisor access to a user page"
                               : "SMAP: a supervisor access to a user page, with EFLAGS.AC off");
    }
  }
  if (key_denies) {
    reasons.emplace_back("PKRU denies the protection key of the page");
  }
  return reasons;
}

std::string guest_fault_reason(const WalkContext& context, const Access& access,
                               const WalkAnswer& answer) {
  const Fault& fault = answer.outcome.fault;
  const EntryReference* entry = find_reference(answer, Stage::kGuest, fault.position);
  const unsigned level = fault.position.g;
  if (entry == nullptr) {
    return fmt::format("PDPTE register {} is not present.",
                       format_of(context.guest_format).index(3, access.address.value()));
  }
  const std::string name = name_of_entry(context, *entry);
  const StageRules rules = rules_of(context, *entry);
  switch (classify(rules, level, entry->value)) {
    case EntryKind::kNotPresent:
      return fmt::format("The {} is not present: bit 0 is clear.", name);
    case EntryKind::kMalformed:
      return fmt::format("The {} is malformed: {}.", name,
                         describe_malformed(rules, level, entry->value));
    case EntryKind::kTable:
    case EntryKind::kLeaf:
      break;
  }
  GuestRights rights;
  for (const EntryReference& passed : last_attempt(answer)) {
    if (passed.stage == Stage::kGuest) {
      rights &= guest_rights(rules, passed.position.g, passed.value);
    }
  }
  const bool key_denies = (fault.code & bit(x86::error_code::kProtectionKey)) != 0;
  return fmt::format("The guest's entries do not permit it: {}.",
                     fmt::join(denials(access, context.control, rights, key_denies), "; "));
}

std::string host_rights_text(const WalkContext& context, HostRights rights) {
  std::vector<std::string_view> words;
  words.emplace_back(rights.read() ? "R" : "no R");
  words.emplace_back(rights.write() ? "W" : "no W");
  words.emplace_back(rights.execute() ? "X" : "no X");
  if (!context.is_npt() && context.control.mode_based_execute) {
    words.emplace_back(rights.user_execute() ? "XU" : "no XU");
  }
  if (context.is_npt()) {
    words.emplace_back(rights.user() ? "U" : "no U");
  }
  return fmt::format("{}", fmt::join(words, ", "));
}

// What the host stage was asked for, in words.
std::string host_purpose_text(const WalkContext& context, const Access& access, Position position) {
  if (position.g == 0) {
    return fmt::format("The final translation, for a {},", name_of(access.type));
  }
  if (context.is_npt()) {
    return "A guest table access, which NPT treats as a user write,";
  }
  return context.control.accessed_dirty
             ? "A guest table access, which counts as a write while EPT accessed/dirty is on,"
             : "A read of a guest table";
}

// A guest A or D bit that cannot be set.
std::string denied_update_reason(const WalkContext& context, const Access& access,
                                 const WalkAnswer& answer) {
  const unsigned level = answer.outcome.fault.position.g;
  const std::string name = entry_name(context, Stage::kGuest, level);
  const EntryReference* entry =
      find_reference(answer, Stage::kGuest, answer.outcome.fault.position);
  if (entry == nullptr) {
    return fmt::format("The {} cannot be updated.", name);
  }
  const StageRules rules = guest_rules(context);
  const std::uint64_t missing = missing_accessed_dirty(
      rules, level, entry->value, access.is_write() && is_leaf(rules, level, entry->value));
  constexpr std::array<BitName, 2> kNames = {{{x86::kAccessed, "A"}, {x86::kDirty, "D"}}};
  return fmt::format("The processor must set {} in the {}, and the host gives no W for its page.",
                     bit_list(missing, kNames), name);
}

std::string host_fault_reason(const WalkContext& context, const Access& access,
                              const WalkAnswer& answer) {
  const Fault& fault = answer.outcome.fault;
  const StageRules rules = host_rules(context);
  if (fault.position.g == 3 && context.uses_pdpte_registers()) {
    return "The load of the PDPTE registers with CR3 failed in the host stage.";
  }
  if (fault.position.h == 0) {
    return denied_update_reason(context, access, answer);
  }
  const EntryReference* entry = find_reference(answer, Stage::kHost, fault.position);
  if (entry == nullptr) {
    return fmt::format(
        "The guest-physical address has more than the {} bits of this format, so "
        "no entry was read.",
        rules.format->input_bits);
  }
  const unsigned level = fault.position.h;
  const std::string name = entry_name(context, Stage::kHost, level);
  switch (classify(rules, level, entry->value)) {
    case EntryKind::kNotPresent:
      return fmt::format("The {} is not present.", name);
    case EntryKind::kMalformed:
      return fmt::format("The {} is malformed: {}.", name,
                         describe_malformed(rules, level, entry->value));
    case EntryKind::kTable:
    case EntryKind::kLeaf:
      break;
  }
  HostRights rights;
  for (const EntryReference& passed : last_attempt(answer)) {
    if (passed.stage == Stage::kHost && passed.position.g == fault.position.g) {
      rights &= host_rights(rules, passed.position.h, passed.value);
    }
  }
  return fmt::format("{} is not permitted: over the entries of this host walk the rights are {}.",
                     host_purpose_text(context, access, fault.position),
                     host_rights_text(context, rights));
}

std::string fault_text(const WalkContext& context, const Access& access, const WalkAnswer& answer) {
  const Fault& fault = answer.outcome.fault;
  const std::string at = position_text(fault.position);
  switch (fault.kind) {
    case FaultKind::kGuestPageFault:
      return fmt::format(
          "guest page fault (#PF) at {}, error code {:#x}: {}\n  {}\n"
          "  {}, before any guest A or D bit is written.\n"
          "  Rule: Intel SDM vol. 3, \"Access rights\" and \"Page-fault exceptions\".\n",
          at, fault.code, error_code_text(fault.code), guest_fault_reason(context, access, answer),
          fault.in_shadow ? "Raised by the shadow, so it leaves the guest (a VM exit)"
                          : "Delivered to the guest");
    case FaultKind::kEptViolation:
      return fmt::format(
          "EPT violation at {}, exit qualification {:#x}: {}\n"
          "  Guest-physical address {:#x}. {}\n"
          "  Leaves the guest (a VM exit).\n"
          "  Rule: Intel SDM vol. 3, \"EPT violations\".\n",
          at, fault.code, qualification_text(fault.code), fault.gpa.value(),
          host_fault_reason(context, access, answer));
    case FaultKind::kEptMisconfiguration:
      return fmt::format(
          "EPT misconfiguration at {}\n"
          "  Guest-physical address {:#x}. {}\n"
          "  Leaves the guest (a VM exit); it comes before any judgement of rights.\n"
          "  Rule: Intel SDM vol. 3, \"EPT misconfigurations\".\n",
          at, fault.gpa.value(), host_fault_reason(context, access, answer));
    case FaultKind::kNestedPageFault:
      return fmt::format(
          "nested page fault (#NPF) at {}, error code {:#x}: {}\n"
          "  Guest-physical address {:#x}. {}\n"
          "  Leaves the guest (#VMEXIT).\n"
          "  Rule: AMD APM vol. 2, \"Nested versus guest page faults\".\n",
          at, fault.code, error_code_text(fault.code), fault.gpa.value(),
          host_fault_reason(context, access, answer));
    case FaultKind::kNonCanonical:
      return fmt::format(
          "general protection fault (#GP): the address is not canonical\n"
          "  Bits 63 to {} must all be equal. No table was read.\n"
          "  Rule: Intel SDM vol. 1, \"Canonical addressing\".\n",
          format_of(context.guest_format).input_bits - 1);
    case FaultKind::kPdpteReserved:
      return fmt::format(
          "general protection fault (#GP) at the load of CR3\n"
          "  The PDPTE at {:#x} is present and has a reserved bit set.\n"
          "  Rule: Intel SDM vol. 3, \"PDPTE registers\".\n",
          fault.gpa.value());
    case FaultKind::kMemoryError:
      break;
  }
  return fmt::format(
      "memory error at {}\n"
      "  The memory refused an access, or A/D updates were lost {} times in a row.\n",
      at, WalkEngine::kMaxRestarts);
}

std::string translation_text(const WalkContext& context, const WalkAnswer& answer) {
  const Translation& t = answer.outcome.translation;
  const bool is_shadow = ends_in_shadow(answer);
  std::string text;
  if (context.has_guest) {
    text +=
        fmt::format("  {} page {}", is_shadow ? "shadow" : "guest", size_text(t.guest_page_bits));
    text += t.global ? ", global" : "";
    text += t.protection_key != 0 ? fmt::format(", protection key {}", t.protection_key) : "";
    text += "\n";
  }
  if (context.has_host && !is_shadow) {
    text += fmt::format("  host page {}\n", size_text(t.host_page_bits));
  }
  text += fmt::format(
      "  one TLB entry covers {}{}\n", size_text(t.page_bits()),
      context.has_guest && context.has_host && !is_shadow ? ", the smaller of both pages" : "");
  const PageRights rights = page_rights(t);
  const auto yes = [](bool value) { return value ? "yes" : "no"; };
  text += fmt::format("  rights: read {}, write {}, execute {}, user {} (AND over all entries)\n",
                      yes(rights.read), yes(rights.write), yes(rights.execute), yes(rights.user));
  return text;
}

}  // namespace

std::string describe_outcome(const WalkContext& context, const Access& access,
                             const WalkAnswer& answer) {
  if (!answer.outcome.is_translation) {
    return fault_text(context, access, answer);
  }
  const Translation& t = answer.outcome.translation;
  std::string text = "translation\n  ";
  if (context.has_guest) {
    text += fmt::format("GVA {:#x} -> ", access.address.value());
  }
  text += ends_in_shadow(answer)
              ? fmt::format("HPA {:#x}, by a leaf of the shadow\n", t.hpa.value())
              : fmt::format("GPA {:#x} -> HPA {:#x}\n", t.gpa.value(), t.hpa.value());
  return text + translation_text(context, answer);
}

}  // namespace nestwalk
