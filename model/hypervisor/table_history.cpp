#include "model/hypervisor/table_history.h"

#include <algorithm>
#include <iterator>

#include "model/hypervisor/entry_meaning.h"

namespace nestwalk {
namespace {

// A word holds one entry, or two of 4 bytes.
template <class Visit>
void for_each_entry(const StageRules& rules, std::uint64_t word, Visit&& visit) {
  if (rules.format->entry_bytes == 8) {
    visit(0U, word);
    return;
  }
  visit(0U, word & mask(31, 0));
  visit(1U, word >> 32);
}

std::uint64_t entry_of(const StageRules& rules, std::uint64_t word, unsigned index) {
  return rules.format->entry_bytes == 8 ? word : (word >> (32 * index)) & mask(31, 0);
}

struct Ending {
  bool of_something = false;  // that a walk could cache
  bool of_a_value = false;    // of which the new one is no extension
};

Ending ending_of(const CheckedContexts& contexts, const TableUse& use, std::uint64_t before,
                 std::uint64_t after) {
  const StageRules& rules = contexts[use.context].rules(use.stage);
  Ending ending;
  for_each_entry(rules, before, [&](unsigned index, std::uint64_t entry) {
    const std::uint64_t successor = entry_of(rules, after, index);
    const EntryMeaning old = meaning_of(rules, use.stage, use.level, entry);
    const bool is_extended = gives_no_more(old, meaning_of(rules, use.stage, use.level, successor));
    ending.of_something |= old.may_be_cached() && !is_extended;
    ending.of_a_value |= entry != successor && !(old.may_be_cached() && is_extended);
  });
  return ending;
}

}  // namespace

void TableHistory::see(const SparseMemory& memory, Hpa entry, const TableUse& use) {
  const std::uint64_t number = entry.value() >> kSmallPageBits;
  auto found = frames_.find(number);
  if (found == frames_.end()) {
    found = frames_.try_emplace(number).first;
    const Hpa first(number << kSmallPageBits);
    if (memory.contains(first, SparseMemory::kPageBytes)) {
      memory.read_bytes(first, std::as_writable_bytes(std::span(found.value().words)));
    }
  }
  std::vector<TableUse>& uses = found.value().uses;
  // What is used now is kept at the end of the list.
  const auto known = std::find(uses.rbegin(), uses.rend(), use);
  if (known != uses.rend()) {
    std::iter_swap(known, uses.rbegin());
  } else {
    uses.push_back(use);
    ++num_uses_;
  }
}

ChangeScope TableHistory::on_write(const SparseMemory& memory, const CheckedContexts& contexts,
                                   const WrittenRange& range, const CheckerStamp& stamp) {
  const std::uint64_t first = range.address.value() >> kSmallPageBits;
  const std::uint64_t last = (range.address.value() + range.num_bytes - 1) >> kSmallPageBits;
  ChangeScope scope;
  if (last - first < frames_.size()) {
    for (std::uint64_t number = first; number <= last; ++number) {
      if (frames_.find(number) != frames_.end()) {
        frame_written(memory, contexts, number, stamp, scope);
      }
    }
    return scope;
  }
  std::vector<std::uint64_t> written;
  for (const auto& [number, frame] : frames_) {
    if (number >= first && number <= last) {
      written.push_back(number);
    }
  }
  std::sort(written.begin(), written.end());
  for (const std::uint64_t number : written) {
    frame_written(memory, contexts, number, stamp, scope);
  }
  return scope;
}

void TableHistory::frame_written(const SparseMemory& memory, const CheckedContexts& contexts,
                                 std::uint64_t number, const CheckerStamp& stamp,
                                 ChangeScope& scope) {
  const Hpa first(number << kSmallPageBits);
  std::array<std::uint64_t, kWords> now{};
  memory.read_bytes(first, std::as_writable_bytes(std::span(now)));
  // A copy: frames may come to be below.
  const std::vector<TableUse> uses = frames_.find(number)->second.uses;
  bool ends = false;
  for (std::size_t i = 0; i < kWords; ++i) {
    Frame& frame = frames_.find(number).value();
    const std::uint64_t before = frame.words[i];
    if (before == now[i]) {
      continue;
    }
    frame.words[i] = now[i];
    const std::uint64_t began = frame.began[i];
    const Hpa word = first + 8 * i;
    Ending ending;
    for (const TableUse& use : uses) {
      const Ending one = ending_of(contexts, use, before, now[i]);
      ending.of_something |= one.of_something;
      ending.of_a_value |= one.of_a_value;
    }
    if (ending.of_a_value) {
      frame.began[i] = stamp.event;
    }
    if (ending.of_something) {
      keep({before, began, {stamp, word, before, now[i]}});
      ends = true;
    }
    for (const TableUse& use : uses) {
      see_table_below(memory, contexts, use, word, now[i]);
    }
  }
  if (ends) {
    scope.ends_something = true;
    widen(scope, contexts, uses);
  }
}

void TableHistory::widen(ChangeScope& scope, const CheckedContexts& contexts,
                         const std::vector<TableUse>& uses) {
  for (const TableUse& use : uses) {
    if (use.stage == Stage::kHost || use.level != 1) {
      scope.is_wide = true;
      continue;
    }
    const PagingFormat& format = *contexts[use.context].guest.format;
    const std::uint64_t end = use.base + (bit(format.table_span_bits(1)) - 1);
    for (std::uint64_t block = use.base >> kBlockBits; block <= end >> kBlockBits; ++block) {
      if (std::find(scope.blocks.begin(), scope.blocks.end(), block) == scope.blocks.end()) {
        scope.blocks.push_back(block);
      }
    }
  }
}

// A walk may be about to read the table that is linked here, and the table may change again before
// that walk has answered. The host address of a guest's table below a host stage is not known here;
// its frame is seen when a walk begins.
void TableHistory::see_table_below(const SparseMemory& memory, const CheckedContexts& contexts,
                                   const TableUse& use, Hpa word, std::uint64_t value) {
  const CheckedContext& context = contexts[use.context];
  if (use.stage == Stage::kGuest && context.walk.has_host) {
    return;
  }
  const StageRules& rules = context.rules(use.stage);
  const unsigned level_bits = rules.format->level[use.level].index_low;
  for_each_entry(rules, value, [&](unsigned index, std::uint64_t entry) {
    const EntryMeaning meaning = meaning_of(rules, use.stage, use.level, entry);
    if (meaning.kind != EntryKind::kTable ||
        !memory.contains(Hpa(meaning.address), SparseMemory::kPageBytes)) {
      return;
    }
    const std::uint64_t slot = word.offset(kSmallPageBits) / rules.format->entry_bytes + index;
    see(memory, Hpa(meaning.address),
        {use.context, use.stage, static_cast<std::uint8_t>(use.level - 1),
         use.base + (slot << level_bits)});
  });
}

void TableHistory::keep(const OldWord& old) {
  std::vector<OldWord>& values = old_[old.ended.word.value() >> 3];
  if (values.size() == kMaxOldValues) {
    values.erase(values.begin());
    --num_old_;
    forgotten_.insert(old.ended.word.value() >> 3);
  }
  values.push_back(old);
  ++num_old_;
}

void TableHistory::forget_half() {
  std::vector<std::uint64_t> events;
  events.reserve(num_old_);
  for (const auto& [word, values] : old_) {
    for (const OldWord& old : values) {
      events.push_back(old.ended.when.event);
    }
  }
  if (events.empty()) {
    return;
  }
  const auto middle = events.begin() + static_cast<std::ptrdiff_t>(events.size() / 2);
  std::nth_element(events.begin(), middle, events.end());
  const std::uint64_t limit = *middle;
  drop_old_words([&](const OldWord& old) {
    const bool is_older = old.ended.when.event <= limit;
    if (is_older) {
      forgotten_.insert(old.ended.word.value() >> 3);
    }
    return is_older;
  });
}

std::uint64_t TableHistory::oldest_event() const {
  std::uint64_t oldest = ~std::uint64_t{0};
  for (const auto& [word, values] : old_) {
    oldest = std::min(oldest, values.front().ended.when.event);
  }
  return oldest;
}

}  // namespace nestwalk
