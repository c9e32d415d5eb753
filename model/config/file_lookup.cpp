#include "model/config/file_lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <system_error>
#include <vector>

#include "model/params/nearest_name.h"

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

std::string suggestion(const fs::path& missing) {
  std::vector<std::string> names;
  std::error_code ignored;  // an unreadable folder has no names to offer
  for (const auto& entry : fs::directory_iterator(missing.parent_path(), ignored)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  const std::string wanted = missing.filename().string();
  const auto nearest = nearest_name(wanted, names);
  // The extension is always right: it must not make any two short names look alike.
  const std::size_t allowed = std::max<std::size_t>(1, missing.stem().string().size() / 3);
  return nearest && edit_distance(wanted, *nearest) <= allowed
             ? fmt::format("; did you mean '{}'?", *nearest)
             : "";
}

}  // namespace

fs::path resolved_path(const fs::path& directory, std::string_view named) {
  return fs::absolute(directory / fs::path(named)).lexically_normal();
}

std::optional<std::string> file_problem(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    return fmt::format("no file '{}'{}", path.string(), suggestion(path));
  }
  if (fs::is_directory(status)) {
    return fmt::format("'{}' is a folder, expected a file", path.string());
  }
  if (!std::ifstream(path)) {
    return fmt::format("'{}' cannot be opened for reading; check its permissions", path.string());
  }
  return std::nullopt;
}

}  // namespace nestwalk
