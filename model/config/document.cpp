#include "model/config/document.h"

#include <fmt/format.h>

#include <charconv>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "model/config/file_reader.h"
#include "model/config/yaml_reader.h"

namespace nestwalk {
namespace {

std::vector<std::string> split_path(std::string_view key_path) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t dot = key_path.find('.');
    parts.emplace_back(key_path.substr(0, dot));
    if (dot == std::string_view::npos) {
      return parts;
    }
    key_path.remove_prefix(dot + 1);
  }
}

std::optional<std::size_t> index_of(std::string_view part) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
  if (error != std::errc() || end != part.data() + part.size()) {
    return std::nullopt;
  }
  return index;
}

// The element of a written list; none when `part` is no index into it.
ConfigNode* element(ConfigNode& list, std::string_view part) {
  const auto index = index_of(part);
  return index && *index < list.items.size() ? &list.items[*index] : nullptr;
}

ConfigNode override_value(std::string_view text, const ConfigMark& mark,
                          std::vector<ConfigProblem>& problems) {
  ConfigNode node;
  node.mark = mark;
  if (!text.empty() && std::string_view("[{\"'").find(text.front()) != std::string_view::npos) {
    return read_yaml(text, mark.source, problems);
  }
  if (!text.empty()) {
    node.kind = ConfigNodeKind::kScalar;
    node.text = text;
  }
  return node;
}

}  // namespace

ConfigDocument::ConfigDocument() {
  root_.kind = ConfigNodeKind::kMapping;
  root_.mark.source = std::make_shared<const ConfigSource>(
      ConfigSource{"<defaults>", std::filesystem::current_path(), ConfigOrigin::kFile});
}

ConfigDocument ConfigDocument::load(const std::string& path) {
  return path == "-" ? ConfigFileReader().read_stdin() : ConfigFileReader().read_file(path);
}

ConfigDocument ConfigDocument::parse(std::string_view text, std::string name,
                                     const std::filesystem::path& directory) {
  return ConfigFileReader().read_text(text, std::move(name), directory);
}

void ConfigDocument::set(std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos) {
    problems_.push_back({fmt::format("--set {}", assignment), 0, 0, std::string(assignment),
                         "found no '='; expected path=value, such as vms.0.memory_bytes=4GiB"});
    return;
  }
  set(assignment.substr(0, equals), assignment.substr(equals + 1));
}

void ConfigDocument::set(std::string_view key_path, std::string_view value) {
  ConfigMark mark;
  mark.source = std::make_shared<const ConfigSource>(
      ConfigSource{fmt::format("--set {}={}", key_path, value), std::filesystem::current_path(),
                   ConfigOrigin::kCommandLine});
  const auto fail = [&](std::string message) {
    problems_.push_back(mark.problem(std::string(key_path), std::move(message)));
  };
  if (key_path == "extends") {
    return fail("'extends' belongs into a file; expected the path of a parameter");
  }
  ConfigNode* node = &root_;
  std::string so_far;
  for (const std::string& part : split_path(key_path)) {
    if (part.empty()) {
      return fail("found an empty name in the path; expected names joined by single dots");
    }
    if (node->kind == ConfigNodeKind::kSequence) {
      ConfigNode* const item = element(*node, part);
      if (item == nullptr) {
        return fail(fmt::format("found '{}' behind the list '{}'; expected an index below {}", part,
                                so_far, node->items.size()));
      }
      node = item;
    } else {
      if (node->kind != ConfigNodeKind::kMapping) {
        *node = ConfigNode{};
        node->kind = ConfigNodeKind::kMapping;
        node->mark = mark;
      }
      if (node->find(part) == nullptr) {
        node->entries.push_back({part, mark, ConfigNode{}});
        node->entries.back().value.mark = mark;
      }
      ConfigEntry* const entry = node->find(part);
      entry->mark = mark;
      node = &entry->value;
    }
    so_far += so_far.empty() ? part : '.' + part;
  }
  try {
    *node = override_value(value, mark, problems_);
  } catch (const ConfigError& error) {
    problems_.insert(problems_.end(), error.problems().begin(), error.problems().end());
  }
}

ConfigProblem ConfigDocument::problem_at(std::string_view key_path, std::string message) const {
  const ConfigNode* node = &root_;
  ConfigMark mark = root_.mark;
  for (const std::string& part : split_path(key_path)) {
    if (node->kind == ConfigNodeKind::kSequence) {
      const auto index = index_of(part);
      if (!index || *index >= node->items.size()) {
        break;
      }
      node = &node->items[*index];
      mark = node->mark;
    } else {
      const ConfigEntry* const entry = node->find(part);
      if (entry == nullptr) {
        break;
      }
      node = &entry->value;
      mark = node->mark;
    }
  }
  return mark.problem(std::string(key_path), fmt::format("'{}': {}", key_path, message));
}

}  // namespace nestwalk
