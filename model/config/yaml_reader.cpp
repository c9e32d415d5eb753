#include "model/config/yaml_reader.h"

#include <fmt/format.h>
#include <yaml-cpp/anchor.h>
#include <yaml-cpp/emitterstyle.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <cstddef>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

namespace nestwalk {
namespace {

constexpr int kMaxDepth = 64;
constexpr int kMaxNodes = 200'000;

// CRLF to LF and no byte-order mark, so that positions count what an editor shows.
std::string normalised(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') {
      continue;
    }
    result += text[i];
  }
  return result;
}

std::string_view line_of(std::string_view text, int line) {
  for (int i = 1; i < line; ++i) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      return {};
    }
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// Where a tab stands in the indentation of a line, from 1.
std::optional<int> tab_column(std::string_view line) {
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos || tab > line.find_first_not_of(" \t")) {
    return std::nullopt;
  }
  return static_cast<int>(tab) + 1;
}

// yaml-cpp takes the end of the file for a closing quote.
bool is_closed(std::string_view text, std::size_t begin) {
  const char quote = text[begin];
  for (std::size_t i = begin + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text.substr(i).starts_with("''") && quote == '\'') {
      ++i;  // stands for one '
    } else if (text[i] == quote) {
      return true;
    }
  }
  return false;
}

// Where the last document begins.
class DocumentStart final : public YAML::EventHandler {
 public:
  [[nodiscard]] const YAML::Mark& mark() const { return mark_; }

  void OnDocumentStart(const YAML::Mark& mark) override { mark_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  YAML::Mark mark_;
};

class TreeReader {
 public:
  TreeReader(std::string_view text, std::shared_ptr<const ConfigSource> source,
             std::vector<ConfigProblem>& problems)
      : text_(text), source_(std::move(source)), problems_(problems) {}

  ConfigNode read() {
    YAML::Node root;
    try {
      const std::string text(text_);
      root = YAML::Load(text);
      check_one_document(text);
    } catch (const YAML::Exception& error) {
      fail(syntax_problem(error));
    }
    ConfigNode node = convert(root, 0);
    if (node.kind == ConfigNodeKind::kNull) {
      node.mark = mark_at(1, 1);
    }
    return node;
  }

 private:
  [[noreturn]] static void fail(ConfigProblem problem) { throw ConfigError({std::move(problem)}); }

  ConfigMark mark_at(int line, int column) const { return {source_, line, column}; }
  ConfigMark mark_at(const YAML::Mark& mark) const {
    return mark.is_null() ? mark_at(1, 1) : mark_at(mark.line + 1, mark.column + 1);
  }

  // YAML::Load() ignores what follows the first document. YAML::LoadAll() is no choice: it never
  // returns when a ',' or such stands where a document should begin.
  void check_one_document(const std::string& text) const {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    DocumentStart start;
    if (!parser.HandleNextDocument(start) || !parser.HandleNextDocument(start)) {
      return;
    }
    const ConfigMark mark = mark_at(start.mark());
    const auto begin = static_cast<std::size_t>(start.mark().pos);
    fail(mark.problem("", text.compare(begin, 3, "---") == 0
                              ? "a second YAML document begins here; expected one in a file"
                              : "no valid YAML: this belongs to nothing; expected 'key: value'"));
  }

  ConfigProblem syntax_problem(const YAML::Exception& error) const {
    const ConfigMark mark = mark_at(error.mark);
    if (const auto column = tab_column(line_of(text_, mark.line))) {
      return mark_at(mark.line, *column)
          .problem("", "a tab indents this line; expected spaces only (a rule of YAML)");
    }
    return mark.problem("", fmt::format("no valid YAML: {}; expected 'key: value' lines, their "
                                        "indentation in spaces (look at the line before, too)",
                                        error.msg));
  }

