#include "model/hypervisor/legal_answers.h"

#include <algorithm>

#include "model/hypervisor/entry_meaning.h"

namespace nestwalk {
namespace {

// An old word that a path goes through.
struct OldStep {
  OldWord old;
  Stage stage = Stage::kGuest;
  std::uint8_t level = 0;
  bool is_leaf = false;
  bool is_final = true;  // host stage: of the page itself, not of a guest table
  Gpa gpa;               // host stage: that is translated
  std::uint8_t structure_bits = 12;
};

CachedKinds kinds_of(const OldStep& step) {
  CachedKinds kinds;
  const bool is_host = step.stage == Stage::kHost;
  kinds.guest_physical = is_host;
  kinds.structures = is_host ? !step.is_final : !step.is_leaf;
  return kinds;
}

struct HostPage {
  std::uint64_t address = 0;
  HostRights rights;
  bool dirty = true;
  std::uint8_t page_bits = kNoPageBits;
};

class Reader {
 public:
  Reader(const SparseMemory& memory, TableHistory& history, const CheckedContexts& contexts,
         const HistoryJudge& judge, const AddressInContext& where)
      : memory_(memory),
        history_(history),
        judge_(judge),
        number_(where.context),
        context_(contexts[where.context]),
        address_(where.address) {}

  LegalAnswers read();

 private:
  // Calls next(entry) for every value that the entry has or had.
  template <class Next>
  void for_each_value(Hpa entry, const TableUse& use, OldStep step, Next&& next);
  void guest_table(unsigned level, std::uint64_t table, GuestRights rights);
  void guest_entry(unsigned level, Hpa entry, GuestRights rights);
  void guest_page(unsigned level, const EntryMeaning& leaf, GuestRights rights);
  // Calls next(HostPage) for every page that the host stage gives or gave.
  template <class Next>
  void host(Gpa gpa, bool is_final, const Next& next);
  template <class Next>
  void host_table(unsigned level, std::uint64_t table, HostRights rights, Gpa gpa, bool is_final,
                  const Next& next);
  void answer(const Translation& translation);
  // Whatever page the path leads to.
  [[nodiscard]] bool is_dropped(const OldStep& step, const EntryMeaning& meaning) const;
  // Returns the event after which no translation was made from the old word any more, if it has
  // come.
  std::optional<std::uint64_t> judge_step(const OldStep& step, LegalAnswer& answer) const;

