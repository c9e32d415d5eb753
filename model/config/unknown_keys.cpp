#include "model/config/unknown_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/params/nearest_name.h"

namespace nestwalk {
namespace {

std::string joined_path(const std::string& group, const std::string& key) {
  return group.empty() ? key : group + '.' + key;
}

std::string place_of(const std::string& group) {
  return group.empty() ? "at the top level" : fmt::format("in '{}'", group);
}

}  // namespace

void UnknownKeys::add(const ConfigEntry& entry, std::string group,
                      std::vector<std::string> allowed) {
  unknown_.push_back({entry.key, entry.mark, std::move(group), std::move(allowed)});
}

std::vector<ConfigProblem> UnknownKeys::problems() const {
  std::vector<ConfigProblem> result;
  for (const Unknown& unknown : unknown_) {
    result.push_back(unknown.mark.problem(
        joined_path(unknown.group, unknown.key),
        fmt::format("unknown key '{}' {}{} (allowed there: {})", unknown.key,
                    place_of(unknown.group), suggestion(unknown),
                    unknown.allowed.empty()
                        ? "nothing"
                        : fmt::format("{}", fmt::join(unknown.allowed, ", ")))));
  }
  return result;
}

std::string UnknownKeys::suggestion(const Unknown& unknown) const {
  if (const auto nearest = nearest_name(unknown.key, unknown.allowed)) {
    return fmt::format("; did you mean '{}'?", *nearest);
  }
  const std::string full_path = joined_path(unknown.group, unknown.key);
  if (std::find(known_paths_.begin(), known_paths_.end(), full_path) != known_paths_.end()) {
    return fmt::format("; did you mean one key inside the other, for '{}'?", full_path);
  }
  // The right name in the wrong group, if only one group has it.
  const auto has_name = [&unknown](const std::string& path) {
    return path == unknown.key || path.ends_with('.' + unknown.key);
  };
  const auto first = std::find_if(known_paths_.begin(), known_paths_.end(), has_name);
  if (first == known_paths_.end() ||
      std::find_if(first + 1, known_paths_.end(), has_name) != known_paths_.end()) {
    return "";
  }
  return fmt::format("; did you mean '{}'?", *first);
}

}  // namespace nestwalk
