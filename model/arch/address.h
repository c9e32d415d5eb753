// Addresses of different spaces are different types: a Gpa cannot be passed where an Hpa is wanted.
// The only crossings are explicit and sit where the architecture has them: the host stage turns a
// Gpa into an Hpa, and a machine without a host stage identifies the two (identity()).
//
//   Gva gva{0x7f0012345678};
//   gva.page(12).value();    // 0x7f0012345000
//   gva.offset(12);          // 0x678
#pragma once

#include <compare>
#include <cstdint>

namespace nestwalk {

template <class Space>
class Address {
 public:
  constexpr Address() = default;
  constexpr explicit Address(std::uint64_t value) : value_(value) {}

  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }

  // The first address of the naturally aligned block of 2^bits bytes that holds this one.
  [[nodiscard]] constexpr Address page(unsigned bits) const {
    return Address(bits >= 64 ? 0 : value_ & ~((std::uint64_t{1} << bits) - 1));
  }
  // The distance from page(bits).
  [[nodiscard]] constexpr std::uint64_t offset(unsigned bits) const {
    return bits >= 64 ? value_ : value_ & ((std::uint64_t{1} << bits) - 1);
  }

  friend constexpr auto operator<=>(Address, Address) = default;
  friend constexpr Address operator+(Address a, std::uint64_t bytes) {
    return Address(a.value_ + bytes);
  }

 private:
  std::uint64_t value_ = 0;
};

struct GvaSpace;
struct GpaSpace;
struct HpaSpace;

using Gva = Address<GvaSpace>;  // guest virtual (without a guest: the linear address)
using Gpa = Address<GpaSpace>;  // guest physical
using Hpa = Address<HpaSpace>;  // host physical; AMD calls it system physical

// Without a host stage a guest-physical address is a host-physical one.
constexpr Hpa identity(Gpa gpa) {
  return Hpa(gpa.value());
}
constexpr Gpa identity(Hpa hpa) {
  return Gpa(hpa.value());
}

}  // namespace nestwalk
