#include "tests/support/hand_tables.h"

namespace nestwalk {
namespace {

bool is_ept_format(FormatId format) {
  return format == FormatId::kEptFourLevel || format == FormatId::kEptFiveLevel;
}

}  // namespace

HandTables::Shape HandTables::shape_of(FormatId format) {
  switch (format) {
    case FormatId::kX86TwoLevel:
      return {format, 2, 10, 4};
    case FormatId::kX86Pae:
      return {format, 3, 9, 8};
    case FormatId::kX86FourLevel:
    case FormatId::kEptFourLevel:
      return {format, 4, 9, 8};
    default:
      return {format, 5, 9, 8};
  }
}

std::uint64_t HandTables::Shape::index(unsigned level, std::uint64_t address) const {
  return (address >> low(level)) & ((std::uint64_t{1} << index_bits) - 1);
}

HandTables::HandTables(const StagePair& stages)
    : guest_(shape_of(stages.guest.value_or(FormatId::kX86FourLevel))),
      host_(shape_of(stages.host.value_or(FormatId::kEptFourLevel))) {
  context.has_guest = stages.guest.has_value();
  context.has_host = stages.host.has_value();
  context.guest_format = guest_.format;
  context.host_format = host_.format;
  if (context.has_host) {
    context.host_root = table(Stage::kHost, host_.levels, 0);
  }
  if (context.has_guest) {
    context.guest_root = next_guest_frame_;  // the root is the first guest table to be made
    context.pdptes.loaded = context.uses_pdpte_registers();
  }
}

Hpa HandTables::host_of(Gpa gpa) const {
  return Hpa(gpa.value() + (context.has_host ? 0x4000'0000 : 0));
}

// The table of `level` that covers `address`, made where it does not exist.
std::uint64_t HandTables::table(Stage stage, unsigned level, std::uint64_t address) {
  const Shape& format = shape(stage);
  const unsigned span = format.low(level) + format.index_bits;
  const Key key{stage, level, level == format.levels ? 0 : address >> span};
  if (const auto found = tables_.find(key); found != tables_.end()) {
    return found->second;
  }
  if (stage == Stage::kHost) {
    next_host_frame_ += 0x1000;
    return tables_[key] = next_host_frame_ - 0x1000;
  }
  const std::uint64_t frame = next_guest_frame_;
  next_guest_frame_ += 0x1000;
  tables_[key] = frame;
  if (context.has_host) {
    map_host(Gpa(frame), table_page_level);
  }
  return frame;
}

void HandTables::map(Stage stage, std::uint64_t address, unsigned leaf_level, std::uint64_t leaf) {
  const Shape& format = shape(stage);
  for (unsigned level = format.levels; level >= leaf_level; --level) {
    const std::uint64_t place =
        table(stage, level, address) + format.index(level, address) * format.entry_bytes;
    const Hpa hpa = stage == Stage::kGuest ? host_of(Gpa(place)) : Hpa(place);
    if (level == leaf_level) {
      memory.write(hpa, format.entry_bytes, leaf | (level > 1 ? 0x80 : 0));
      return;
    }
    std::uint64_t entry = is_ept_format(format.format) ? kEptTable : kX86Table;
    const bool is_pdpte = format.format == FormatId::kX86Pae && level == 3;
    entry = (is_pdpte ? 0x1 : entry) | table(stage, level - 1, address);
    const std::optional<std::uint64_t> old = memory.read(hpa, format.entry_bytes);
    if (old.value_or(0) == 0) {
      memory.write(hpa, format.entry_bytes, entry);
    }
    if (is_pdpte && stage == Stage::kGuest) {
      context.pdptes.entry.at(format.index(3, address)) = entry;
    }
  }
}

void HandTables::map_guest(Gva gva, Gpa gpa, unsigned leaf_level, std::uint64_t leaf_bits) {
  map(Stage::kGuest, gva.value(), leaf_level, gpa.page(guest_.low(leaf_level)).value() | leaf_bits);
}

void HandTables::map_host(Gpa gpa, unsigned leaf_level, std::uint64_t leaf_bits) {
  const Hpa page = host_of(gpa).page(host_.low(leaf_level));
  map(Stage::kHost, gpa.value(), leaf_level, page.value() | leaf_bits);
}

void HandTables::map_host(Gpa gpa, unsigned leaf_level) {
  map_host(gpa, leaf_level, is_ept_format(host_.format) ? kEptLeaf : kX86Leaf);
}

std::uint64_t HandTables::shadow_table(unsigned level, Gva gva) {
  const std::uint64_t prefix =
      level == guest_.levels ? 0 : gva.value() >> (guest_.low(level) + guest_.index_bits);
  const auto [place, is_new] = shadow_tables_.try_emplace({level, prefix}, next_host_frame_);
  next_host_frame_ += is_new ? 0x1000 : 0;
  return place->second;
}

void HandTables::map_shadow_path(Gva gva, unsigned last_level, std::uint64_t last_entry) {
  context.has_shadow = true;
  if (last_level > guest_.levels) {
    context.shadow_root = last_entry;
    return;
  }
  context.shadow_root = shadow_table(guest_.levels, gva);
  for (unsigned level = guest_.levels; level > last_level; --level) {
    const std::uint64_t below = shadow_table(level - 1, gva);
    memory.write(shadow_entry(gva, level), 8, below | kX86Table);
  }
  memory.write(shadow_entry(gva, last_level), 8, last_entry);
}

void HandTables::map_shadow(Gva gva, Hpa page, unsigned leaf_level, std::uint64_t leaf_bits) {
  map_shadow_path(
      gva, leaf_level,
      page.page(guest_.low(leaf_level)).value() | leaf_bits | (leaf_level > 1 ? 0x80 : 0));
}

void HandTables::switch_shadow(Gva gva, unsigned level, std::uint64_t bits) {
  const Hpa table = guest_entry(gva, level - 1).page(12);
  map_shadow_path(gva, level, table.value() | bits | 0x800);
}

Hpa HandTables::shadow_entry(Gva gva, unsigned level) const {
  const std::uint64_t prefix =
      level == guest_.levels ? 0 : gva.value() >> (guest_.low(level) + guest_.index_bits);
  return Hpa(shadow_tables_.at({level, prefix}) + 8 * guest_.index(level, gva.value()));
}

Gpa HandTables::guest_entry_gpa(Gva gva, unsigned level) const {
  const unsigned span = guest_.low(level) + guest_.index_bits;
  const std::uint64_t prefix = level == guest_.levels ? 0 : gva.value() >> span;
  const std::uint64_t base = tables_.at({Stage::kGuest, level, prefix});
  return Gpa(base + guest_.index(level, gva.value()) * guest_.entry_bytes);
}

Hpa HandTables::guest_entry(Gva gva, unsigned level) const {
  return host_of(guest_entry_gpa(gva, level));
}

Hpa HandTables::host_entry(Gpa gpa, unsigned level) const {
  const unsigned span = host_.low(level) + host_.index_bits;
  const std::uint64_t prefix = level == host_.levels ? 0 : gpa.value() >> span;
  const std::uint64_t base = tables_.at({Stage::kHost, level, prefix});
  return Hpa(base + host_.index(level, gpa.value()) * host_.entry_bytes);
}

void HandTables::or_bits(Hpa entry, std::uint64_t bits) {
  memory.write(entry, 8, memory.read(entry, 8).value_or(0) | bits);
}

void HandTables::clear_bits(Hpa entry, std::uint64_t bits) {
  memory.write(entry, 8, memory.read(entry, 8).value_or(0) & ~bits);
}

}  // namespace nestwalk
