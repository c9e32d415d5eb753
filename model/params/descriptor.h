// One descriptor per parameter feeds the YAML parser, the range check, the JSON Schema, `config
// show` and the reference page. A parameter struct has one free function beside it:
//
//   void describe(DramParams& p, ParameterVisitor& v) {
//     v.integer({"latency_cycles", "cycles", "Load-to-use latency of a memory access.", 1, 100000},
//               p.latency_cycles);
//   }
//
// Everything that needs the list of parameters is a ParameterVisitor. Nothing else is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace nestwalk {

struct IntegerParameter {
  std::string_view name;
  std::string_view unit;  // "cycles", "entries", "bytes" (sizes may be written "64 KiB"), "" ...
  std::string_view text;  // one sentence
  std::uint64_t min = 0;
  std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
  bool power_of_two = false;  // must be a power of two (zero allowed when min is 0)
};

struct NumberParameter {
  std::string_view name;
  std::string_view unit;
  std::string_view text;
  double min = 0;
  double max = std::numeric_limits<double>::max();
};

struct BooleanParameter {
  std::string_view name;
  std::string_view text;
};

struct ChoiceParameter {
  std::string_view name;
  std::string_view text;
  std::span<const std::string_view> names;  // in the order of the enumerators, from 0
};

enum class TextKind : std::uint8_t { kPlain, kPath };  // a path is relative to the file naming it

struct TextParameter {
  std::string_view name;
  std::string_view text;
  TextKind kind = TextKind::kPlain;
};

struct GroupParameter {
  std::string_view name;
  std::string_view text;
};

struct ListParameter {
  std::string_view name;
  std::string_view text;
  std::size_t min_size = 0;
};

class ParameterVisitor {
 public:
  virtual ~ParameterVisitor() = default;

  template <class Integer>
  void integer(const IntegerParameter& d, Integer& value) {
    static_assert(std::is_unsigned_v<Integer>);
    IntegerParameter bounded = d;
    bounded.max = std::min<std::uint64_t>(d.max, std::numeric_limits<Integer>::max());
    auto wide = static_cast<std::uint64_t>(value);
    visit_integer(bounded, wide);
    value = static_cast<Integer>(wide);
  }
  void number(const NumberParameter& d, double& value) { visit_number(d, value); }
  void boolean(const BooleanParameter& d, bool& value) { visit_boolean(d, value); }
  void text(const TextParameter& d, std::string& value) { visit_text(d, value); }

  template <class Enum>
  void choice(const ChoiceParameter& d, Enum& value) {
    static_assert(std::is_enum_v<Enum>);
    auto index = static_cast<std::size_t>(value);
    visit_choice(d, index);
    value = static_cast<Enum>(index);
  }

  // A nested struct; describe(Struct&, ParameterVisitor&) is found by argument-dependent lookup.
  template <class Struct>
  void group(const GroupParameter& d, Struct& value) {
    begin_group(d);
    describe(value, *this);
    end_group();
  }

  // A list of structs. A visitor may change its length (a parser) or ask for one element that
  // stands for all (a schema).
  template <class Struct>
  void list(const ListParameter& d, std::vector<Struct>& values) {
    if (starts_list_anew(d)) {
      values.clear();
    }
    values.resize(begin_list(d, values.size()));
    for (std::size_t i = 0; i < values.size(); ++i) {
      begin_element(i);
      describe(values[i], *this);
      end_element();
    }
    end_list();
  }

 protected:
  virtual void visit_integer(const IntegerParameter& d, std::uint64_t& value) = 0;
  virtual void visit_number(const NumberParameter& d, double& value) = 0;
  virtual void visit_boolean(const BooleanParameter& d, bool& value) = 0;
  virtual void visit_choice(const ChoiceParameter& d, std::size_t& index) = 0;
  virtual void visit_text(const TextParameter& d, std::string& value) = 0;
  virtual void begin_group(const GroupParameter& d) = 0;
  virtual void end_group() = 0;
  // Whether the elements that are there give way, so that those visited begin with the defaults of
  // their struct and not with those of the list.
  virtual bool starts_list_anew(const ListParameter&) { return false; }
  // Returns the number of elements to visit.
  virtual std::size_t begin_list(const ListParameter& d, std::size_t size) = 0;
  virtual void begin_element(std::size_t index) = 0;
  virtual void end_element() = 0;
  virtual void end_list() = 0;
};

}  // namespace nestwalk
