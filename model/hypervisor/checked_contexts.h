// The walk contexts that a checker has heard of, each once, with the rules of its stages.
//
//   const ContextNumber number = contexts.number_of(context);
//   contexts[number].host;   // StageRules
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "model/arch/bits.h"
#include "model/arch/position.h"
#include "model/walk/context.h"
#include "model/walk/stage_rules.h"

namespace nestwalk {

using ContextNumber = std::uint32_t;

struct CheckedContext {
  WalkContext walk;
  StageRules guest;  // of stages that the context has
  StageRules host;
  std::uint64_t cores = 0;    // bit c: core c has used it
  bool is_reference = false;  // no core walks it: see TranslationChecker::set_reference
  // The first context with the same host stage and its tags; what is said of the host stage is said
  // of that one.
  ContextNumber of_host = 0;
  // Of the parts that the root's entries divide the addresses into, those with a global page.
  std::bitset<512> global_parts;

  [[nodiscard]] std::size_t part_of(std::uint64_t address) const {
    return (address >> (guest.format->input_bits - 9U)) & 511U;
  }

  [[nodiscard]] bool may_have_global(Gva address) const {
    return walk.has_guest && global_parts.test(part_of(address.value()));
  }

  [[nodiscard]] const StageRules& rules(Stage stage) const {
    return stage == Stage::kGuest ? guest : host;
  }
  // The frame where its walks begin, as far as the host can tell.
  [[nodiscard]] Hpa root() const {
    return Hpa(walk.has_host ? walk.host_root & mask(51, 12) : walk.guest_root & mask(51, 12));
  }
  [[nodiscard]] bool has_tables() const { return walk.has_host || walk.has_guest; }
};

// The same walks from the same roots; who may do what with the result may differ.
[[nodiscard]] bool have_same_tables(const WalkContext& a, const WalkContext& b);

class CheckedContexts {
 public:
  // A reference is another context than the same one that cores walk.
  [[nodiscard]] ContextNumber number_of(const WalkContext& context, bool is_reference = false);
  [[nodiscard]] const CheckedContext& operator[](ContextNumber number) const {
    return contexts_[number];
  }
  [[nodiscard]] CheckedContext& operator[](ContextNumber number) { return contexts_[number]; }
  void add_core(ContextNumber number, unsigned core) {
    contexts_[number].cores |= std::uint64_t{1} << core;
    contexts_[contexts_[number].of_host].cores |= std::uint64_t{1} << core;
  }
  [[nodiscard]] ContextNumber size() const { return static_cast<ContextNumber>(contexts_.size()); }

 private:
  std::deque<CheckedContext> contexts_;
};

}  // namespace nestwalk
