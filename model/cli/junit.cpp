#include "model/cli/junit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <string_view>

#include "model/sim/results.h"

namespace nestwalk {
namespace {

std::string xml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace

void write_junit(const std::filesystem::path& path, const std::string& suite,
                 const std::vector<JunitCase>& cases) {
  std::string text;
  std::size_t num_failures = 0;
  std::size_t num_skipped = 0;
  double seconds = 0;
  for (const JunitCase& c : cases) {
    seconds += c.seconds;
    text += fmt::format("  <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\"", xml(suite),
                        xml(c.name), c.seconds);
    if (!c.has_ended) {
      ++num_skipped;
      text += "><skipped/></testcase>\n";
    } else if (!c.problem.empty()) {
      ++num_failures;
      text += fmt::format("><failure message=\"{}\">{}</failure></testcase>\n", xml(c.problem),
                          xml(c.command));
    } else {
      text += "/>\n";
    }
  }
  std::ofstream file(path, std::ios::binary);
  file << fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" time=\"{:.3f}\">\n"
      "{}</testsuite>\n",
      xml(suite), cases.size(), num_failures, num_skipped, seconds, text);
  file.close();
  if (!file) {
    throw ResultsError(fmt::format("cannot write {}", path.string()));
  }
}

std::string shell_command(const std::vector<std::string>& words) {
  std::vector<std::string> quoted;
  for (const std::string& word : words) {
    const bool is_plain = !word.empty() && word.find_first_of(" \"'[{$*") == std::string::npos;
    quoted.push_back(is_plain ? word : fmt::format("'{}'", word));
  }
  return fmt::format("{}", fmt::join(quoted, " "));
}

}  // namespace nestwalk
