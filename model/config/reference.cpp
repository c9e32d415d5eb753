#include "model/config/reference.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/config/scalar.h"

namespace nestwalk {
namespace {

constexpr std::string_view kIntroduction =
    "Made from the descriptors of the program; do not edit.\n"
    "\n"
    "- A file sets what differs from the defaults below; an unknown key is an error.\n"
    "- `extends: FILE` (or a list of files) builds on other files, later ones winning. Groups "
    "merge\n"
    "  key by key; a list replaces the whole list below it.\n"
    "- `--set KEY=VALUE` changes one value on the command line; `N` in a key is an index, from 0.\n"
    "- Integers are decimal or `0x` hexadecimal. Sizes in bytes may carry `B`, `KiB`, `MiB`, "
    "`GiB`\n"
    "  or `TiB`.\n"
    "- A relative path starts at the folder of the file that names it.\n";

constexpr std::string_view kTableHead =
    "| key | type | default | allowed | meaning |\n"
    "| --- | --- | --- | --- | --- |\n";

// One cell of a table.
std::string cell(std::string_view text) {
  std::string result;
  for (char letter : text) {
    result += letter == '|' ? "\\|" : std::string(1, letter);
  }
  return result;
}

std::string code(std::string_view text) {
  return text.empty() ? "" : fmt::format("`{}`", cell(text));
}

class ReferenceWriter final : public ParameterVisitor {
 public:
  ReferenceWriter() { sections_.push_back({"", "", ""}); }

  // Sections in the order in which they were opened.
  [[nodiscard]] std::string text() const {
    std::string result;
    for (const Section& section : sections_) {
      result += section.path.empty() ? "\n## Top level\n"
                                     : fmt::format("\n## `{}`\n\n{}\n", section.path, section.text);
      if (!section.rows.empty()) {
        result += fmt::format("\n{}{}", kTableHead, section.rows);
      }
    }
    return result;
  }

 protected:
  void visit_integer(const IntegerParameter& d, std::uint64_t& value) override {
    const std::string allowed = range_text(d);
    add(d.name, is_size(d) ? "size" : "integer", format_integer(d, value),
        allowed.empty() ? std::string(d.unit) : allowed, d.text);
  }
  void visit_number(const NumberParameter& d, double& value) override {
    add(d.name, "number", format_number(value), range_text(d), d.text);
  }
  void visit_boolean(const BooleanParameter& d, bool& value) override {
    add(d.name, "boolean", value ? "true" : "false", "true, false", d.text);
  }
  void visit_choice(const ChoiceParameter& d, std::size_t& index) override {
    const std::vector<std::string_view> names(d.names.begin(), d.names.end());
    add(d.name, "choice", std::string(names[index]), fmt::format("{}", fmt::join(names, ", ")),
        d.text);
  }
  void visit_text(const TextParameter& d, std::string& value) override {
    add(d.name, d.kind == TextKind::kPath ? "path" : "text", value, "", d.text);
  }

  void begin_group(const GroupParameter& d) override { open(d.name, d.text); }
  void end_group() override { open_.pop_back(); }

  // One element, with the defaults of a new one, stands for all.
  bool starts_list_anew(const ListParameter&) override { return true; }
  std::size_t begin_list(const ListParameter& d, std::size_t) override {
    open(fmt::format("{}.N", d.name),
         d.min_size > 0 ? fmt::format("{} A list of {} or more elements.", d.text, d.min_size)
                        : fmt::format("{} A list.", d.text));
    return 1;
  }
  void begin_element(std::size_t) override {}
  void end_element() override {}
  void end_list() override { open_.pop_back(); }

 private:
  struct Section {
    std::string path;
    std::string text;
    std::string rows;
  };

  [[nodiscard]] std::string path_of(std::string_view name) const {
    const std::string& group = sections_[open_.back()].path;
    return group.empty() ? std::string(name) : fmt::format("{}.{}", group, name);
  }

  void open(std::string_view name, std::string_view text) {
    sections_.push_back({path_of(name), std::string(text), ""});
    open_.push_back(sections_.size() - 1);
  }

  void add(std::string_view name, std::string_view type, const std::string& value,
           const std::string& allowed, std::string_view text) {
    sections_[open_.back()].rows += fmt::format("| `{}` | {} | {} | {} | {} |\n", path_of(name),
                                                type, code(value), cell(allowed), cell(text));
  }

  std::vector<Section> sections_;
  std::vector<std::size_t> open_ = {0};  // sections being written, innermost last
};

}  // namespace

std::string reference_markdown_of(const DescribeFunction& describe_root, const std::string& title) {
  ReferenceWriter writer;
  describe_root(writer);
  return fmt::format("# {}\n\n{}{}", title, kIntroduction, writer.text());
}

}  // namespace nestwalk
