// The strict part of reading a walk request: objects with known keys, numbers as hexadecimal
// strings, names out of a list; and where a complaint stands. What the keys mean is the business of
// the class on top (walk_request.cpp).
//
// Sections are at most one deep, so the path of a complaint is a section and a key.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "model/arch/paging_format.h"
#include "model/cli/json_reader.h"
#include "model/cli/walk_names.h"

namespace nestwalk {

struct RequestError {
  std::string id = "null";  // as far as it could be read
  std::string what;
  std::string path;        // "guest.format"; empty when the text as a whole is meant
  std::size_t line = 1;    // of the text given
  std::size_t column = 1;  // in bytes
};

// "0x" and hexadecimal digits; empty if it is anything else or does not fit into 64 bits.
[[nodiscard]] std::optional<std::uint64_t> parse_hex(std::string_view text);

class RequestReader {
 protected:
  using Names = std::span<const std::string_view>;

  explicit RequestReader(std::string_view text) : text_(text), reader_(text) {}

  // Reads an object whose keys are `names`; handle(i) reads the value of names[i]. Returns a bit
  // per key seen.
  template <class Handler>
  std::uint32_t members(std::string_view what, Names names, Handler handle) {
    std::uint32_t seen = 0;
    std::string_view key;
    auto object = reader_.object(what);
    while (reader_.next_member(object, key)) {
      const std::optional<std::size_t> index = take_key(key, names, seen);
      if (!index) {
        break;
      }
      seen |= 1U << *index;
      handle(*index);
    }
    return seen;
  }

  // The same for the object under the current key.
  template <class Handler>
  std::uint32_t section(Names names, Handler handle) {
    section_ = key_;
    key_ = {};
    const std::uint32_t seen = members("an object", names, handle);
    if (!reader_.failed()) {
      key_ = {};
    }
    return seen;
  }
  void leave_section();

  // The list under the current key; handle() reads one item.
  template <class Handler>
  void list(std::string_view what, Handler handle) {
    section_ = key_;
    list_index_ = 0;
    auto items = reader_.array(what);
    is_in_list_ = !reader_.failed();
    while (reader_.next_item(items)) {
      handle();
      list_index_ += reader_.failed() ? 0 : 1;
    }
    leave_section();
  }

  void require(std::uint32_t seen, Names names, std::size_t index);
  std::uint64_t hex();
  std::size_t name(std::string_view what, Names names);

  template <class Formats>
  FormatId format(const Formats& formats) {
    std::array<std::string_view, std::tuple_size_v<Formats>> names{};
    std::transform(formats.begin(), formats.end(), names.begin(),
                   [](const FormatName& format) { return format.name; });
    return formats[name("a format", names)].id;
  }

  // A complaint about the value read last.
  void fail(std::string what) { reader_.fail(std::move(what), reader_.value_offset()); }
  // A complaint, if there is one, about a value read earlier.
  void fail_at(std::string_view section_name, std::string_view key, std::size_t offset,
               const std::optional<std::string>& problem);
  [[nodiscard]] std::optional<RequestError> find_error() const;

  std::string_view text_;
  JsonReader reader_;

 private:
  std::optional<std::size_t> take_key(std::string_view key, Names names, std::uint32_t seen);
  [[nodiscard]] std::string path() const;

  std::string_view section_;
  std::string_view key_;
  bool is_in_list_ = false;
  std::size_t list_index_ = 0;
};

}  // namespace nestwalk
