#include "model/cli/walk_leaves.h"

#include "model/arch/bits.h"

namespace nestwalk {

LeafSearch::LeafSearch(const WalkContext& context, const std::vector<MemoryWord>& words)
    : host_only_(context), context_(context), rules_(guest_rules(context)) {
  host_only_.has_guest = false;
  host_.load(words);
  for (const MemoryWord& word : words) {
    store_.write(word.hpa.value() / 8, word.value);
  }
}

std::uint64_t LeafSearch::entry_at(std::uint64_t hpa) const {
  const std::uint64_t word = store_.read(hpa / 8);
  if (rules_.format->entry_bytes == 8) {
    return word;
  }
  return (hpa & 4) != 0 ? word >> 32 : word & mask(31, 0);
}

void LeafSearch::for_each(const std::function<void(const GuestLeaf&)>& handle) {
  if (!context_.has_guest) {
    return;
  }
  const PagingFormat& format = *rules_.format;
  visit({context_.guest_root & format.root_mask, format.levels, 0, {}}, handle);
}

void LeafSearch::visit(const Table& table, const std::function<void(const GuestLeaf&)>& handle) {
  if (is_cut_short()) {
    return;
  }
  ++num_tables_;
  const WalkOutcome where =
      host_.walk(host_only_, {Gva(table.gpa), AccessType::kRead, Privilege::kSupervisor}).outcome;
  if (!where.is_translation) {
    ++num_unbacked_tables_;
    return;
  }
  const PagingFormat& format = *rules_.format;
  const LevelFormat& level = format.level[table.level];
  for (std::uint64_t index = 0; index < bit(level.index_bits); ++index) {
    const std::uint64_t entry =
        entry_at(where.translation.hpa.value() + index * format.entry_bytes);
    std::uint64_t gva = table.gva | index << level.index_low;
    if (table.level == format.levels && format.sign_extended &&
        (gva & bit(format.input_bits - 1U)) != 0) {
      gva |= mask(63, format.input_bits);
    }
    const EntryKind kind = classify(rules_, table.level, entry);
    num_malformed_ += kind == EntryKind::kMalformed ? 1 : 0;
    if (kind == EntryKind::kNotPresent || kind == EntryKind::kMalformed) {
      continue;
    }
    GuestRights rights = table.rights;
    rights &= guest_rights(rules_, table.level, entry);
    if (kind == EntryKind::kLeaf) {
      handle({Gva(gva), level.index_low, rights});
    } else {
      visit({table_address(rules_, entry), static_cast<std::uint8_t>(table.level - 1), gva, rights},
            handle);
    }
  }
}

}  // namespace nestwalk
