// A configuration as written: one YAML file, the files it extends, and overrides on top, merged
// into one tree in which every value knows where it came from.
//
//   ConfigDocument document = ConfigDocument::load("configs/examples/quickstart.yaml");
//   document.set("vms.0.memory_bytes=4 GiB");
//   const RunParams params = bind_config<RunParams>(document);
//
// Rules:
// - `extends:` at the top of a file names one file or a list of files, relative to that file; later
//   ones win over earlier ones, and the file itself wins over all of them. Mappings merge key by
//   key; a list replaces the list below it.
// - An override replaces one value. A number in its path is an index into a list. Its value is
// taken
//   literally unless it begins with [ { " or ', which make it YAML. A relative path in it starts at
//   the working directory.
// It does not know which keys exist: binder.h does.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "model/config/node.h"
#include "model/config/problem.h"

namespace nestwalk {

class ConfigDocument {
 public:
  // Nothing written: every parameter keeps its default.
  ConfigDocument();

  // "-" reads the standard input. Throws ConfigError for files that are missing or no YAML.
  [[nodiscard]] static ConfigDocument load(const std::string& path);
  // `name` is what messages show; relative paths start at `directory`.
  [[nodiscard]] static ConfigDocument parse(std::string_view text, std::string name,
                                            const std::filesystem::path& directory);

  // "path=value", as behind --set on the command line.
  void set(std::string_view assignment);
  void set(std::string_view key_path, std::string_view value);

  [[nodiscard]] const ConfigNode& root() const { return root_; }
  // Found while reading and overriding; binding reports them with its own.
  [[nodiscard]] const std::vector<ConfigProblem>& problems() const { return problems_; }
  // Every file that was read, absolute, bases before the files that extend them.
  [[nodiscard]] const std::vector<std::string>& files() const { return files_; }

  // For rules between parameters, judged after binding: the problem at the position where the
  // parameter was given, or where its nearest enclosing group was.
  [[nodiscard]] ConfigProblem problem_at(std::string_view key_path, std::string message) const;

 private:
  friend class ConfigFileReader;

  ConfigNode root_;
  std::vector<ConfigProblem> problems_;
  std::vector<std::string> files_;
};

}  // namespace nestwalk