  ConfigNode convert(const YAML::Node& yaml, int depth) {
    ConfigNode node;
    node.mark = mark_at(yaml.Mark());
    if (depth > kMaxDepth || ++num_nodes_ > kMaxNodes) {
      fail(node.mark.problem(
          "", fmt::format("nested deeper than {} levels or more than {} values; an alias (*name) "
                          "inside its own anchor (&name) does that",
                          kMaxDepth, kMaxNodes)));
    }
    check_tag(yaml, node.mark);
    switch (yaml.Type()) {
      case YAML::NodeType::Scalar:
        convert_scalar(yaml, node);
        break;
      case YAML::NodeType::Sequence:
        node.kind = ConfigNodeKind::kSequence;
        for (const auto& item : yaml) {
          node.items.push_back(convert(item, depth + 1));
          if (node.items.back().kind == ConfigNodeKind::kNull) {
            node.items.back().mark = node.mark;  // nothing has no position of its own
          }
        }
        break;
      case YAML::NodeType::Map:
        node.kind = ConfigNodeKind::kMapping;
        for (const auto& entry : yaml) {
          convert_entry(entry.first, entry.second, depth, node);
        }
        break;
      case YAML::NodeType::Null:
      case YAML::NodeType::Undefined:
        break;
    }
    return node;
  }

  void convert_scalar(const YAML::Node& yaml, ConfigNode& node) {
    node.kind = ConfigNodeKind::kScalar;
    node.text = yaml.Scalar();
    node.is_quoted = yaml.Tag() == "!";
    const auto begin = static_cast<std::size_t>(yaml.Mark().pos);
    const bool opens_quote = begin < text_.size() && (text_[begin] == '"' || text_[begin] == '\'');
    if (node.is_quoted && opens_quote && !is_closed(text_, begin)) {
      fail(node.mark.problem("", fmt::format("the quote {} opened here is never closed; expected "
                                             "another {} behind the text",
                                             text_[begin], text_[begin])));
    }
  }

  void convert_entry(const YAML::Node& key, const YAML::Node& value, int depth, ConfigNode& node) {
    const ConfigMark mark = mark_at(key.Mark());
    if (!key.IsScalar()) {
      problems_.push_back(mark.problem("", "found a key that is no text; expected a name"));
      return;
    }
    const ConfigEntry* earlier = node.find(key.Scalar());
    if (earlier != nullptr) {
      problems_.push_back(
          mark.problem(key.Scalar(), fmt::format("key '{}' is given twice, first in line {}; "
                                                 "expected it once",
                                                 key.Scalar(), earlier->mark.line)));
      return;
    }
    ConfigNode converted = convert(value, depth + 1);
    if (converted.kind == ConfigNodeKind::kNull) {
      converted.mark = mark;  // yaml-cpp gives nothing the position of what follows
    }
    node.entries.push_back({key.Scalar(), mark, std::move(converted)});
  }

  void check_tag(const YAML::Node& yaml, const ConfigMark& mark) {
    constexpr std::string_view kCoreTags = "tag:yaml.org,2002:";  // written "!!"
    const std::string& tag = yaml.Tag();
    if (tag.empty() || tag == "?" || tag == "!") {
      return;
    }
    const bool is_core = tag.compare(0, kCoreTags.size(), kCoreTags) == 0;
    problems_.push_back(
        mark.problem("", fmt::format("found the YAML tag '{}'; expected a value without a tag",
                                     is_core ? "!!" + tag.substr(kCoreTags.size()) : tag)));
  }

  std::string_view text_;
  std::shared_ptr<const ConfigSource> source_;
  std::vector<ConfigProblem>& problems_;
  int num_nodes_ = 0;
};

void check_is_text(std::string_view text, const ConfigSource& source) {
  const auto fail = [&source](std::string message) {
    throw ConfigError({{source.name, 0, 0, "", std::move(message)}});
  };
  if (text.starts_with("version https://git-lfs.github.com/spec/")) {
    fail(
        "found a Git LFS pointer instead of the file's content; expected YAML (run 'git lfs "
        "pull')");
  }
  if (text.find('\0') != std::string_view::npos) {
    fail("found binary data; expected YAML text");
  }
}

}  // namespace

ConfigNode read_yaml(std::string_view text, std::shared_ptr<const ConfigSource> source,
                     std::vector<ConfigProblem>& problems) {
  check_is_text(text, *source);
  const std::string clean = normalised(text);
  return TreeReader(clean, std::move(source), problems).read();
}

}  // namespace nestwalk
