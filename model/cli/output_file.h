// A file that a command writes: beside its name first, renamed when it is complete, so that a
// failure leaves an existing file alone.
//
//   if (const auto obstacle = find_obstacle(path, Overwrite::kNo)) ...   // a message
//   const OutputFile output(path);
//   write(output.part_path());
//   output.finish();
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace nestwalk {

enum class Overwrite : std::uint8_t { kNo, kYes };

// Why a trace cannot be written to this path, or nothing.
[[nodiscard]] std::optional<std::string> find_obstacle(const std::string& path,
                                                       Overwrite overwrite);

class OutputFile {
 public:
  // Removes the remains of an earlier attempt.
  explicit OutputFile(const std::string& path);
  [[nodiscard]] const std::string& part_path() const { return part_path_; }
  // A message if the file cannot be given its name.
  [[nodiscard]] std::optional<std::string> finish() const;

 private:
  std::string path_;
  std::string part_path_;
};

}  // namespace nestwalk
