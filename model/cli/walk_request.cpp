#include "model/cli/walk_request.h"

#include <fmt/format.h>

#include <array>
#include <limits>

#include "model/cli/json_reader.h"
#include "model/cli/walk_names.h"
#include "model/cli/walk_request_reader.h"

namespace nestwalk {

namespace {

class RequestParser : private RequestReader {
 public:
  RequestParser(std::string_view text, WalkRequest& request)
      : RequestReader(text), request_(request) {}

  std::optional<RequestError> parse_request() {
    static constexpr std::array<std::string_view, 7> kKeys = {
        "id", "guest", "host", "control", "memory", "access", "shadow"};
    const std::uint32_t seen = members("a request, which is a JSON object", kKeys, [&](auto key) {
      switch (key) {
        case 0:
          parse_id();
          break;
        case 4:
          parse_memory();
          break;
        case 5:
          parse_access();
          break;
        case 6:
          parse_shadow();
          break;
        default:
          parse_machine_section(key);
          break;
      }
    });
    require(seen, kKeys, 5);
    reader_.end();
    check_across_sections();
    if (has_shadow_ && !is_agile_ && !reader_.failed()) {
      walk_shadow_alone();
    }
    return finish();
  }

  std::optional<RequestError> parse_machine() {
    static constexpr std::array<std::string_view, 3> kKeys = {"guest", "host", "control"};
    members("an object of `guest`, `host` and `control`", kKeys,
            [&](std::size_t key) { parse_machine_section(key + 1); });
    reader_.end();
    check_roots();
    return finish();
  }

 private:
  void parse_id() {
    const std::string_view id = reader_.raw_value();
    if (!reader_.failed()) {
      request_.id.assign(id);
    }
  }

  void parse_machine_section(std::size_t key) {
    switch (key) {
      case 1:
        parse_guest();
        break;
      case 2:
        parse_host();
        break;
      default:
        parse_control();
        break;
    }
    leave_section();
  }

  void parse_guest() {
    static constexpr std::array<std::string_view, 2> kKeys = {"format", "root"};
    if (reader_.take_null()) {
      return;
    }
    WalkContext& context = request_.context;
    context.has_guest = true;
    const std::uint32_t seen = section(kKeys, [&](std::size_t key) {
      if (key == 0) {
        context.guest_format = format(kGuestFormats);
      } else {
        context.guest_root = hex();
        guest_root_offset_ = reader_.value_offset();
      }
    });
    require(seen, kKeys, 0);
    require(seen, kKeys, 1);
  }

  void parse_host() {
    static constexpr std::array<std::string_view, 5> kKeys = {"format", "root", "accessed_dirty",
                                                              "execute_only", "mode_based_execute"};
    if (reader_.take_null()) {
      return;
    }
    WalkContext& context = request_.context;
    context.has_host = true;
    const std::uint32_t seen = section(kKeys, [&](std::size_t key) {
      switch (key) {
        case 0:
          context.host_format = format(kHostFormats);
          break;
        case 1:
          context.host_root = hex();
          host_root_offset_ = reader_.value_offset();
          break;
        case 2:
          context.control.accessed_dirty = reader_.boolean();
          break;
        case 3:
          context.control.execute_only = reader_.boolean();
          break;
        default:
          context.control.mode_based_execute = reader_.boolean();
          break;
      }
    });
    require(seen, kKeys, 0);
    require(seen, kKeys, 1);
  }

  void parse_shadow() {
    static constexpr std::array<std::string_view, 2> kKeys = {"root", "agile"};
    if (reader_.take_null()) {
      return;
    }
    has_shadow_ = true;
    const std::uint32_t seen = section(kKeys, [&](std::size_t key) {
      if (key == 0) {
        request_.context.shadow_root = hex();
        shadow_root_offset_ = reader_.value_offset();
      } else {
        is_agile_ = reader_.boolean();
        agile_offset_ = reader_.value_offset();
      }
    });
    require(seen, kKeys, 0);
    request_.context.has_shadow = is_agile_;
    leave_section();
  }

