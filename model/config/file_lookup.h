// Files that a configuration names: relative to the file that names them, wherever the program was
// started.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace nestwalk {

// Absolute and free of "." and "..".
[[nodiscard]] std::filesystem::path resolved_path(const std::filesystem::path& directory,
                                                  std::string_view named);

// Why a file cannot be read, with the path tried and the nearest name in that folder; none if it
// can be. What is wrong inside it is for its reader to say.
[[nodiscard]] std::optional<std::string> file_problem(const std::filesystem::path& path);

}  // namespace nestwalk
