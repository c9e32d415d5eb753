#include "tb/random_entries.h"

#include <algorithm>

namespace nestwalk {
namespace {

using Word = std::uint64_t;

constexpr Word kSwitch = Word{1} << 11;

constexpr Word low_bits(unsigned count) {
  return count >= 64 ? ~Word{0} : (Word{1} << count) - 1;
}

bool is_ept(FormatId format) {
  return format == FormatId::kEptFourLevel || format == FormatId::kEptFiveLevel;
}

unsigned width_of(FormatId format) {
  switch (format) {
    case FormatId::kX86TwoLevel:
    case FormatId::kX86Pae:
      return 32;
    case FormatId::kX86FourLevel:
    case FormatId::kEptFourLevel:
      return 48;
    default:
      return 57;
  }
}

unsigned target_bits(FormatId format, unsigned level, bool is_leaf) {
  if (format != FormatId::kX86TwoLevel) {
    return 52;
  }
  return level == 2 && is_leaf ? 40 : 32;
}

}  // namespace

// An address in which each 9-bit group is often 0, 1 or 511: indices collide between levels.
Word sparse_word(Draws& random) {
  if (random.percent(50)) {
    return random.next();
  }
  Word word = random.next() & 0xfff;
  for (unsigned low = 12; low < 64; low += 9) {
    static constexpr Word kOften[] = {0, 1, 511};
    word |= (random.percent(80) ? kOften[random.below(3)] : random.below(512)) << low;
  }
  return word;
}

EntryInventor::EntryInventor(const WalkContext& context, const EntryMood& mood, Draws& random)
    : context_(context), mood_(mood), random_(random) {
  gpas_.push_back(context.guest_root);
  host_frames_.push_back(context.host_root);
}

Word EntryInventor::choose_gpa(unsigned limit_bits) {
  const unsigned host_bits = context_.has_host ? width_of(context_.host_format) : 52;
  unsigned bits = std::min<unsigned>(limit_bits, context_.control.guest_maxphyaddr);
  if (!chance(3)) {
    bits = std::min(bits, host_bits);
  }
  Word gpa = gpas_[random_.below(gpas_.size())];
  const unsigned how = static_cast<unsigned>(random_.below(100));
  if (how >= 60) {
    gpa = sparse_word(random_);
  } else if (how >= 25) {  // near one in use: upper host entries are shared
    const Word low = low_bits(chance(50) ? 21 : 30);
    gpa = (gpa & ~low) | (sparse_word(random_) & low);
  }
  if (mood_.self_mapped != 0 && chance(mood_.self_mapped)) {
    gpa = context_.guest_root;
  }
  gpa &= low_bits(bits);
  gpas_.push_back(gpa);
  return gpa;
}

Word EntryInventor::choose_host_frame(unsigned limit_bits) {
  Word frame = host_frames_[random_.below(host_frames_.size())];
  if (!chance(mood_.reused)) {
    frame = sparse_word(random_);
  }
  frame &= low_bits(std::min<unsigned>(limit_bits, context_.control.maxphyaddr));
  host_frames_.push_back(frame);
  return frame;
}

Word EntryInventor::guest_entry(unsigned level) {
  const Control& control = context_.control;
  const FormatId format = context_.guest_format;
  const bool is_leaf = choose_leaf(Stage::kGuest, format, level);
  const Word target = choose_gpa(target_bits(format, level, is_leaf));
  return x86_entry(format, level, is_leaf, target, control.nxe, control.guest_maxphyaddr);
}

Word EntryInventor::shadow_entry(unsigned level) {
  const Control& control = context_.control;
  const FormatId format = context_.guest_format;
  const bool is_leaf = choose_leaf(Stage::kGuest, format, level);
  const Word target = choose_host_frame(target_bits(format, level, is_leaf));
  Word entry = x86_entry(format, level, is_leaf, target, control.nxe, control.maxphyaddr);
  entry &= ~kSwitch;
  if (is_leaf ? chance(mood_.broken) : chance(30)) {
    entry |= kSwitch;
  }
  return entry;
}

Word EntryInventor::host_entry(unsigned level) {
  const Control& control = context_.control;
  const FormatId format = context_.host_format;
  const bool is_leaf = choose_leaf(Stage::kHost, format, level);
  const Word target = choose_host_frame(target_bits(format, level, is_leaf));
  return is_ept(format) ? ept_entry(level, is_leaf, target)
                        : x86_entry(format, level, is_leaf, target, true, control.maxphyaddr);
}

bool EntryInventor::choose_leaf(Stage stage, FormatId format, unsigned level) {
  const bool is_guest = stage == Stage::kGuest;
  const bool pse = context_.control.pse || !is_guest;
  switch (level) {
    case 1:
      return true;
    case 2:
      return chance(is_guest ? mood_.guest_large_2 : mood_.host_large_2) &&
             (pse || format != FormatId::kX86TwoLevel);
    case 3:
      return chance(is_guest ? mood_.guest_large_3 : mood_.host_large_3) &&
             context_.control.page_1g && format != FormatId::kX86Pae;
    default:
      return false;
  }
}

Word EntryInventor::x86_entry(FormatId format, unsigned level, bool is_leaf, Word target, bool nxe,
                              unsigned width) {
  if (format == FormatId::kX86Pae && level == 3) {
    const Word entry = (target & ~low_bits(12)) | (random_.next() & 0xe18) | 1;
    return spoil(entry, 64, width, 1);
  }
  Word entry = (random_.next() & 0xf78) | 7;  // PWT, PCD, A, D, G and ignored bits are free
  for (const unsigned right : {1U, 2U}) {
    if (chance(mood_.restricted)) {
      entry &= ~(Word{1} << right);
    }
  }
  if (mood_.clean != 0 && chance(mood_.clean)) {
    entry &= ~Word{0x60};
  }
  const bool is_large = is_leaf && level > 1;
  if (level == 1) {
    entry |= random_.next() & 0x80;  // PAT
  } else if (is_large) {
    entry |= 0x80 | (random_.next() & 0x1000);  // PS, PAT
    entry |= chance(mood_.broken) ? Word{1} << (13 + random_.below(level == 2 ? 8 : 17)) : 0;
  }
  if (format == FormatId::kX86TwoLevel) {
    entry |= is_large ? (target & 0xffc00000) | ((target >> 32 & 0xff) << 13) : target & 0xfffff000;
    return spoil(entry, 32, width, 1);
  }
  entry |= target & ~low_bits(is_large ? 12 + 9 * (level - 1) : 12);
  if (format != FormatId::kX86Pae) {
    entry |= random_.next() & 0x7ff0000000000000;  // ignored bits and the key
  }
  if (nxe && chance(mood_.restricted)) {
    entry |= Word{1} << 63;
  }
  return spoil(entry, 64, width, 1);
}

Word EntryInventor::ept_entry(unsigned level, bool is_leaf, Word target) {
  Word entry = random_.next() & 0xfff0000000000f00;  // A, D, XU and ignored bits are free
  if (mood_.clean != 0 && chance(mood_.clean)) {
    entry &= ~Word{0x300};
  }
  const bool is_readable = !chance(mood_.restricted);
  const bool is_writable = is_readable && !chance(mood_.restricted);
  const bool is_executable = !chance(mood_.restricted);
  entry |= (is_readable ? 1U : 0U) | (is_writable ? 2U : 0U) | (is_executable ? 4U : 0U);
  if (chance(75)) {
    entry |= 0x400;
  }
  if (!is_readable && !context_.control.execute_only) {
    entry |= 1;
  }
  const bool is_large = is_leaf && level > 1;
  if (is_leaf) {
    static constexpr Word kMemoryTypes[] = {0, 1, 4, 5, 6};
    const bool is_bad = chance(mood_.broken / 3);
    entry |= (is_bad ? random_.below(8) : kMemoryTypes[random_.below(5)]) << 3;
    entry |= random_.next() & 0x40;  // ignore PAT
    entry |= is_large ? 0x80 : random_.next() & 0x80;
    if (is_large && chance(mood_.broken)) {
      entry |= Word{1} << (12 + random_.below(level == 2 ? 9 : 18));
    }
  }
  entry |= target & ~low_bits(is_large ? 12 + 9 * (level - 1) : 12);
  if (chance(mood_.broken / 3)) {
    entry = (entry & ~Word{0x407}) | random_.below(8);
  }
  return spoil(entry, 64, context_.control.maxphyaddr, 0x407);
}

// Breaks some entries: not present, a flipped bit, an address bit above the physical width.
Word EntryInventor::spoil(Word entry, unsigned bits, unsigned width, Word present) {
  if (chance(mood_.broken)) {
    entry &= ~present;
  }
  if (chance(2 * mood_.broken)) {
    entry ^= Word{1} << random_.below(bits);
  }
  if (chance(mood_.broken) && bits == 64) {
    entry |= (Word{1} << (width == 0 ? 0 : width - 1)) << random_.below(53 - width);
  }
  return entry;
}

Control random_control(Draws& random) {
  Control control;
  const Word flags = random.next();
  const auto flag = [flags](unsigned position) { return ((flags >> position) & 1) != 0; };
  control.wp = flag(0);
  control.nxe = flag(1) || flag(2);
  control.smep = flag(3) && flag(4);
  control.smap = flag(5) && flag(6);
  control.ac = flag(7);
  control.pke = flag(8);
  control.pse = flag(9) || flag(10);
  control.page_1g = flag(11) || flag(12);
  control.accessed_dirty = flag(13);
  control.execute_only = flag(14);
  control.mode_based_execute = flag(15);
  // About one key in four denies something.
  control.pkru = static_cast<std::uint32_t>(random.next() & random.next() & random.next());
  static constexpr std::uint8_t kWidths[] = {36, 39, 40, 41, 46, 48, 51, 52};
  control.maxphyaddr = random.percent(50) ? kWidths[random.below(8)]
                                          : static_cast<std::uint8_t>(36 + random.below(17));
  control.guest_maxphyaddr = control.maxphyaddr;
  if (random.percent(40)) {
    control.guest_maxphyaddr = static_cast<std::uint8_t>(36 + random.below(17));
  }
  return control;
}

Access random_access(Draws& random, const WalkContext& context, Word previous) {
  Access access;
  Word address = sparse_word(random);
  if (random.percent(30)) {  // the neighbourhood of the access before
    const Word low = low_bits(random.percent(50) ? 12 : 30);
    address = (previous & ~low) | (address & low);
  }
  if (context.has_guest) {
    const unsigned width = width_of(context.guest_format);
    const bool is_extended = width > 32;
    if (!is_extended) {
      address &= low_bits(width);
    } else if (!random.percent(2)) {
      const bool is_upper = ((address >> (width - 1)) & 1) != 0;
      address = is_upper ? address | ~low_bits(width) : address & low_bits(width);
    }
  } else {
    const unsigned width = context.has_host ? width_of(context.host_format) : 52;
    address &= low_bits(std::min(52U, width + (random.percent(5) ? 4 : 0)));
  }
  access.address = Gva(address);
  access.type = static_cast<AccessType>(random.below(3));
  access.privilege = random.percent(50) ? Privilege::kUser : Privilege::kSupervisor;
  access.implicit = random.percent(10) && access.type != AccessType::kFetch;
  return access;
}

void draw_roots(WalkContext& context, Draws& random) {
  // Roots carry flags (CR3, EPTP) in the bits that are no address.
  context.host_root = sparse_word(random) & low_bits(context.control.maxphyaddr);
  const unsigned gpa_bits = context.has_host ? width_of(context.host_format) : 52;
  context.guest_root = sparse_word(random) & low_bits(random.percent(5) ? 52 : gpa_bits) &
                       low_bits(context.control.guest_maxphyaddr);

  for (Word* root : {&context.guest_root, &context.host_root}) {
    *root |= random.percent(30) ? random.next() & ~low_bits(52) : 0;
  }
}

void draw_shadow_root(WalkContext& context, Draws& random) {
  context.has_shadow = true;
  context.shadow_root = sparse_word(random) & low_bits(context.control.maxphyaddr);
  context.shadow_root &= ~low_bits(12);
  context.shadow_root |= random.percent(15) ? kSwitch : 0;
}

}  // namespace nestwalk
