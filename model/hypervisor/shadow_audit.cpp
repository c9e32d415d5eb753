#include "model/hypervisor/shadow_audit.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "model/hypervisor/guest_physical.h"
#include "model/walk/entry_rules.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kLeafBits = bit(x86::kPresent) | bit(x86::kAccessed);

class Audit {
 public:
  Audit(const SparseMemory& memory, const Vm& vm, const Control& machine)
      : memory_(memory),
        vm_(vm),
        cache_(vm.shadow.cache),
        machine_(machine),
        host_rules_(host_stage_rules(vm, machine)) {}

  std::vector<std::string> run() {
    cache_.for_each([this](ShadowId id, const ShadowTable& table) { check_table(id, table); });
    if (num_leaves_ != vm_.shadow.reverse_map.num_leaves()) {
      report(kNoShadow, 0,
             fmt::format("{} leaves, but {} in the reverse map", num_leaves_,
                         vm_.shadow.reverse_map.num_leaves()));
    }
    for (std::size_t i = 0; vm_.is_shadowed() && i < vm_.shadow.vcpus.size(); ++i) {
      check_vcpu(i);
    }
    return std::move(differences_);
  }

 private:
  // What the guest's entry says, or a direct table of its place, about the entry of a shadow.
  struct Source {
    EntryKind kind = EntryKind::kNotPresent;
    Gpa address;  // of the next table, or of the page
    GuestRights rights;
    bool accessed = true;
    bool dirty = true;
  };

  void report(ShadowId id, unsigned index, std::string_view what) {
    if (id == kNoShadow) {
      differences_.emplace_back(what);
      return;
    }
    const ShadowTable& t = cache_.table(id);
    differences_.push_back(fmt::format("{} shadow of {:#x} at level {}, entry {}: {}",
                                       t.key.role.direct ? "direct" : "table", t.key.frame.value(),
                                       t.key.role.level, index, what));
  }

  [[nodiscard]] std::optional<HostPage> host_page(Gpa address) const {
    return find_host_page(host_rules_, vm_.root, address,
                          [this](Hpa entry, unsigned bytes) { return memory_.read(entry, bytes); });
  }

  [[nodiscard]] bool is_top(const ShadowTable& table) const {
    const ShadowRole& role = table.key.role;
    return role.mode.paging && role.level > 2 && format_of(role.mode.guest_format).input_bits == 32;
  }

  [[nodiscard]] StageRules rules_of(const ShadowMode& mode) const {
    WalkContext context;
    context.has_guest = true;
    context.guest_format = mode.guest_format;
    context.control = machine_;
    context.control.nxe = mode.no_execute;
    context.control.pse = mode.large_2level;
    return guest_rules(context);
  }

  [[nodiscard]] unsigned page_bits(const ShadowTable& table) const {
    return format_of(FormatId::kX86FiveLevel).page_bits(table.key.role.level);
  }

  [[nodiscard]] Source source_of(const ShadowTable& table, unsigned index) const {
    const ShadowRole& role = table.key.role;
    Source source;
    if (role.direct) {
      source.kind = EntryKind::kLeaf;
      source.address = table.key.frame + (std::uint64_t{index} << page_bits(table));
      source.rights = role.access;
      return source;
    }
    const StageRules rules = rules_of(role.mode);
    const bool is_small = rules.format->entry_bytes == 4;
    unsigned guests = index;
    if (is_small) {
      guests = role.level == 1 ? role.quadrant * 512U + index : role.quadrant * 256U + index / 2;
    }
    const std::optional<HostPage> page =
        host_page(table.key.frame + std::uint64_t{guests} * rules.format->entry_bytes);
    if (!page) {
      return source;
    }
    const std::uint64_t entry = memory_.read(page->hpa, rules.format->entry_bytes);
    source.kind = classify(rules, role.level, entry);
    source.rights = guest_rights(rules, role.level, entry);
    source.rights &= role.access;
    source.accessed = (entry & bit(x86::kAccessed)) != 0;
    source.dirty = (entry & bit(x86::kDirty)) != 0;
    source.address = Gpa(source.kind == EntryKind::kLeaf ? page_address(rules, role.level, entry)
                                                         : table_address(rules, entry));
    if (source.kind == EntryKind::kLeaf && is_small && role.level == 2) {
      source.address = source.address + std::uint64_t{index % 2} * bit(21);
    }
    return source;
  }