  // To the MMU a shadow without agile paging is the table of a native guest (the machine's width
  // included), and there is no host stage.
  void walk_shadow_alone() {
    WalkContext& context = request_.context;
    const bool is_long = context.has_guest && format_of(context.guest_format).sign_extended;
    context.guest_format = is_long ? context.guest_format : FormatId::kX86FourLevel;
    context.guest_root = context.shadow_root;
    context.shadow_root = 0;
    context.has_guest = true;
    context.has_host = false;
    context.control.guest_maxphyaddr = context.control.maxphyaddr;
  }

  void parse_control() {
    static constexpr std::array<std::string_view, 11> kKeys = {
        "maxphyaddr", "guest_maxphyaddr", "pkru", "wp", "nxe", "smep", "smap", "ac", "pke",
        "pse",        "page_1g"};
    Control& control = request_.context.control;
    const std::array<bool*, 8> flags = {&control.wp, &control.nxe, &control.smep, &control.smap,
                                        &control.ac, &control.pke, &control.pse,  &control.page_1g};
    const std::uint32_t seen = section(kKeys, [&](std::size_t key) {
      switch (key) {
        case 0:
          control.maxphyaddr = physical_bits();
          break;
        case 1:
          control.guest_maxphyaddr = physical_bits();
          break;
        case 2:
          control.pkru = pkru();
          break;
        default:
          *flags[key - 3] = reader_.boolean();
          break;
      }
    });
    if ((seen & 2U) == 0) {
      control.guest_maxphyaddr = control.maxphyaddr;
    }
  }

  std::uint8_t physical_bits() {
    constexpr std::string_view kExpected = "a whole number from 36 to 52";
    const std::uint64_t bits = reader_.unsigned_integer(kExpected);
    if (bits < kMinPhysicalBits || bits > kMaxPhysicalBits) {
      fail(fmt::format("expected {}, found {}", kExpected, bits));
    }
    return static_cast<std::uint8_t>(bits);
  }

  std::uint32_t pkru() {
    const std::uint64_t value = hex();
    if (value > std::numeric_limits<std::uint32_t>::max()) {
      fail(fmt::format("PKRU has 32 bits, found {:#x}", value));
    }
    return static_cast<std::uint32_t>(value);
  }

  void parse_memory() {
    constexpr std::string_view kPair =
        "a pair of an address and a word, like [\"0x1000\", \"0x7\"]";
    list("a list of pairs of an address and a word", [&] {
      auto pair = reader_.array(kPair);
      MemoryWord word;
      if (reader_.next_item(pair)) {
        word.hpa = Hpa(hex());
        check_memory_address(word.hpa.value());
      }
      if (reader_.next_item(pair)) {
        word.value = hex();
        if (reader_.next_item(pair)) {
          reader_.fail(fmt::format("expected {}, found a third item", kPair), reader_.offset());
        }
      } else {
        reader_.fail(fmt::format("expected {}, found no word", kPair), reader_.offset());
      }
      request_.memory.push_back(word);
    });
  }

  void check_memory_address(std::uint64_t address) {
    if (reader_.failed()) {
      return;
    }
    if (address % 8 != 0) {
      fail(fmt::format("a memory address must be a multiple of 8, found {:#x}", address));
    } else if ((address >> kMaxPhysicalBits) != 0) {
      fail(fmt::format("a memory address is below 2^52, found {:#x}", address));
    }
  }

  void parse_access() {
    static constexpr std::array<std::string_view, 4> kKeys = {"address", "type", "privilege",
                                                              "implicit"};
    Access& access = request_.access;
    const std::uint32_t seen = section(kKeys, [&](std::size_t key) {
      switch (key) {
        case 0:
          access.address = Gva(hex());
          address_offset_ = reader_.value_offset();
          break;
        case 1:
          access.type = static_cast<AccessType>(name("a type of access", kAccessTypeNames));
          break;
        case 2:
          access.privilege = static_cast<Privilege>(name("a privilege", kPrivilegeNames));
          break;
        default:
          access.implicit = reader_.boolean();
          break;
      }
    });
    require(seen, kKeys, 0);
    require(seen, kKeys, 1);
    require(seen, kKeys, 2);
    leave_section();
  }

