// "did you mean": the name of a list that a misspelt one most likely stands for.
//
//   nearest_name("latncy_cycles", {"entries", "latency_cycles"})  ->  "latency_cycles"
//   nearest_name("memory", {"memory_bytes", "name"})              ->  "memory_bytes"
//   nearest_name("colour", {"entries", "ways"})                   ->  none
//
// For messages only: nothing is ever looked up through a guess.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nestwalk {

// Single-letter insertions, deletions, replacements and swaps of neighbours between two names.
[[nodiscard]] std::size_t edit_distance(std::string_view left, std::string_view right);

// The first of the closest names, if it is close enough to be worth offering; letter case and '-'
// against '_' do not count as differences. A name that `found` begins is offered too.
[[nodiscard]] std::optional<std::string> nearest_name(std::string_view found,
                                                      const std::vector<std::string_view>& names);
[[nodiscard]] std::optional<std::string> nearest_name(std::string_view found,
                                                      const std::vector<std::string>& names);

}  // namespace nestwalk
