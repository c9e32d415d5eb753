#include "model/cli/output_file.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

namespace nestwalk {

namespace fs = std::filesystem;

std::optional<std::string> find_obstacle(const std::string& path, Overwrite overwrite) {
  const fs::path output = path;
  std::error_code error;
  if (fs::is_directory(output, error)) {
    return fmt::format("{} is a folder; name a file, such as {}", path,
                       (output / "program.nwt").string());
  }
  if (fs::exists(output, error) && overwrite == Overwrite::kNo) {
    return fmt::format("{} exists already; choose another -o, or --force to replace it", path);
  }
  if (output.has_parent_path() && !fs::is_directory(output.parent_path(), error)) {
    return fmt::format("there is no folder {}", output.parent_path().string());
  }
  return std::nullopt;
}

OutputFile::OutputFile(const std::string& path) : path_(path), part_path_(path + ".part") {
  std::error_code ignored;
  fs::remove(part_path_, ignored);
}

std::optional<std::string> OutputFile::finish() const {
  std::error_code error;
  fs::rename(part_path_, path_, error);
  return error ? std::optional(
                     fmt::format("cannot rename {} to {}: {}", part_path_, path_, error.message()))
               : std::nullopt;
}

}  // namespace nestwalk
