#include "tests/support/at_fence_judge.h"

#include <map>
#include <optional>
#include <sstream>

#include "model/lookup/entry_key.h"

namespace nestwalk {
namespace {

// Updates go to a layer above the words, which stay as they are.
class LayeredMemory final : public OracleMemory {
 public:
  explicit LayeredMemory(const WordMemory& words) : words_(words) {}

  std::optional<std::uint64_t> read(const OracleReference& where) override {
    const auto found = updated_.find(where.hpa.value());
    return found != updated_.end() ? std::optional(found->second)
                                   : words_.read(where.hpa, where.size);
  }
  OracleUpdate compare_and_swap(const OracleReference& where, std::uint64_t expected) override {
    if (!words_.is_writable(where.hpa)) {
      return OracleUpdate::kRefused;
    }
    if (read(where) != expected) {
      return OracleUpdate::kLost;
    }
    updated_[where.hpa.value()] = where.value;
    return OracleUpdate::kStored;
  }

 private:
  const WordMemory& words_;
  std::map<std::uint64_t, std::uint64_t> updated_;
};

WalkContext host_alone(WalkContext context) {
  context.has_guest = false;
  return context;
}

// Some access that the tables permit there, if any.
std::optional<Translation> any_translation(const WalkContext& context, std::uint64_t address,
                                           const WordMemory& words) {
  for (const Privilege privilege : {Privilege::kUser, Privilege::kSupervisor}) {
    for (const AccessType type : {AccessType::kRead, AccessType::kWrite, AccessType::kFetch}) {
      Access access;
      access.address = Gva(address);
      access.type = type;
      access.privilege = privilege;
      const OracleResult result = witness(context, access, words);
      if (result.is_translation) {
        return result.translation;
      }
    }
  }
  return std::nullopt;
}

std::string describe(const char* structure, std::uint64_t address, std::uint64_t holds) {
  std::ostringstream out;
  out << structure << " holds 0x" << std::hex << holds << " for 0x" << address
      << ", which the tables do not say";
  return out.str();
}

// Where a walk to `address` finds the entry of a level.
std::optional<std::uint64_t> table_of(const WalkContext& context, Stage stage, unsigned level,
                                      std::uint64_t address, const WordMemory& words) {
  Access access;
  access.address = Gva(address);
  for (const Privilege privilege : {Privilege::kUser, Privilege::kSupervisor}) {
    access.privilege = privilege;
    for (const OracleReference& r : witness(context, access, words).references) {
      const bool is_there = stage == Stage::kGuest
                                ? r.stage == stage && r.position.g == level && r.position.h == 0
                                : r.stage == stage && r.position.g == 0 && r.position.h == level;
      if (is_there) {
        return r.hpa.page(kSmallPageBits).value();
      }
    }
  }
  return std::nullopt;
}

bool has_tags(const EntryKey& key, const Tags& tags) {
  return matches(key, key.kind, tags_for(key.kind, tags));
}

std::string stale_translation(const WalkContext& context, const Tlb& tlb, const WordMemory& words) {
  std::string found;
  tlb.for_each([&](const TlbEntry& entry) {
    if (!found.empty() || !has_tags(entry.key, context.tags)) {
      return;
    }
    const auto now = any_translation(context, entry.key.address, words);
    const Translation& then = entry.payload;
    if (!now || now->hpa != then.hpa || now->guest != then.guest || now->host != then.host ||
        now->guest_page_bits != then.guest_page_bits) {
      found = describe("TLB", entry.key.address, then.hpa.value());
    }
  });
  return found;
}

std::string stale_structure(const WalkContext& context, const WalkCache& cache,
                            const WordMemory& words) {
  std::string found;
  cache.for_each([&](const PwcEntry& entry) {
    if (!found.empty() || !has_tags(entry.key, context.tags)) {
      return;
    }
    const bool is_host = entry.key.kind == MappingKind::kGuestPhysical;
    const Resume& resume = entry.payload;
    const auto now =
        table_of(is_host ? host_alone(context) : context, is_host ? Stage::kHost : Stage::kGuest,
                 resume.next_level, entry.key.address, words);
    std::uint64_t base = resume.base;
    if (resume.is_gpa && context.has_host) {
      const auto page = any_translation(host_alone(context), base, words);
      base = page ? page->hpa.value() : ~base;
    }
    if (!now || Hpa(base).page(kSmallPageBits).value() != *now) {
      found = describe(is_host ? "host walk cache" : "guest walk cache", entry.key.address, base);
    }
  });
  cache.for_each_word([&](const PwcWord& word) {
    const std::uint64_t now = words.read(word.hpa, entry_bytes(context, word.stage)).value_or(0);
    if (found.empty() && ((now ^ word.value) & ~kAccessedDirtyBits) != 0) {
      found = describe("walk cache of words", word.hpa.value(), word.value);
    }
  });
  return found;
}

// What the host stage alone says of a guest-physical page, by whatever access. With mode-based
// execute control a page may be for fetches of supervisor pages alone, which no access without a
// guest stage makes: its rights to execute then do not decide.
bool is_host_page(const WalkContext& context, Gpa page, const Resume& resume,
                  const WordMemory& words) {
  WalkContext host = host_alone(context);
  if (const auto now = any_translation(host, page.value(), words)) {
    return now->hpa.value() == resume.base && now->host == resume.host;
  }
  if (!host.control.mode_based_execute) {
    return false;
  }
  host.control.mode_based_execute = false;
  const auto now = any_translation(host, page.value(), words);
  return now && now->hpa.value() == resume.base && now->host.read() == resume.host.read() &&
         now->host.write() == resume.host.write() && now->host.execute() == resume.host.execute();
}

std::string stale_page(const WalkContext& context, const NestedTlb& ntlb, const WordMemory& words) {
  std::string found;
  ntlb.for_each([&](const NtlbEntry& entry) {
    if (!found.empty() || !has_tags(entry.key, context.tags)) {
      return;
    }
    if (!is_host_page(context, Gpa(entry.key.address), entry.payload, words)) {
      found = describe("nested TLB", entry.key.address, entry.payload.base);
    }
  });
  return found;
}

}  // namespace

unsigned entry_bytes(const WalkContext& context, Stage stage) {
  return format_of(stage == Stage::kGuest ? context.guest_format : context.host_format).entry_bytes;
}

OracleResult witness(const WalkContext& context, const Access& access, const WordMemory& words) {
  LayeredMemory memory(words);
  return oracle_translate(context, access, memory);
}

std::set<std::uint64_t> entries_of(const WalkContext& context, const std::vector<Access>& accesses,
                                   const WordMemory& words, bool host_stage_too) {
  std::set<std::uint64_t> entries;
  for (const Access& access : accesses) {
    for (const OracleReference& reference : witness(context, access, words).references) {
      if (reference.stage == Stage::kGuest || host_stage_too) {
        entries.insert(reference.hpa.value());
      }
    }
  }
  return entries;
}

std::string stale_entry(const WalkContext& context, const Mmu& mmu, const Walker& walker,
                        const WordMemory& words) {
  for (const Tlb* tlb : {&mmu.l1_itlb(), &mmu.l1_dtlb(), &mmu.l2_tlb()}) {
    if (std::string found = stale_translation(context, *tlb, words); !found.empty()) {
      return found;
    }
  }
  if (std::string found = stale_structure(context, walker.walk_cache(), words); !found.empty()) {
    return found;
  }
  return stale_page(context, walker.nested_tlb(), words);
}

}  // namespace nestwalk
