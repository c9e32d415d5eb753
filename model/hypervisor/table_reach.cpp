#include "model/hypervisor/table_reach.h"

#include "model/hypervisor/entry_meaning.h"

namespace nestwalk {
namespace {

constexpr unsigned kMaxEntries = 4096;  // looked at for one use

class Reach {
 public:
  Reach(const SparseMemory& memory, const TableHistory& history, const CheckedContext& context,
        const TableUse& use)
      : memory_(memory), history_(history), context_(context), use_(use) {}

  [[nodiscard]] bool may_reach(Hpa frame) {
    const auto is_it = [frame](std::uint64_t table) {
      return Hpa(table).page(kSmallPageBits) == frame;
    };
    if (use_.stage == Stage::kHost) {
      const PagingFormat& format = *context_.host.format;
      return host_table({format.levels, context_.walk.host_root & format.root_mask},
                        {use_.level, use_.base}, is_it);
    }
    const PagingFormat& format = *context_.guest.format;
    if (context_.walk.uses_pdpte_registers()) {
      const std::uint64_t pdpte = context_.walk.pdptes.entry[format.index(3, use_.base) & 3U];
      const EntryMeaning meaning = meaning_of(context_.guest, Stage::kGuest, 3, pdpte);
      return meaning.kind == EntryKind::kTable && guest_table({2, meaning.address}, is_it);
    }
    return guest_table({format.levels, context_.walk.guest_root & format.root_mask}, is_it);
  }

 private:
  struct Table {
    unsigned level = 0;
    std::uint64_t address = 0;
  };
  struct Aim {
    unsigned level = 0;  // 0: a page
    std::uint64_t address = 0;
  };

  // Whether some value of the entry passes.
  template <class Passes>
  bool any_value(Hpa entry, Stage stage, unsigned level, const Passes& passes) {
    const StageRules& rules = context_.rules(stage);
    const unsigned bytes = rules.format->entry_bytes;
    if (++num_entries_ > kMaxEntries) {
      return true;
    }
    if (!memory_.contains(entry, bytes)) {
      return false;
    }
    if (passes(meaning_of(rules, stage, level, memory_.read(entry, bytes)))) {
      return true;
    }
    for (const OldWord& old : history_.old_words(entry)) {
      const std::uint64_t value =
          bytes == 8 ? old.value : (old.value >> (8 * (entry.value() & 4))) & mask(31, 0);
      if (passes(meaning_of(rules, stage, level, value))) {
        return true;
      }
    }
    return false;
  }

  // Calls is_it(address) for each table that the guest's tables have at the use's level, or at the
  // aim's, and for each page that the aim may be in.
  template <class IsIt>
  bool guest_table(const Table& table, const IsIt& is_it) {
    return on_host(table.address, [&](std::uint64_t host) {
      if (table.level == use_.level) {
        return is_it(host);
      }
      const PagingFormat& format = *context_.guest.format;
      const Hpa entry(host + format.index(table.level, use_.base) * format.entry_bytes);
      return any_value(entry, Stage::kGuest, table.level, [&](const EntryMeaning& meaning) {
        return meaning.kind == EntryKind::kTable &&
               guest_table({table.level - 1, meaning.address}, is_it);
      });
    });
  }

  template <class IsIt>
  bool on_host(std::uint64_t address, const IsIt& is_it) {
    if (!context_.walk.has_host) {
      return is_it(address);
    }
    if ((address & context_.host.beyond_input) != 0) {
      return false;
    }
    const PagingFormat& format = *context_.host.format;
    return host_table({format.levels, context_.walk.host_root & format.root_mask}, {0, address},
                      is_it);
  }

  template <class IsIt>
  bool host_table(const Table& table, const Aim& aim, const IsIt& is_it) {
    if (table.level == aim.level) {
      return is_it(table.address);
    }
    const PagingFormat& format = *context_.host.format;
    const Hpa entry(table.address + format.index(table.level, aim.address) * format.entry_bytes);
    return any_value(entry, Stage::kHost, table.level, [&](const EntryMeaning& meaning) {
      if (meaning.kind == EntryKind::kTable) {
        return host_table({table.level - 1, meaning.address}, aim, is_it);
      }
      return meaning.kind == EntryKind::kLeaf && aim.level == 0 &&
             is_it(meaning.address | (aim.address & mask(format.page_bits(table.level) - 1, 0)));
    });
  }

  const SparseMemory& memory_;
  const TableHistory& history_;
  const CheckedContext& context_;
  const TableUse& use_;
  unsigned num_entries_ = 0;
};

}  // namespace

bool may_reach(const SparseMemory& memory, const TableHistory& history,
               const CheckedContexts& contexts, Hpa frame, const TableUse& use) {
  return Reach(memory, history, contexts[use.context], use).may_reach(frame);
}

}  // namespace nestwalk
