#include "model/params/nearest_name.h"

#include <algorithm>

namespace nestwalk {
namespace {

std::string folded(std::string_view name) {
  std::string result(name);
  for (char& letter : result) {
    if (letter >= 'A' && letter <= 'Z') {
      letter = static_cast<char>(letter - 'A' + 'a');
    } else if (letter == '-') {
      letter = '_';
    }
  }
  return result;
}

std::optional<std::string> only_name_beginning_with(std::string_view prefix,
                                                    const std::vector<std::string_view>& names) {
  constexpr std::size_t kMinPrefixLength = 3;
  std::optional<std::string> result;
  if (prefix.size() < kMinPrefixLength) {
    return result;
  }
  for (std::string_view name : names) {
    if (!folded(name).starts_with(prefix)) {
      continue;
    }
    if (result) {
      return std::nullopt;
    }
    result = std::string(name);
  }
  return result;
}

}  // namespace

// Optimal string alignment: rows of the dynamic programme for i - 2, i - 1 and i.
std::size_t edit_distance(std::string_view left, std::string_view right) {
  const std::size_t width = right.size() + 1;
  std::vector<std::size_t> before_previous(width);
  std::vector<std::size_t> previous(width);
  std::vector<std::size_t> current(width);
  for (std::size_t j = 0; j < width; ++j) {
    previous[j] = j;
  }
  for (std::size_t i = 1; i <= left.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j < width; ++j) {
      const std::size_t replaced = previous[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
      current[j] = std::min({replaced, previous[j] + 1, current[j - 1] + 1});
      if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1]) {
        current[j] = std::min(current[j], before_previous[j - 2] + 1);
      }
    }
    before_previous.swap(previous);
    previous.swap(current);
  }
  return previous[width - 1];
}

std::optional<std::string> nearest_name(std::string_view found,
                                        const std::vector<std::string_view>& names) {
  const std::string wanted = folded(found);
  std::optional<std::string> best;
  std::size_t best_distance = 0;
  for (std::string_view name : names) {
    const std::size_t distance = edit_distance(wanted, folded(name));
    // A third of the letters may differ, and at least one letter must be right.
    const std::size_t longest = std::max(wanted.size(), name.size());
    const std::size_t allowed = std::max<std::size_t>(1, longest / 3);
    const bool is_close = distance <= allowed && distance < longest;
    if (is_close && (!best || distance < best_distance)) {
      best = std::string(name);
      best_distance = distance;
    }
  }
  return best ? best : only_name_beginning_with(wanted, names);
}

std::optional<std::string> nearest_name(std::string_view found,
                                        const std::vector<std::string>& names) {
  return nearest_name(found, std::vector<std::string_view>(names.begin(), names.end()));
}

}  // namespace nestwalk
