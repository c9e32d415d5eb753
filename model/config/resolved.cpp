#include "model/config/resolved.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "model/config/scalar.h"

namespace nestwalk {
namespace {

class YamlWriter final : public ParameterVisitor {
 public:
  YamlWriter() { scopes_.push_back({0, 0}); }

  [[nodiscard]] std::string text() const { return text_.empty() ? "{}\n" : text_; }

 protected:
  void visit_integer(const IntegerParameter& d, std::uint64_t& value) override {
    write(d.name, format_integer(d, value));
  }
  void visit_number(const NumberParameter& d, double& value) override {
    write(d.name, format_number(value));
  }
  void visit_boolean(const BooleanParameter& d, bool& value) override {
    write(d.name, value ? "true" : "false");
  }
  void visit_choice(const ChoiceParameter& d, std::size_t& index) override {
    const std::string_view chosen = d.names[index];
    write(d.name, looks_like_no_text(chosen) ? quoted_text(chosen) : std::string(chosen));
  }
  void visit_text(const TextParameter& d, std::string& value) override {
    write(d.name, quoted_text(value));
  }

  void begin_group(const GroupParameter& d) override {
    begin_line(fmt::format("{}:", d.name));
    open(2);
  }
  void end_group() override { close(" {}"); }

  std::size_t begin_list(const ListParameter& d, std::size_t size) override {
    begin_line(fmt::format("{}:", d.name));
    open(2);
    return size;
  }
  // "- " takes the place of the first two columns of the element's first line.
  void begin_element(std::size_t) override {
    begin_line("-");
    open(2);
    is_behind_dash_ = true;
  }
  void end_element() override {
    close(" {}");
    is_behind_dash_ = false;
  }
  void end_list() override { close(" []"); }

 private:
  struct Scope {
    std::size_t indent;
    std::size_t num_lines;
  };

  void write(std::string_view name, const std::string& value) {
    begin_line(fmt::format("{}: {}", name, value));
    text_ += '\n';
  }

  // Without its end: what is opened on this line may turn out empty.
  void begin_line(const std::string& line) {
    Scope& scope = scopes_.back();
    if (is_behind_dash_) {
      text_ += ' ' + line;
      is_behind_dash_ = false;
    } else {
      if (scope.num_lines == 0 && scopes_.size() > 1) {
        text_ += '\n';
      }
      text_ += std::string(scope.indent, ' ') + line;
    }
    ++scope.num_lines;
  }

  void open(std::size_t indent) { scopes_.push_back({scopes_.back().indent + indent, 0}); }

  void close(std::string_view when_empty) {
    if (scopes_.back().num_lines == 0) {
      text_ += fmt::format("{}\n", when_empty);
    }
    scopes_.pop_back();
  }

  std::string text_;
  std::vector<Scope> scopes_;
  bool is_behind_dash_ = false;
};

}  // namespace

std::string resolved_yaml_of(const DescribeFunction& describe_root) {
  YamlWriter writer;
  describe_root(writer);
  return writer.text();
}

}  // namespace nestwalk
