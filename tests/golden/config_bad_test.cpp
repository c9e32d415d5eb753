// Every configuration in config_bad is rejected with exactly the messages in the .expected file
// beside it, where <here> stands for that folder. NESTWALK_UPDATE_GOLDEN=1 writes the files anew:
// read the difference before committing it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "model/config/binder.h"
#include "tests/unit/config_sample.h"

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(NESTWALK_SOURCE_DIR) / "tests/golden/config_bad";

std::string content_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::string message_of(const std::string& file) {
  std::string message = "accepted";
  try {
    (void)bind_config<SampleRoot>(ConfigDocument::load(file));
  } catch (const ConfigError& error) {
    message = error.what();
  }
  for (std::size_t at = 0; (at = message.find(kFolder.string(), at)) != std::string::npos;) {
    message.replace(at, kFolder.string().size(), "<here>");
  }
  return message + '\n';
}

std::vector<std::string> bad_files() {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".yaml") {
      files.push_back(entry.path().filename().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST(ConfigBad, EveryFileIsRejectedWithItsMessage) {
  fs::current_path(kFolder);
  const bool is_update = std::getenv("NESTWALK_UPDATE_GOLDEN") != nullptr;
  const std::vector<std::string> files = bad_files();
  EXPECT_GT(files.size(), 30U);
  for (const std::string& file : files) {
    const fs::path expected = fs::path(file).replace_extension(".expected");
    const std::string message = message_of(file);
    EXPECT_NE(message, "accepted\n") << file;
    if (is_update) {
      std::ofstream(expected) << message;
    }
    EXPECT_EQ(message, content_of(expected)) << file;
  }
}

}  // namespace
}  // namespace nestwalk
