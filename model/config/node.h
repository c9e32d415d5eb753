// The tree of a configuration document: what was written and where, before it means anything.
// A node keeps the source that names it, because a relative path belongs to that source's folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/config/problem.h"

namespace nestwalk {

enum class ConfigOrigin : std::uint8_t { kFile, kCommandLine };

struct ConfigSource {
  std::string name;                 // as messages show it
  std::filesystem::path directory;  // absolute; relative paths start here
  ConfigOrigin origin = ConfigOrigin::kFile;
};

struct ConfigMark {
  std::shared_ptr<const ConfigSource> source;
  int line = 0;
  int column = 0;

  [[nodiscard]] bool is_override() const { return source->origin == ConfigOrigin::kCommandLine; }
  // An override is one line of the user's, shown whole; it has no position.
  [[nodiscard]] ConfigProblem problem(std::string key_path, std::string message) const {
    return {source->name, is_override() ? 0 : line, is_override() ? 0 : column, std::move(key_path),
            std::move(message)};
  }
};

enum class ConfigNodeKind : std::uint8_t { kNull, kScalar, kSequence, kMapping };

struct ConfigEntry;

struct ConfigNode {
  ConfigNodeKind kind = ConfigNodeKind::kNull;
  ConfigMark mark;
  std::string text;                  // kScalar
  bool is_quoted = false;            // kScalar: written in quotes, therefore text
  std::vector<ConfigNode> items;     // kSequence
  std::vector<ConfigEntry> entries;  // kMapping, in the order of the file, keys unique

  [[nodiscard]] const ConfigEntry* find(std::string_view key) const;
  [[nodiscard]] ConfigEntry* find(std::string_view key);
};

struct ConfigEntry {
  std::string key;
  ConfigMark mark;  // of the key
  ConfigNode value;
};

// Mappings merge deeply; anything else in `upper` replaces what `lower` has, lists included.
void merge_config(ConfigNode& lower, ConfigNode upper);

}  // namespace nestwalk
