#include "model/hypervisor/checker_violation.h"

#include <fmt/format.h>

#include "model/arch/paging_format.h"

namespace nestwalk {
namespace {

std::string_view name_of(AccessType type) {
  constexpr std::array<std::string_view, 3> kNames = {"read", "write", "fetch"};
  return kNames[static_cast<unsigned>(type)];
}

bool is_amd(const WalkContext& context) {
  return context.tags.asid != Asid{};
}

std::string tags_text(const WalkContext& context) {
  const Tags& tags = context.tags;
  std::string text = is_amd(context) ? fmt::format("ASID {}", static_cast<unsigned>(tags.asid))
                                     : fmt::format("VPID {}", static_cast<unsigned>(tags.vpid));
  text += fmt::format(", PCID {}", static_cast<unsigned>(tags.pcid));
  if (context.has_host && !is_amd(context)) {
    text += fmt::format(", EP4TA {:#x}", static_cast<std::uint64_t>(tags.ep4ta));
  }
  return text;
}

std::string page_size(unsigned bits) {
  switch (bits) {
    case 12:
      return "4K";
    case 21:
      return "2M";
    case 22:
      return "4M";
    case 30:
      return "1G";
    default:
      return fmt::format("2^{}-byte", bits);
  }
}

std::string rights_text(const Translation& t) {
  std::string text;
  text += t.host.read() ? "r" : "-";
  text += t.guest.write() && t.host.write() ? "w" : "-";
  text += t.guest.execute() && t.host.execute() ? "x" : "-";
  text += t.guest.user() ? "u" : "s";
  text += t.dirty ? "d" : "-";
  return text;
}

std::string answer_text(const Translation& t) {
  return fmt::format("frame {:#x}, rights {}, {} page", t.hpa.page(kSmallPageBits).value(),
                     rights_text(t), page_size(t.page_bits()));
}

std::string entry_name(const LegalAnswer& origin) {
  return fmt::format("{} level-{} entry", origin.stage == Stage::kGuest ? "guest" : "host",
                     origin.level);
}

std::string operation_text(const LoggedInvalidation& drop) {
  const Invalidation& i = drop.invalidation;
  std::string text(nestwalk::name_of(i.op));
  if (names_an_address(i.op)) {
    text += fmt::format(" of {:#x}", i.address.value());
  }
  return fmt::format("{} (VPID {}, PCID {}, EP4TA {:#x}, ASID {})", text,
                     static_cast<unsigned>(i.tags.vpid), static_cast<unsigned>(i.tags.pcid),
                     static_cast<std::uint64_t>(i.tags.ep4ta), static_cast<unsigned>(i.tags.asid));
}

std::string when_text(const CheckerStamp& stamp) {
  return fmt::format("cycle {}, translation {}", stamp.cycle, stamp.translations);
}

std::string change_text(const Violation& v) {
  const LegalAnswer& origin = *v.origin;
  if (origin.standing == Standing::kCurrent) {
    return {};
  }
  const TableChange& change = origin.change;
  return fmt::format("  stale since {}: the {} at {:#x} changed from {:#x} to {:#x}\n",
                     when_text(change.when), entry_name(origin), change.word.value(), change.before,
                     change.after);
}

std::string frame_text(const Violation& v) {
  const std::string frame = fmt::format("{:#x}", v.answer.hpa.page(kSmallPageBits).value());
  const std::string vm = v.vm ? fmt::format("VM {}", *v.vm) : "the guest";
  switch (v.kind) {
    case ViolationKind::kFreedFrame:
      return fmt::format("  frame {} is free: {} uses memory that it has given back\n", frame, vm);
    case ViolationKind::kForeignFrame:
      return fmt::format("  frame {} belongs to VM {} ({}), not to {}\n", frame, v.owner.vm,
                         nestwalk::name_of(v.owner.use), vm);
    case ViolationKind::kForbiddenFrame:
      return fmt::format("  frame {} is the hypervisor's ({}): {} must not reach it\n", frame,
                         nestwalk::name_of(v.owner.use), vm);
    case ViolationKind::kWritableTable:
      return fmt::format("  frame {} is write-protected (a guest's table), and {} may write it\n",
                         frame, vm);
    default:
      return fmt::format("  guest page {:#x} is clean in the dirty log, and {} writes it\n",
                         v.answer.gpa.page(kSmallPageBits).value(), vm);
  }
}

}  // namespace

std::string_view text_of(ViolationKind kind) {
  switch (kind) {
    case ViolationKind::kMissingInvalidation:
      return "A change was over, and no invalidation had been made for it.";
    case ViolationKind::kUsedAfterDrop:
      return "An invalidation was acknowledged, and what it covers was used afterwards.";
    case ViolationKind::kReusedTags:
      return "Tags served for other tables without an invalidation in between.";
    case ViolationKind::kUnexplained:
      return "The tables never said what was answered.";
    case ViolationKind::kFreedFrame:
      return "A free frame was reached.";
    case ViolationKind::kForeignFrame:
      return "A frame of another VM was reached.";
    case ViolationKind::kForbiddenFrame:
      return "A frame of the hypervisor or of a host-stage table was reached.";
    case ViolationKind::kWritableTable:
      return "A write-protected guest table could be written.";
    case ViolationKind::kLostDirtyRecord:
      return "A page was written that the dirty log says is clean.";
    case ViolationKind::kAgainstGuestTables:
      return "The shadow permitted what the guest's own tables do not, nor may still be "
             "remembered.";
  }
  return {};
}

std::string structure_of(const Violation& v) {
  if (v.path != TranslationPath::kWalk || !v.origin || v.origin->standing == Standing::kCurrent) {
    return std::string(nestwalk::name_of(v.path));
  }
  // A walk reads memory, so that what is old was cached on its way.
  if (v.origin->stage == Stage::kHost) {
    return "walk, from the nested TLB or the host walk cache";
  }
  return "walk, from the guest walk cache";
}

std::string missing_of(const Violation& v) {
  const std::uint64_t page = v.access.address.page(kSmallPageBits).value();
  if (v.kind == ViolationKind::kReusedTags) {
    return v.context.has_host || !is_amd(v.context)
               ? "a load of CR3 without bit 63, or INVPCID (another virtual CPU: INVVPID)"
               : "a load of CR3, or TLB_CONTROL for the ASID";
  }
  if (v.origin && v.origin->stage == Stage::kHost) {
    return is_amd(v.context) ? "TLB_CONTROL for the ASID"
                             : fmt::format("INVEPT for EP4TA {:#x}",
                                           static_cast<std::uint64_t>(v.context.tags.ep4ta));
  }
  return fmt::format("INVLPG of {:#x}, or an operation on the whole PCID or {}", page,
                     is_amd(v.context) ? "ASID" : "VPID");
}

std::string text_of(const Violation& v) {
  std::string text = fmt::format(
      "{}: {}\n  core {}, {}: {} {} of {:#x} ({} mapping, {})\n  answered by the {}: {}\n",
      nestwalk::name_of(v.kind), text_of(v.kind), v.core, when_text(v.when),
      v.access.is_user() ? "user" : "supervisor", name_of(v.access.type), v.access.address.value(),
      v.context.has_host ? "combined" : "linear", tags_text(v.context), structure_of(v),
      answer_text(v.answer));
  switch (v.kind) {
    case ViolationKind::kMissingInvalidation:
      text += change_text(v);
      text += fmt::format("  missing on core {}: {}\n", v.core, missing_of(v));
      if (v.dropped_on) {
        text +=
            fmt::format("  core {} has dropped it; core {} was not told\n", *v.dropped_on, v.core);
      }
      if (v.last_drop) {
        text += fmt::format("  made since, and covering less: {}\n", operation_text(*v.last_drop));
      }
      break;
    case ViolationKind::kUsedAfterDrop:
      text += change_text(v);
      if (v.origin->dropped_by) {
        text += fmt::format("  dropped by {}, which core {} has acknowledged\n",
                            operation_text(*v.origin->dropped_by), v.core);
      }
      break;
    case ViolationKind::kReusedTags:
      text += fmt::format("  as the tables at {:#x} say, which used the same tags before\n",
                          v.former_root);
      text += fmt::format("  missing on core {}: {}\n", v.core, missing_of(v));
      break;
    case ViolationKind::kAgainstGuestTables:
      if (v.origin) {
        text += change_text(v);
      }
      text += v.current ? fmt::format("  the guest's tables say now: {}\n", answer_text(*v.current))
                        : "  the guest's tables say now: no translation\n";
      return text;
    case ViolationKind::kUnexplained:
      break;
    default:
      text += frame_text(v);
      break;
  }
  text += v.current ? fmt::format("  the tables say now: {}\n", answer_text(*v.current))
                    : "  the tables say now: no translation\n";
  return text;
}

}  // namespace nestwalk
