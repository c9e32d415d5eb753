// Page-table entries, control bits and accesses at random, for whatever format a context has:
// plausible enough for walks to go deep, broken, restricted, shared and overlapping often enough
// for everything else to happen.
//
//   EntryInventor inventor(context, {.broken = 2}, draws);
//   const std::uint64_t entry = inventor.entry(Stage::kHost, 3);   // of a host table of level 3
//
// Frames and guest-physical addresses are drawn partly from those in use: tables are shared, an
// entry serves at several levels, guest tables lie on host tables. Not for images of realistic
// shape: nothing here resembles an operating system.
#pragma once

#include <cstdint>
#include <vector>

#include "model/arch/access.h"
#include "model/arch/position.h"
#include "model/walk/context.h"
#include "tb/draws.h"

namespace nestwalk {

// In per cent of the entries.
struct EntryMood {
  unsigned broken = 0;          // not present, reserved, misconfigured, any flipped bit
  unsigned restricted = 0;      // a right is missing
  unsigned guest_large_2 = 25;  // a leaf at level 2 of the guest's tables
  unsigned guest_large_3 = 12;
  unsigned host_large_2 = 25;
  unsigned host_large_3 = 12;
  unsigned clean = 0;        // A and D clear; the others have them at random
  unsigned reused = 20;      // a host frame that is in use already
  unsigned self_mapped = 0;  // a guest entry that points at the guest's root table
};

class EntryInventor {
 public:
  // Keeps references to all three.
  EntryInventor(const WalkContext& context, const EntryMood& mood, Draws& random);

  [[nodiscard]] std::uint64_t entry(Stage stage, unsigned level) {
    return stage == Stage::kGuest ? guest_entry(level) : host_entry(level);
  }
  // Of a shadow table under agile paging: names the machine's frames. The bit that hands over is
  // often set, and sometimes in a leaf.
  [[nodiscard]] std::uint64_t shadow_entry(unsigned level);
  // Guest-physical addresses that entries point at, the root's included.
  [[nodiscard]] const std::vector<std::uint64_t>& gpas() const { return gpas_; }

 private:
  using Word = std::uint64_t;

  [[nodiscard]] bool chance(unsigned probability) { return random_.percent(probability); }
  Word choose_gpa(unsigned limit_bits);
  Word choose_host_frame(unsigned limit_bits);
  Word guest_entry(unsigned level);
  Word host_entry(unsigned level);
  bool choose_leaf(Stage stage, FormatId format, unsigned level);
  Word x86_entry(FormatId format, unsigned level, bool is_leaf, Word target, bool nxe,
                 unsigned width);
  Word ept_entry(unsigned level, bool is_leaf, Word target);
  Word spoil(Word entry, unsigned bits, unsigned width, Word present);

  const WalkContext& context_;
  const EntryMood& mood_;
  Draws& random_;
  std::vector<Word> gpas_;
  std::vector<Word> host_frames_;
};

// An address in which each 9-bit group is often 0, 1 or 511: indices collide between levels.
[[nodiscard]] std::uint64_t sparse_word(Draws& random);

[[nodiscard]] Control random_control(Draws& random);

// Roots that are in range for the context's widths.
void draw_roots(WalkContext& context, Draws& random);

// Makes the context one of agile paging.
void draw_shadow_root(WalkContext& context, Draws& random);

// `previous` is the address of the access before: some stay near it.
[[nodiscard]] Access random_access(Draws& random, const WalkContext& context,
                                   std::uint64_t previous);

}  // namespace nestwalk