  void check_table(ShadowId id, const ShadowTable& table) {
    if (table.is_listed && cache_.find(table.key) != id) {
      report(id, 0, "another table has its key");
    }
    if (table.is_out_of_sync && (table.key.role.level != 1 || table.key.role.direct)) {
      report(id, 0, "out of sync, and not of the last level");
    }
    for (const ShadowId other : cache_.shadows_of(table.key.frame)) {
      if (!table.key.role.direct && table.is_listed &&
          cache_.table(other).is_out_of_sync != table.is_out_of_sync) {
        report(id, 0, "in sync, and another shadow of the frame is not");
      }
    }
    for (const ShadowLink parent : table.parents) {
      const ShadowEntry& entry = cache_.table(parent.table).entries.at(parent.index);
      if (entry.kind != ShadowEntry::Kind::kTable || entry.child != id) {
        report(id, 0, "a parent that does not link to it");
      }
    }
    for (unsigned index = 0; index < kShadowEntries; ++index) {
      const std::uint64_t word = memory_.read(table.frame + index * std::uint64_t{8}, 8);
      switch (table.entries[index].kind) {
        case ShadowEntry::Kind::kEmpty:
          if (word != 0) {
            report(id, index, fmt::format("noted as empty, and is {:#x}", word));
          }
          break;
        case ShadowEntry::Kind::kTable:
          check_link(id, index, word);
          break;
        case ShadowEntry::Kind::kLeaf:
          ++num_leaves_;
          check_leaf(id, index, word);
          break;
      }
      if (table.entries[index].kind != ShadowEntry::Kind::kEmpty && !table.is_listed &&
          !is_top(table)) {
        report(id, index, "an entry of a root that was dropped");
      }
    }
  }

  void check_link(ShadowId id, unsigned index, std::uint64_t word) {
    const ShadowTable& table = cache_.table(id);
    const ShadowEntry& entry = table.entries[index];
    const ShadowTable& child = cache_.table(entry.child);
    const std::uint64_t rights = bit(x86::kWrite) | bit(x86::kUser);
    if (word != (child.frame.value() | kLeafBits | rights)) {
      report(id, index, fmt::format("links to another table than noted: {:#x}", word));
    }
    const ShadowLink here{id, static_cast<std::uint16_t>(index)};
    if (std::ranges::count(child.parents, here) != 1) {
      report(id, index, "a link that the table below does not know of");
    }
    if (is_top(table) || !vm_.is_shadowed()) {
      return;  // checked by the virtual CPU whose it is; kept while it is not used
    }
    const Source source = source_of(table, index);
    if (source.kind == EntryKind::kNotPresent || source.kind == EntryKind::kMalformed ||
        !source.accessed) {
      report(id, index,
             "a stale link: the guest's entry is not present, malformed or not accessed");
      return;
    }
    ShadowKey expected;
    expected.role.mode = table.key.role.mode;
    expected.role.level = static_cast<std::uint8_t>(table.key.role.level - 1);
    expected.role.access = source.rights;
    expected.frame = source.address;
    if (source.kind == EntryKind::kLeaf) {
      expected.role.direct = true;
      const GuestRights given = child.key.role.access;
      if (is_legal(table.key.role.mode, source, given)) {
        expected.role.access = given;
      }
    } else if (expected.role.mode.guest_format == FormatId::kX86TwoLevel) {
      expected.role.quadrant = static_cast<std::uint8_t>(index % 2);
    }
    if (child.key != expected) {
      report(id, index,
             fmt::format("a stale link: to {} {:#x} with rights {}, but the guest has {} {:#x} "
                         "with rights {}",
                         child.key.role.direct ? "pages from" : "the table at",
                         child.key.frame.value(), child.key.role.access.bits,
                         expected.role.direct ? "pages from" : "the table at",
                         expected.frame.value(), source.rights.bits));
    }
  }

