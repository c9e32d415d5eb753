// The names of walk requests, each once: formats by stage, access types, privileges.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "model/arch/access.h"
#include "model/arch/paging_format.h"
#include "model/arch/position.h"

namespace nestwalk {

struct FormatName {
  std::string_view name;
  FormatId id;
};

inline constexpr std::array<FormatName, 4> kGuestFormats = {{
    {"x86-2level", FormatId::kX86TwoLevel},
    {"x86-pae", FormatId::kX86Pae},
    {"x86-4level", FormatId::kX86FourLevel},
    {"x86-5level", FormatId::kX86FiveLevel},
}};

// NPT tables are x86 tables (AMD APM vol. 2, "Nested paging").
inline constexpr std::array<FormatName, 6> kHostFormats = {{
    {"ept-4level", FormatId::kEptFourLevel},
    {"ept-5level", FormatId::kEptFiveLevel},
    {"npt-2level", FormatId::kX86TwoLevel},
    {"npt-pae", FormatId::kX86Pae},
    {"npt-4level", FormatId::kX86FourLevel},
    {"npt-5level", FormatId::kX86FiveLevel},
}};

template <class Formats>
constexpr std::string_view format_name(const Formats& formats, FormatId id) {
  for (const FormatName& format : formats) {
    if (format.id == id) {
      return format.name;
    }
  }
  return {};
}

inline constexpr std::array<std::string_view, 3> kAccessTypeNames = {"read", "write", "fetch"};
inline constexpr std::array<std::string_view, 2> kPrivilegeNames = {"user", "supervisor"};

constexpr std::string_view name_of(AccessType type) {
  return kAccessTypeNames[static_cast<unsigned>(type)];
}
constexpr std::string_view name_of(Privilege privilege) {
  return kPrivilegeNames[static_cast<unsigned>(privilege)];
}
constexpr std::string_view name_of(Stage stage) {
  return stage == Stage::kGuest ? "guest" : "host";
}

}  // namespace nestwalk
