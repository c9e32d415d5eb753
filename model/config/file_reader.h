// Reads a file and everything it extends into a ConfigDocument. Used by ConfigDocument only.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/config/document.h"

namespace nestwalk {

class ConfigFileReader {
 public:
  [[nodiscard]] ConfigDocument read_file(const std::string& path);
  [[nodiscard]] ConfigDocument read_stdin();
  [[nodiscard]] ConfigDocument read_text(std::string_view text, std::string name,
                                         const std::filesystem::path& directory);

 private:
  ConfigNode file_tree(const std::filesystem::path& path, const std::string& shown);
  ConfigNode text_tree(std::string_view text, const std::shared_ptr<const ConfigSource>& source);
  ConfigNode bases(const ConfigNode& extends, const ConfigSource& source);
  ConfigNode base(const ConfigNode& named, const ConfigSource& source);
  [[nodiscard]] std::string chain_to(const std::string& shown) const;
  [[nodiscard]] bool is_open(const std::filesystem::path& path) const;
  ConfigDocument finish(ConfigNode root);

  struct OpenFile {
    std::filesystem::path path;
    std::string shown;
  };
  std::vector<OpenFile> chain_;  // from the first file to the one being read
  std::vector<ConfigProblem> problems_;
  std::vector<std::string> files_;
};

}  // namespace nestwalk
