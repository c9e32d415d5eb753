#include "model/config/file_reader.h"

#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <utility>

#include "model/config/file_lookup.h"
#include "model/config/yaml_reader.h"

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxChain = 16;
constexpr std::string_view kExtends = "extends";

std::string all_of(std::istream& stream) {
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// Next to the file as the user named it, so that messages stay as short as the user's own words.
std::string shown_beside(const ConfigSource& source, const std::string& named) {
  return (fs::path(source.name).parent_path() / named).lexically_normal().string();
}

void check_mapping(const ConfigNode& root) {
  switch (root.kind) {
    case ConfigNodeKind::kMapping:
      return;
    case ConfigNodeKind::kNull:
      throw ConfigError({root.mark.problem(
          "", "the file is empty; expected 'key: value' lines ({} takes every default)")});
    case ConfigNodeKind::kSequence:
      throw ConfigError(
          {root.mark.problem("", "found a list at the top of the file; expected 'key: value'")});
    case ConfigNodeKind::kScalar:
      break;
  }
  constexpr std::size_t kMaxShown = 40;
  throw ConfigError({root.mark.problem(
      "",
      fmt::format(
          "found the text '{}' at the top of the file; expected 'key: value' lines{}",
          root.text.substr(0, kMaxShown),
          root.text.find(':') == std::string::npos ? "" : " (a colon needs a space behind it)"))});
}

}  // namespace

ConfigDocument ConfigFileReader::read_file(const std::string& path) {
  const fs::path absolute = resolved_path(fs::current_path(), path);
  if (const auto problem = file_problem(absolute)) {
    throw ConfigError({{path, 0, 0, "", *problem}});
  }
  return finish(file_tree(absolute, path));
}

ConfigDocument ConfigFileReader::read_stdin() {
  return read_text(all_of(std::cin), "<stdin>", fs::current_path());
}

ConfigDocument ConfigFileReader::read_text(std::string_view text, std::string name,
                                           const fs::path& directory) {
  const auto source = std::make_shared<const ConfigSource>(
      ConfigSource{name, fs::absolute(directory), ConfigOrigin::kFile});
  chain_.push_back({fs::path(), std::move(name)});
  return finish(text_tree(text, source));
}

ConfigDocument ConfigFileReader::finish(ConfigNode root) {
  ConfigDocument document;
  document.root_ = std::move(root);
  document.problems_ = std::move(problems_);
  document.files_ = std::move(files_);
  return document;
}

ConfigNode ConfigFileReader::file_tree(const fs::path& path, const std::string& shown) {
  std::ifstream stream(path, std::ios::binary);
  const auto source = std::make_shared<const ConfigSource>(
      ConfigSource{shown, path.parent_path(), ConfigOrigin::kFile});
  chain_.push_back({fs::weakly_canonical(path), shown});
  ConfigNode tree = text_tree(all_of(stream), source);
  chain_.pop_back();
  files_.push_back(path.string());
  return tree;
}

ConfigNode ConfigFileReader::text_tree(std::string_view text,
                                       const std::shared_ptr<const ConfigSource>& source) {
  ConfigNode own = read_yaml(text, source, problems_);
  check_mapping(own);
  for (auto entry = own.entries.begin(); entry != own.entries.end(); ++entry) {
    if (entry->key == kExtends) {
      const ConfigNode extends = std::move(entry->value);
      own.entries.erase(entry);
      ConfigNode merged = bases(extends, *source);
      merge_config(merged, std::move(own));
      return merged;
    }
  }
  return own;
}

ConfigNode ConfigFileReader::bases(const ConfigNode& extends, const ConfigSource& source) {
  if (extends.kind != ConfigNodeKind::kSequence) {
    return base(extends, source);
  }
  ConfigNode merged;
  merged.kind = ConfigNodeKind::kMapping;
  for (const ConfigNode& named : extends.items) {
    merge_config(merged, base(named, source));
  }
  return merged;
}

ConfigNode ConfigFileReader::base(const ConfigNode& named, const ConfigSource& source) {
  const auto fail = [&named](std::string message) {
    throw ConfigError({named.mark.problem(std::string(kExtends), std::move(message))});
  };
  if (named.kind != ConfigNodeKind::kScalar || named.text.empty()) {
    fail("'extends': expected the name of a file, or a list of names");
  }
  const fs::path path = resolved_path(source.directory, named.text);
  const std::string shown = shown_beside(source, named.text);
  if (const auto problem = file_problem(path)) {
    fail(fmt::format("'extends': {} ('{}' is relative to the file that names it)", *problem,
                     named.text));
  }
  if (is_open(path)) {
    fail(fmt::format("'extends' goes round in a circle: {}", chain_to(shown)));
  }
  if (chain_.size() >= kMaxChain) {
    fail(fmt::format("'extends' goes through more than {} files: {}", kMaxChain, chain_to(shown)));
  }
  return file_tree(path, shown);
}

bool ConfigFileReader::is_open(const fs::path& path) const {
  const fs::path canonical = fs::weakly_canonical(path);
  for (const OpenFile& file : chain_) {
    if (file.path == canonical) {
      return true;
    }
  }
  return false;
}

std::string ConfigFileReader::chain_to(const std::string& shown) const {
  std::string result;
  for (const OpenFile& file : chain_) {
    result += file.shown + " -> ";
  }
  return result + shown;
}

}  // namespace nestwalk