  // Whether a shadow may give these rights: what the guest gives, a write only where D is set; and
  // with WP = 0 a page for the kernel alone, which may then be written but with SMEP not executed.
  [[nodiscard]] static bool is_legal(const ShadowMode& mode, const Source& source,
                                     GuestRights given) {
    if (given.write() && !source.dirty) {
      return false;
    }
    const bool exceeds = (given.write() && !source.rights.write()) ||
                         (given.user() && !source.rights.user()) ||
                         (given.execute() && !source.rights.execute());
    if (!exceeds) {
      return true;
    }
    const bool executes_user_page = given.execute() && source.rights.user() && mode.smep;
    return !mode.wp && !mode.smap && !given.user() && !executes_user_page &&
           (!given.execute() || source.rights.execute());
  }

  void check_leaf(ShadowId id, unsigned index, std::uint64_t word) {
    const ShadowTable& table = cache_.table(id);
    const ShadowRole& role = table.key.role;
    const Gpa page = table.entries[index].page;
    const unsigned bits = page_bits(table);
    const auto right_if = [](bool has, std::uint8_t right) { return has ? right : 0; };
    const GuestRights given{static_cast<std::uint8_t>(
        right_if((word & bit(x86::kWrite)) != 0, GuestRights::kWrite) |
        right_if((word & bit(x86::kUser)) != 0, GuestRights::kUser) |
        right_if((word & bit(x86::kNoExecute)) == 0, GuestRights::kExecute))};
    check_form(id, index, word, bits);
    if (!table.is_out_of_sync && vm_.is_shadowed()) {
      const Source source = source_of(table, index);
      if (source.kind != EntryKind::kLeaf || !source.accessed) {
        report(id, index, "a leaf for a guest entry that is none, or was not accessed");
      } else if (source.address != page) {
        report(id, index,
               fmt::format("maps guest page {:#x}, the guest has {:#x}", page.value(),
                           source.address.value()));
      } else if (!is_legal(role.mode, source, given)) {
        report(id, index,
               fmt::format("gives rights {} where the guest gives {}{}", given.bits,
                           source.rights.bits, source.dirty ? "" : " and D is clear"));
      }
    }
    if (vm_.is_shadowed()) {
      check_host_page(id, index, word, given);
      check_protection(id, index, given);
    }
    const std::vector<ShadowLink>& leaves = vm_.shadow.reverse_map.leaves(page, role.level);
    if (std::ranges::count(leaves, ShadowLink{id, static_cast<std::uint16_t>(index)}) != 1) {
      report(id, index, "missing in the reverse map");
    }
  }

  void check_form(ShadowId id, unsigned index, std::uint64_t word, unsigned bits) {
    const bool is_large = bits != kSmallPageBits;
    std::uint64_t expected = kLeafBits;
    expected |= is_large ? bit(x86::kPageSize) : 0;
    expected |= (word & bit(x86::kWrite)) != 0 ? bit(x86::kDirty) : 0;
    const std::uint64_t free =
        mask(51, bits) | bit(x86::kWrite) | bit(x86::kUser) | bit(x86::kNoExecute);
    if ((word & ~free) != expected) {
      report(id, index, fmt::format("a malformed leaf: {:#x}", word));
    }
  }