  void check_roots() {
    const WalkContext& context = request_.context;
    if (reader_.failed()) {
      return;
    }
    if (context.has_guest) {
      fail_at("guest", "root", guest_root_offset_,
              find_root_problem(context.guest_format, context.guest_root));
    }
    if (context.has_host) {
      fail_at("host", "root", host_root_offset_,
              find_root_problem(context.host_format, context.host_root));
    }
  }

  void check_across_sections() {
    check_roots();
    if (has_shadow_ && !reader_.failed()) {
      fail_at("shadow", "root", shadow_root_offset_,
              find_root_problem(FormatId::kX86FourLevel, request_.context.shadow_root));
    }
    if (is_agile_ && !reader_.failed() && !agile_problem(request_.context).empty()) {
      fail_at("shadow", "agile", agile_offset_, std::string(agile_problem(request_.context)));
    }
    if (!reader_.failed()) {
      fail_at("access", "address", address_offset_,
              find_address_problem(request_.context, request_.access.address.value()));
    }
  }

  std::optional<RequestError> finish() const {
    std::optional<RequestError> error = find_error();
    if (error) {
      error->id = request_.id;
    }
    return error;
  }

  WalkRequest& request_;
  std::size_t guest_root_offset_ = 0;
  std::size_t host_root_offset_ = 0;
  std::size_t address_offset_ = 0;
  std::size_t shadow_root_offset_ = 0;
  std::size_t agile_offset_ = 0;
  bool has_shadow_ = false;
  bool is_agile_ = false;
};

// The id of a text that is not a request, if it can be found: an answer is of more use with it.
std::string find_id(std::string_view text) {
  JsonReader reader(text);
  std::string_view key;
  for (auto object = reader.object("an object"); reader.next_member(object, key);) {
    const bool is_id = key == "id";
    const std::string_view value = reader.raw_value();
    if (is_id && !reader.failed()) {
      return std::string(value);
    }
  }
  return "null";
}

}  // namespace

std::optional<RequestError> parse_walk_request(std::string_view text, WalkRequest& request) {
  request.id = "null";
  request.context = {};
  request.access = {};
  request.memory.clear();
  std::optional<RequestError> error = RequestParser(text, request).parse_request();
  if (error && error->id == "null") {
    error->id = find_id(text);
  }
  return error;
}

std::optional<RequestError> parse_walk_machine(std::string_view text, WalkContext& context) {
  WalkRequest request;
  std::optional<RequestError> error = RequestParser(text, request).parse_machine();
  context = request.context;
  return error;
}

std::optional<std::string> find_address_problem(const WalkContext& context, std::uint64_t address) {
  if (context.has_guest) {
    const PagingFormat& format = format_of(context.guest_format);
    if (!format.sign_extended && (address >> format.input_bits) != 0) {
      return fmt::format("addresses of {} have {} bits, found {:#x}", format.name,
                         format.input_bits, address);
    }
  } else if (!context.has_host && (address >> kMaxPhysicalBits) != 0) {
    return fmt::format("with both stages off the address is physical and below 2^52, found {:#x}",
                       address);
  }
  return std::nullopt;
}

std::optional<std::string> find_root_problem(FormatId format, std::uint64_t root) {
  const bool is_legacy = format == FormatId::kX86TwoLevel || format == FormatId::kX86Pae;
  const unsigned bits = is_legacy ? 32 : kMaxPhysicalBits;
  if ((root >> bits) == 0) {
    return std::nullopt;
  }
  return fmt::format("the root of this format has at most {} bits, found {:#x}", bits, root);
}

}  // namespace nestwalk
