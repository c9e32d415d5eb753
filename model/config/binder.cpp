#include "model/config/binder.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/config/document_cursor.h"
#include "model/config/file_lookup.h"
#include "model/config/scalar.h"
#include "model/config/unknown_keys.h"
#include "model/params/nearest_name.h"

namespace nestwalk {
namespace {

std::string found_text(const ConfigNode& node) {
  switch (node.kind) {
    case ConfigNodeKind::kNull:
      return "found no value";
    case ConfigNodeKind::kSequence:
      return "found a list";
    case ConfigNodeKind::kMapping:
      return "found a mapping";
    case ConfigNodeKind::kScalar:
      break;
  }
  return node.is_quoted ? fmt::format("found the quoted text \"{}\"", node.text)
                        : fmt::format("found '{}'", node.text);
}

std::string expected_text(std::string_view type, const std::string& range) {
  return range.empty() ? std::string(type) : fmt::format("{}: {}", type, range);
}

std::string list_of(const std::vector<std::string_view>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string did_you_mean(const std::optional<std::string>& name) {
  return name ? fmt::format("; did you mean '{}'?", *name) : "";
}

std::optional<std::string> nearest_boolean(std::string_view found) {
  if (found == "yes" || found == "on" || found == "1") {
    return "true";
  }
  if (found == "no" || found == "off" || found == "0") {
    return "false";
  }
  return nearest_name(found, std::vector<std::string_view>{"true", "false"});
}

class Binder final : public DocumentCursor {
 public:
  Binder(const ConfigDocument& document, PathCheck path_check)
      : DocumentCursor(document.root()),
        document_(document),
        path_check_(path_check),
        problems_(document.problems()) {}

  // After the visit: throws if anything was wrong.
  void finish() {
    check_keys();
    for (ConfigProblem& problem : unknown_.problems()) {
      problems_.push_back(std::move(problem));
    }
    if (!problems_.empty()) {
      throw ConfigError(std::move(problems_));
    }
  }

 protected:
  void visit_integer(const IntegerParameter& d, std::uint64_t& value) override {
    const ConfigNode* const node = written(d.name);
    if (node == nullptr) {
      return;
    }
    const bool has_unit = is_size(d) && !parse_integer(node->text);
    const auto parsed = node->kind != ConfigNodeKind::kScalar || (node->is_quoted && !has_unit)
                            ? std::nullopt
                        : has_unit ? parse_bytes(node->text)
                                   : parse_integer(node->text);
    if (!parsed) {
      const std::string type = is_size(d) ? "a size in bytes, such as 4096 or 64 KiB"
                                          : "an integer, decimal or 0x hexadecimal";
      const std::string range = range_text(d);
      wrong(d.name, *node, "expected " + expected_text(type, range.empty() ? "0 or more" : range));
    } else if (!is_in_range(d, *parsed)) {
      wrong(d.name, *node, "expected " + range_text(d));
    } else {
      value = *parsed;
    }
  }

  void visit_number(const NumberParameter& d, double& value) override {
    const ConfigNode* const node = written(d.name);
    if (node == nullptr) {
      return;
    }
    const auto parsed = node->kind != ConfigNodeKind::kScalar || node->is_quoted
                            ? std::nullopt
                            : parse_number(node->text);
    if (!parsed) {
      wrong(d.name, *node, "expected " + expected_text("a number", range_text(d)));
    } else if (*parsed < d.min || *parsed > d.max) {
      wrong(d.name, *node, "expected " + range_text(d));
    } else {
      value = *parsed;
    }
  }

  void visit_boolean(const BooleanParameter& d, bool& value) override {
    const ConfigNode* const node = written(d.name);
    if (node == nullptr) {
      return;
    }
    const auto parsed = node->is_quoted ? std::nullopt : parse_boolean(node->text);
    if (parsed) {
      value = *parsed;
    } else {
      const auto nearest = node->is_quoted ? std::nullopt : nearest_boolean(node->text);
      wrong(d.name, *node, "expected true or false" + did_you_mean(nearest));
    }
  }

  void visit_choice(const ChoiceParameter& d, std::size_t& index) override {
    const ConfigNode* const node = written(d.name);
    if (node == nullptr) {
      return;
    }
    const std::vector<std::string_view> names(d.names.begin(), d.names.end());
    const auto chosen = std::find(names.begin(), names.end(), node->text);
    if (node->kind == ConfigNodeKind::kScalar && chosen != names.end()) {
      index = static_cast<std::size_t>(chosen - names.begin());
    } else {
      wrong(d.name, *node,
            fmt::format("expected one of {}{}", list_of(names),
                        did_you_mean(nearest_name(node->text, names))));
    }
  }

  void visit_text(const TextParameter& d, std::string& value) override {
    const ConfigNode* const node = written(d.name);
    if (node == nullptr) {
      return;
    }
    const std::string type = d.kind == TextKind::kPath ? "the path of a file" : "text";
    if (node->kind != ConfigNodeKind::kScalar) {
      wrong(d.name, *node, "expected " + type);
    } else if (!node->is_quoted && !node->mark.is_override() && looks_like_no_text(node->text)) {
      wrong(d.name, *node,
            fmt::format("expected {}; in quotes it is one: \"{}\"", type, node->text));
    } else if (d.kind == TextKind::kPath && !node->text.empty()) {
      bind_path(d, *node, value);
    } else {
      value = node->text;
    }
  }

  void begin_group(const GroupParameter& d) override {
    const ConfigNode* const node = written(d.name);
    if (node != nullptr && node->kind != ConfigNodeKind::kMapping) {
      wrong(d.name, *node, "expected a group of 'key: value' lines");
    }
    DocumentCursor::begin_group(d);
  }

  void end_group() override {
    check_keys();
    DocumentCursor::end_group();
  }

  // Else the first elements written would inherit from those of the default list.
  bool starts_list_anew(const ListParameter& d) override {
    const ConfigEntry* const found = entry(d.name);
    return found != nullptr && found->value.kind == ConfigNodeKind::kSequence;
  }

  std::size_t begin_list(const ListParameter& d, std::size_t size) override {
    const ConfigNode* const node = written(d.name);
    const bool is_list = node != nullptr && node->kind == ConfigNodeKind::kSequence;
    if (node != nullptr && !is_list && !edits_default_list(*node)) {
      wrong(d.name, *node, "expected a list, one '- ' for each element");
    }
    const std::size_t length = is_list ? node->items.size() : size;
    if (length < d.min_size) {
      const ConfigNode& place = node != nullptr ? *node : nearest_written();
      report(d.name, place.mark,
             fmt::format("found a list of {}, expected {} or more elements", length, d.min_size));
    }
    return DocumentCursor::begin_list(d, size);
  }

  void begin_element(std::size_t index) override {
    const ConfigNode* const list = frame().node;
    if (list != nullptr && list->kind == ConfigNodeKind::kSequence) {
      check_element(std::to_string(index), list->items[index]);
    } else if (const ConfigEntry* const edited = entry(std::to_string(index))) {
      check_element(edited->key, edited->value);
    }
    DocumentCursor::begin_element(index);
  }

  void end_element() override {
    check_keys();
    DocumentCursor::end_element();
  }

  void end_list() override {
    if (frame().node != nullptr) {
      check_indices(*frame().node);
    }
    DocumentCursor::end_list();
  }

 private:
  const ConfigNode* written(std::string_view name) {
    unknown_.know(path_of(name));
    const ConfigEntry* const found = entry(name);
    return found == nullptr ? nullptr : &found->value;
  }

  void report(std::string_view name, const ConfigMark& mark, const std::string& message) {
    const std::string where = path_of(name);
    problems_.push_back(mark.problem(where, fmt::format("'{}': {}", where, message)));
  }

  void wrong(std::string_view name, const ConfigNode& node, const std::string& expected) {
    report(name, node.mark, fmt::format("{}, {}", found_text(node), expected));
  }

  void check_element(const std::string& index, const ConfigNode& node) {
    if (node.kind != ConfigNodeKind::kMapping) {
      wrong(index, node, "expected a group of 'key: value' lines");
    }
  }

  void bind_path(const TextParameter& d, const ConfigNode& node, std::string& value) {
    const auto path = resolved_path(node.mark.source->directory, node.text);
    value = path.string();
    const auto problem = path_check_ == PathCheck::kMustExist ? file_problem(path) : std::nullopt;
    if (problem) {
      wrong(d.name, node, *problem);
    }
  }

  [[nodiscard]] const ConfigNode& nearest_written() const {
    return frame().node != nullptr ? *frame().node : document_.root();
  }

  // Every key of the current frame that no descriptor named.
  void check_keys() {
    if (frame().node == nullptr) {
      return;
    }
    const std::vector<std::string>& names = frame().names;
    for (const ConfigEntry& entry : frame().node->entries) {
      if (std::find(names.begin(), names.end(), entry.key) == names.end()) {
        unknown_.add(entry, path(), names);
      }
    }
  }

  // Overrides of a default list name elements by index; the indices visited are the legal ones.
  void check_indices(const ConfigNode& list) {
    const std::vector<std::string>& indices = frame().names;
    for (const ConfigEntry& entry : list.entries) {
      if (std::find(indices.begin(), indices.end(), entry.key) == indices.end()) {
        const std::string where = path_of(entry.key);
        problems_.push_back(entry.mark.problem(
            where, fmt::format("found '{}' behind the list '{}'; expected an index below {}",
                               entry.key, path(), indices.size())));
      }
    }
  }

  const ConfigDocument& document_;
  PathCheck path_check_;
  std::vector<ConfigProblem> problems_;
  UnknownKeys unknown_;
};

}  // namespace

void bind_parameters(const ConfigDocument& document, const DescribeFunction& describe_root,
                     PathCheck path_check) {
  Binder binder(document, path_check);
  describe_root(binder);
  binder.finish();
}

}  // namespace nestwalk
