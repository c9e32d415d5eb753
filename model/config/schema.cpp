#include "model/config/schema.h"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/config/scalar.h"

namespace nestwalk {
namespace {

using Json = nlohmann::ordered_json;

std::string sentence_with_unit(std::string_view text, std::string_view unit) {
  return unit.empty() ? std::string(text) : fmt::format("{} Unit: {}.", text, unit);
}

Json integer_type(const IntegerParameter& d) {
  Json type = {{"type", "integer"}};
  if (d.power_of_two) {
    type["enum"] = Json::array();
    if (d.min == 0) {
      type["enum"].push_back(0);
    }
    for (unsigned bit = 0; bit < std::numeric_limits<std::uint64_t>::digits; ++bit) {
      if (is_in_range(d, std::uint64_t{1} << bit)) {
        type["enum"].push_back(std::uint64_t{1} << bit);
      }
    }
    return type;
  }
  type["minimum"] = d.min;
  if (d.max != std::numeric_limits<std::uint64_t>::max()) {
    type["maximum"] = d.max;
  }
  return type;
}

Json object_type() {
  return {{"type", "object"}, {"additionalProperties", false}, {"properties", Json::object()}};
}

class SchemaWriter final : public ParameterVisitor {
 public:
  SchemaWriter() { scopes_.push_back({"", object_type()}); }

  [[nodiscard]] const Json& root() const { return scopes_.front().schema; }

 protected:
  void visit_integer(const IntegerParameter& d, std::uint64_t& value) override {
    Json type = integer_type(d);
    if (is_size(d)) {
      const Json with_unit = {{"type", "string"}, {"pattern", "^[0-9]+ ?([KMGT]i)?B$"}};
      type = {{"anyOf", Json::array({type, with_unit})}};
    }
    add(d.name, sentence_with_unit(d.text, d.unit), type, value);
  }

  void visit_number(const NumberParameter& d, double& value) override {
    Json type = {{"type", "number"}};
    if (d.min != std::numeric_limits<double>::lowest()) {
      type["minimum"] = d.min;
    }
    if (d.max != std::numeric_limits<double>::max()) {
      type["maximum"] = d.max;
    }
    add(d.name, sentence_with_unit(d.text, d.unit), type, value);
  }

  void visit_boolean(const BooleanParameter& d, bool& value) override {
    add(d.name, d.text, {{"type", "boolean"}}, value);
  }

  void visit_choice(const ChoiceParameter& d, std::size_t& index) override {
    const std::vector<std::string> names(d.names.begin(), d.names.end());
    add(d.name, d.text, {{"enum", names}}, names[index]);
  }

  void visit_text(const TextParameter& d, std::string& value) override {
    add(d.name, d.text, {{"type", "string"}}, value);
  }

  void begin_group(const GroupParameter& d) override {
    Json group = object_type();
    group["description"] = d.text;
    open(d.name, std::move(group));
  }
  void end_group() override { close(); }

  // One element, with the defaults of a new one, stands for all.
  bool starts_list_anew(const ListParameter&) override { return true; }
  std::size_t begin_list(const ListParameter& d, std::size_t) override {
    open(d.name, {{"type", "array"}, {"description", d.text}, {"minItems", d.min_size}});
    return 1;
  }
  void begin_element(std::size_t) override { open("items", object_type()); }
  void end_element() override { close(); }
  void end_list() override { close(); }

 private:
  struct Scope {
    std::string name;
    Json schema;
  };

  void add(std::string_view name, std::string_view text, const Json& type, const Json& value) {
    Json property = {{"description", text}};
    property.update(type);
    property["default"] = value;
    put(std::string(name), std::move(property));
  }

  // Into the scope that is open: an object holds it among its properties, an array as its items.
  void put(const std::string& name, Json schema) {
    Json& parent = scopes_.back().schema;
    (parent.contains("properties") ? parent["properties"] : parent)[name] = std::move(schema);
  }

  void open(std::string_view name, Json schema) {
    scopes_.push_back({std::string(name), std::move(schema)});
  }

  void close() {
    Scope scope = std::move(scopes_.back());
    scopes_.pop_back();
    put(scope.name, std::move(scope.schema));
  }

  std::vector<Scope> scopes_;
};

Json extends_type() {
  const Json name = {{"type", "string"}};
  const Json names = {{"type", "array"}, {"items", name}};
  return {{"description",
           "File or files that this one builds on, relative to this file; later ones win."},
          {"anyOf", Json::array({name, names})}};
}

}  // namespace

Json json_schema_of(const DescribeFunction& describe_root, const std::string& title) {
  SchemaWriter writer;
  describe_root(writer);
  Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", title}};
  schema.update(writer.root());
  schema["properties"]["extends"] = extends_type();
  return schema;
}

}  // namespace nestwalk
