// Rights accumulated along a walk: the AND over all entries of one stage, in one byte each.
#pragma once

#include <cstdint>

namespace nestwalk {

struct GuestRights {
  static constexpr std::uint8_t kWrite = 1;
  static constexpr std::uint8_t kUser = 2;
  static constexpr std::uint8_t kExecute = 4;
  static constexpr std::uint8_t kAll = 7;

  std::uint8_t bits = kAll;

  [[nodiscard]] constexpr bool write() const { return (bits & kWrite) != 0; }
  [[nodiscard]] constexpr bool user() const { return (bits & kUser) != 0; }
  [[nodiscard]] constexpr bool execute() const { return (bits & kExecute) != 0; }
  constexpr GuestRights& operator&=(GuestRights other) {
    bits &= other.bits;
    return *this;
  }
  friend constexpr bool operator==(GuestRights, GuestRights) = default;
};

struct HostRights {
  static constexpr std::uint8_t kRead = 1;
  static constexpr std::uint8_t kWrite = 2;
  static constexpr std::uint8_t kExecute = 4;      // EPT XS under mode-based execute
  static constexpr std::uint8_t kUserExecute = 8;  // EPT XU; equals kExecute without it
  static constexpr std::uint8_t kUser = 16;        // NPT U; EPT has no such right and keeps it set
  static constexpr std::uint8_t kAll = 31;

  std::uint8_t bits = kAll;

  [[nodiscard]] constexpr bool read() const { return (bits & kRead) != 0; }
  [[nodiscard]] constexpr bool write() const { return (bits & kWrite) != 0; }
  [[nodiscard]] constexpr bool execute() const { return (bits & kExecute) != 0; }
  [[nodiscard]] constexpr bool user_execute() const { return (bits & kUserExecute) != 0; }
  [[nodiscard]] constexpr bool user() const { return (bits & kUser) != 0; }
  [[nodiscard]] constexpr bool has_all(HostRights wanted) const {
    return (wanted.bits & ~bits) == 0;
  }
  constexpr HostRights& operator&=(HostRights other) {
    bits &= other.bits;
    return *this;
  }
  friend constexpr bool operator==(HostRights, HostRights) = default;
};

}  // namespace nestwalk
