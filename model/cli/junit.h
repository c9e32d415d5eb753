// The file that continuous-integration servers read: what ran, how long, what failed and how it is
// run again.
//
//   write_junit(folder / "junit.xml", "all", cases);
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace nestwalk {

struct JunitCase {
  std::string name;
  bool has_ended = false;  // false: skipped
  std::string problem;     // empty: passed
  std::string command;     // that runs it again
  double seconds = 0;
};

// Throws ResultsError.
void write_junit(const std::filesystem::path& path, const std::string& suite,
                 const std::vector<JunitCase>& cases);

// A command line for a shell of words.
[[nodiscard]] std::string shell_command(const std::vector<std::string>& words);

}  // namespace nestwalk