  // A host page that was split maps the same frames as before, so that a large leaf over it may
  // stay: what it covers must be backed in one piece, however large the host's pages are.
  void check_host_page(ShadowId id, unsigned index, std::uint64_t word, GuestRights given) {
    const ShadowTable& table = cache_.table(id);
    const Gpa page = table.entries[index].page;
    const unsigned bits = page_bits(table);
    const Hpa frame(word & mask(51, bits));
    for (std::uint64_t done = 0; done < bit(bits);) {
      const std::optional<HostPage> host = host_page(page + done);
      if (!host) {
        report(id, index,
               fmt::format("maps guest page {:#x}, which nothing backs", page.value() + done));
        return;
      }
      if (frame + done != host->hpa) {
        report(id, index,
               fmt::format("the wrong frame: {:#x}, the host stage has {:#x}", frame.value() + done,
                           host->hpa.value()));
        return;
      }
      const bool may_execute = host->rights.execute() && host->rights.user_execute();
      if (!host->rights.read() || (given.write() && !host->rights.write()) ||
          (given.execute() && !may_execute)) {
        report(id, index, "gives what the host stage does not");
        return;
      }
      done += bit(host->page_bits);
    }
  }

  void check_protection(ShadowId id, unsigned index, GuestRights given) {
    const ShadowTable& table = cache_.table(id);
    const Gpa page = table.entries[index].page;
    const unsigned bits = page_bits(table);
    if (bits != kSmallPageBits && cache_.has_shadowed_in(page, bits)) {
      report(id, index, "a large page with a guest table in it");
    } else if (given.write() && cache_.is_protected(page)) {
      report(id, index, fmt::format("writable over the guest table at {:#x}", page.value()));
    }
  }

  void check_vcpu(std::size_t number) {
    const ShadowVcpu& vcpu = vm_.shadow.vcpus[number];
    if (vcpu.root == kNoShadow) {
      return;
    }
    const ShadowTable& root = cache_.table(vcpu.root);
    const bool is_32bit = vcpu.mode.paging && format_of(vcpu.mode.guest_format).input_bits == 32;
    if (root.num_roots == 0) {
      report(vcpu.root, 0, "a root that counts as nobody's");
    }
    if (is_32bit) {
      check_top(vcpu);
    } else if (root.is_listed && vcpu.mode.paging && root.key.frame != vcpu.registers.root) {
      report(vcpu.root, 0, fmt::format("root of virtual CPU {}, whose CR3 is another", number));
    }
  }

  void check_top(const ShadowVcpu& vcpu) {
    const bool is_pae = vcpu.mode.guest_format == FormatId::kX86Pae;
    for (unsigned index = 0; index < kShadowEntries; ++index) {
      const ShadowEntry& entry = cache_.table(vcpu.top).entries[index];
      if (entry.kind == ShadowEntry::Kind::kEmpty) {
        continue;
      }
      const std::uint64_t pdpte = index < 4 ? vcpu.pdptes.entry[index] : 0;
      const ShadowKey& key = cache_.table(entry.child).key;
      const Gpa frame =
          is_pae ? Gpa(pdpte & mask(51, kSmallPageBits)) : vcpu.registers.root.page(kSmallPageBits);
      const bool is_there = index < 4 && (!is_pae || (pdpte & bit(x86::kPresent)) != 0);
      if (!is_there || key.frame != frame || key.role.quadrant != (is_pae ? 0 : index) ||
          key.role.level != 2 || key.role.direct || key.role.mode != vcpu.mode) {
        report(vcpu.top, index, "a stale link above the tables of a 32-bit guest");
      }
    }
  }

  const SparseMemory& memory_;
  const Vm& vm_;
  const ShadowCache& cache_;
  const Control& machine_;
  StageRules host_rules_;
  std::size_t num_leaves_ = 0;
  std::vector<std::string> differences_;
};

}  // namespace

std::vector<std::string> audit_shadow(const SparseMemory& memory, const Vm& vm,
                                      const Control& machine) {
  return Audit(memory, vm, machine).run();
}

}  // namespace nestwalk