  const SparseMemory& memory_;
  TableHistory& history_;
  const HistoryJudge& judge_;
  ContextNumber number_;
  const CheckedContext& context_;
  Gva address_;
  unsigned num_old_steps_ = 0;
  std::vector<OldStep> steps_;
  std::uint64_t latest_begin_ = 0;  // event, of all values on the path
  LegalAnswers answers_;
};

LegalAnswers Reader::read() {
  if (!context_.walk.has_guest) {
    const Gpa gpa(address_.value());
    host(gpa, true, [&](const HostPage& page) {
      Translation t;
      t.gpa = gpa;
      t.hpa = Hpa(page.address);
      t.host = page.rights;
      t.host_page_bits = page.page_bits;
      t.dirty = page.dirty;
      answer(t);
    });
    return std::move(answers_);
  }
  const PagingFormat& format = *context_.guest.format;
  std::uint64_t table = context_.walk.guest_root & format.root_mask;
  unsigned level = format.levels;
  if (context_.walk.uses_pdpte_registers()) {
    const std::uint64_t pdpte = context_.walk.pdptes.entry[format.index(3, address_.value()) & 3U];
    const EntryMeaning meaning = meaning_of(context_.guest, Stage::kGuest, 3, pdpte);
    if (meaning.kind != EntryKind::kTable) {
      return std::move(answers_);
    }
    table = meaning.address;
    level = 2;
  }
  guest_table(level, table, {});
  return std::move(answers_);
}

template <class Next>
void Reader::for_each_value(Hpa entry, const TableUse& use, OldStep step, Next&& next) {
  const StageRules& rules = context_.rules(use.stage);
  const unsigned bytes = rules.format->entry_bytes;
  if (!memory_.contains(entry, bytes)) {
    return;
  }
  history_.see(memory_, entry, use);
  const std::uint64_t now = memory_.read(entry, bytes);
  const std::uint64_t latest_above = latest_begin_;
  latest_begin_ = std::max(latest_above, history_.began(entry));
  next(meaning_of(rules, use.stage, use.level, now));
  latest_begin_ = latest_above;
  // A copy: going on may observe more frames.
  answers_.is_cut |= history_.has_forgotten(entry);
  const std::span<const OldWord> kept = history_.old_words(entry);
  if (kept.empty()) {
    return;
  }
  answers_.has_old_words = true;
  const std::vector<OldWord> old_words(kept.begin(), kept.end());
  for (const OldWord& old : old_words) {
    const std::uint64_t value =
        bytes == 8 ? old.value : (old.value >> (8 * (entry.value() & 4))) & mask(31, 0);
    const EntryMeaning meaning = meaning_of(rules, use.stage, use.level, value);
    if (!meaning.may_be_cached() || value == now) {
      continue;
    }
    step.old = old;
    step.is_leaf = meaning.kind == EntryKind::kLeaf;
    if (judge_.only_usable && is_dropped(step, meaning)) {
      continue;
    }
    if (++num_old_steps_ > kMaxOldSteps) {
      answers_.is_cut = true;
      return;
    }
    steps_.push_back(step);
    latest_begin_ = std::max(latest_above, old.began);
    next(meaning);
    latest_begin_ = latest_above;
    steps_.pop_back();
  }
}

void Reader::guest_table(unsigned level, std::uint64_t table, GuestRights rights) {
  const PagingFormat& format = *context_.guest.format;
  const std::uint64_t entry = table + format.index(level, address_.value()) * format.entry_bytes;
  if (!context_.walk.has_host) {
    guest_entry(level, Hpa(entry), rights);
    return;
  }
  host(Gpa(entry), false,
       [&](const HostPage& page) { guest_entry(level, Hpa(page.address), rights); });
}

void Reader::guest_entry(unsigned level, Hpa entry, GuestRights rights) {
  const PagingFormat& format = *context_.guest.format;
  const TableUse use{number_, Stage::kGuest, static_cast<std::uint8_t>(level),
                     address_.page(format.table_span_bits(level)).value()};
  OldStep step;
  step.level = use.level;
  step.structure_bits = format.level[level].index_low;
  for_each_value(entry, use, step, [&](const EntryMeaning& meaning) {
    GuestRights passed = rights;
    passed &= meaning.guest;
    if (meaning.kind == EntryKind::kTable) {
      guest_table(level - 1, meaning.address, passed);
    } else if (meaning.kind == EntryKind::kLeaf) {
      guest_page(level, meaning, passed);
    }
  });
}

void Reader::guest_page(unsigned level, const EntryMeaning& leaf, GuestRights rights) {
  const unsigned bits = context_.guest.format->page_bits(level);
  Translation t;
  t.gpa = Gpa(leaf.address | address_.offset(bits));
  t.guest_page_bits = static_cast<std::uint8_t>(bits);
  t.guest = rights;
  t.protection_key = leaf.protection_key;
  t.global = leaf.global;
  host(t.gpa, true, [&](const HostPage& page) {
    t.hpa = Hpa(page.address);
    t.host = page.rights;
    t.host_page_bits = page.page_bits;
    t.dirty = leaf.dirty && page.dirty;
    answer(t);
  });
}

template <class Next>
void Reader::host(Gpa gpa, bool is_final, const Next& next) {
  if (!context_.walk.has_host) {
    next(HostPage{gpa.value(), {}, true, kNoPageBits});
    return;
  }
  if ((gpa.value() & context_.host.beyond_input) == 0) {
    const PagingFormat& format = *context_.host.format;
    host_table(format.levels, context_.walk.host_root & format.root_mask, {}, gpa, is_final, next);
  }
}

template <class Next>
void Reader::host_table(unsigned level, std::uint64_t table, HostRights rights, Gpa gpa,
                        bool is_final, const Next& next) {
  const PagingFormat& format = *context_.host.format;
  const Hpa entry(table + format.index(level, gpa.value()) * format.entry_bytes);
  const TableUse use{context_.of_host, Stage::kHost, static_cast<std::uint8_t>(level),
                     gpa.page(format.table_span_bits(level)).value()};
  OldStep step;
  step.stage = Stage::kHost;
  step.level = use.level;
  step.is_final = is_final;
  step.gpa = gpa;
  step.structure_bits = format.level[level].index_low;
  for_each_value(entry, use, step, [&](const EntryMeaning& meaning) {
    HostRights passed = rights;
    passed &= meaning.host;
    if (meaning.kind == EntryKind::kTable) {
      host_table(level - 1, meaning.address, passed, gpa, is_final, next);
    } else if (meaning.kind == EntryKind::kLeaf) {
      const unsigned bits = format.page_bits(level);
      next(HostPage{meaning.address | gpa.offset(bits), passed, meaning.dirty,
                    static_cast<std::uint8_t>(bits)});
    }
  });
}

void Reader::answer(const Translation& translation) {
  LegalAnswer found;
  found.translation = translation;
  for (const OldStep& step : steps_) {
    // A translation was made at one moment, when all its entries said so or were still cached.
    if (const auto closed = judge_step(step, found); closed && latest_begin_ > *closed) {
      return;
    }
  }
  for (LegalAnswer& known : answers_.list) {
    if (known.translation == translation) {
      if (found.standing < known.standing) {
        known = found;
      }
      return;
    }
  }
  answers_.list.push_back(found);
}

bool Reader::is_dropped(const OldStep& step, const EntryMeaning& meaning) const {
  const bool is_guest_leaf = step.stage == Stage::kGuest && step.is_leaf;
  CachedUse use;
  use.tags = context_.walk.tags;
  use.has_host = context_.walk.has_host;
  use.is_global = is_guest_leaf ? meaning.global : context_.may_have_global(address_);
  use.address = address_;
  use.gpa = step.gpa;
  use.guest_page_bits =
      is_guest_leaf ? static_cast<std::uint8_t>(context_.guest.format->page_bits(step.level))
                    : std::uint8_t{12};
  use.structure_bits = step.structure_bits;
  return judge_.log->completed_drop(use, step.old.ended.when.event, kinds_of(step))
      .dropped.has_value();
}

std::optional<std::uint64_t> Reader::judge_step(const OldStep& step, LegalAnswer& answer) const {
  const Translation& t = answer.translation;
  CachedUse use;
  use.tags = context_.walk.tags;
  use.has_host = context_.walk.has_host;
  use.is_global = t.global;
  use.address = address_;
  use.gpa = step.gpa;
  use.guest_page_bits = t.guest_page_bits;
  // Of a host walk to a guest table the page size is not known here; the smallest is the least that
  // an operation by address drops.
  use.host_page_bits = step.is_final ? t.host_page_bits : std::uint8_t{12};
  use.structure_bits = step.structure_bits;
  const TableChange& change = step.old.ended;
  const DropVerdict verdict = judge_.log->completed_drop(use, change.when.event, kinds_of(step));
  const Standing standing = verdict.dropped             ? Standing::kDropped
                            : judge_.is_settled(change) ? Standing::kForgotten
                                                        : Standing::kStale;
  if (standing > answer.standing) {
    answer.standing = standing;
    answer.change = change;
    answer.stage = step.stage;
    answer.level = step.level;
    answer.is_leaf = step.is_leaf;
    answer.dropped_by = verdict.dropped;
  }
  return verdict.closed;
}

}  // namespace

unsigned LegalAnswers::num_legal() const {
  return static_cast<unsigned>(std::count_if(list.begin(), list.end(), [](const LegalAnswer& a) {
    return a.standing != Standing::kDropped;
  }));
}

LegalAnswers legal_answers(const SparseMemory& memory, TableHistory& history,
                           const CheckedContexts& contexts, const HistoryJudge& judge,
                           const AddressInContext& where) {
  return Reader(memory, history, contexts, judge, where).read();
}

}  // namespace nestwalk
