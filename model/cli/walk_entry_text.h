// Paging-structure entries in words: "PDE", "P RW US A -> table 0x3000".
//
//   describe_entry(guest_rules(context), 2, 0xe7)  ->  "P RW US A D PS -> 2M page at 0x0"
//
// The meaning comes from the walk's own rules; nothing is judged here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/arch/paging_format.h"
#include "model/arch/position.h"
#include "model/walk/context.h"
#include "model/walk/entry_rules.h"

namespace nestwalk {

// "PTE", "PDE", "PDPTE", "PML4E", "PML5E".
[[nodiscard]] std::string_view level_name(unsigned level);
// The same after "guest", "EPT" or "NPT".
[[nodiscard]] std::string entry_name(const WalkContext& context, Stage stage, unsigned level);

[[nodiscard]] std::string describe_entry(const StageRules& rules, unsigned level,
                                         std::uint64_t entry);

// Why classify() calls the entry malformed; empty if it does not.
[[nodiscard]] std::string describe_malformed(const StageRules& rules, unsigned level,
                                             std::uint64_t entry);

// "4K", "2M", "4M", "1G".
[[nodiscard]] std::string size_text(unsigned page_bits);

}  // namespace nestwalk
