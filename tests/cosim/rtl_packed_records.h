// Records of rtl/pkg/walker_pkg.sv as the words of verilated ports, for tests of modules whose
// ports are structures. Fields are listed in the order of the structures, the highest bits first.
//
//   pack(request).write_to(top.request_i);
//   const Translation t = unpack_translation(top.response_o);
#pragma once

#include <verilated.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "tb/walker_record.h"

namespace nestwalk {

class PackedRecord {
 public:
  PackedRecord& add(std::uint64_t value, unsigned bits) {
    for (unsigned bit = bits; bit > 0; --bit) {
      bits_.push_back(((value >> (bit - 1)) & 1U) != 0);
    }
    return *this;
  }
  PackedRecord& add(const PackedRecord& other) {
    bits_.insert(bits_.end(), other.bits_.begin(), other.bits_.end());
    return *this;
  }

  [[nodiscard]] std::size_t width() const { return bits_.size(); }

  template <std::size_t Words>
  void write_to(VlWide<Words>& port) const {
    for (std::size_t word = 0; word < Words; ++word) {
      port.at(word) = 0;
    }
    for (std::size_t i = 0; i < bits_.size(); ++i) {
      const std::size_t bit = bits_.size() - 1 - i;
      port.at(bit / 32) |= (bits_[i] ? 1U : 0U) << (bit % 32);
    }
  }
  void write_to(QData& port) const { port = word(); }
  void write_to(SData& port) const { port = static_cast<SData>(word()); }
  void write_to(CData& port) const { port = static_cast<CData>(word()); }

 private:
  [[nodiscard]] std::uint64_t word() const {
    std::uint64_t value = 0;
    for (const bool bit : bits_) {
      value = (value << 1) | (bit ? 1U : 0U);
    }
    return value;
  }

  std::vector<bool> bits_;
};

// Takes fields from a port of so many bits, the highest first.
class PackedReader {
 public:
  template <std::size_t Words>
  PackedReader(const VlWide<Words>& port, unsigned bits) : left_(bits) {
    for (std::size_t word = 0; word < Words; ++word) {
      words_.push_back(port.at(word));
    }
  }
  PackedReader(std::uint64_t port, unsigned bits)
      : left_(bits),
        words_{static_cast<std::uint32_t>(port), static_cast<std::uint32_t>(port >> 32)} {}

  std::uint64_t take(unsigned bits) {
    std::uint64_t value = 0;
    for (; bits > 0; --bits) {
      --left_;
      value = (value << 1) | ((words_.at(left_ / 32) >> (left_ % 32)) & 1U);
    }
    return value;
  }
  [[nodiscard]] unsigned left() const { return left_; }

 private:
  unsigned left_;
  std::vector<std::uint32_t> words_;
};

inline PackedRecord pack(const Control& c) {
  PackedRecord record;
  for (const bool flag : {c.wp, c.nxe, c.smep, c.smap, c.ac, c.pke, c.pse, c.page_1g,
                          c.accessed_dirty, c.execute_only, c.mode_based_execute}) {
    record.add(flag ? 1 : 0, 1);
  }
  return record.add(c.maxphyaddr, 6).add(c.guest_maxphyaddr, 6).add(c.pkru, 32);
}

inline PackedRecord pack(const Tags& tags) {
  return PackedRecord()
      .add(static_cast<std::uint64_t>(tags.vpid), 16)
      .add(static_cast<std::uint64_t>(tags.pcid), 12)
      .add(static_cast<std::uint64_t>(tags.ep4ta) >> 12, 40)
      .add(static_cast<std::uint64_t>(tags.asid), 32);
}

inline PackedRecord pack(const WalkContext& context) {
  PackedRecord record;
  record.add(context.has_guest ? 1 : 0, 1)
      .add(static_cast<std::uint64_t>(context.guest_format), 3)
      .add(context.guest_root, 64);
  for (unsigned i = 4; i > 0; --i) {
    record.add(context.pdptes.entry.at(i - 1), 64);
  }
  return record.add(context.has_host ? 1 : 0, 1)
      .add(static_cast<std::uint64_t>(context.host_format), 3)
      .add(context.host_root, 64)
      .add(pack(context.control))
      .add(pack(context.tags));
}

inline PackedRecord pack(const WalkerRequest& request) {
  return PackedRecord()
      .add(request.id, 8)
      .add(pack(request.context))
      .add(request.access.address.value(), 64)
      .add(static_cast<std::uint64_t>(request.access.type), 2)
      .add(request.access.privilege == Privilege::kUser ? 1 : 0, 1)
      .add(request.access.implicit ? 1 : 0, 1)
      .add(request.is_pdpte_load ? 1 : 0, 1);
}

inline PackedRecord pack(const Invalidation& invalidation) {
  return PackedRecord()
      .add(static_cast<std::uint64_t>(invalidation.op), 5)
      .add(static_cast<std::uint64_t>(invalidation.rules), 1)
      .add(pack(invalidation.tags))
      .add(invalidation.vpid_enabled ? 1 : 0, 1)
      .add(invalidation.address.value(), 64)
      .add(invalidation.gpa.value(), 64);
}

inline constexpr unsigned kResponseBits = 284;

inline PackedRecord pack(const WalkerResponse& response, std::uint8_t slot) {
  const Translation& t = response.translation;
  const Fault& fault = response.fault;
  const bool ok = response.is_translation;
  return PackedRecord()
      .add(response.id, 8)
      .add(slot, 4)
      .add(ok ? 1 : 0, 1)
      .add(fault.address.value(), 64)
      .add(ok ? t.gpa.value() : fault.gpa.value(), 64)
      .add(ok ? t.hpa.value() : 0, 64)
      .add(ok ? t.guest_page_bits : 0, 7)
      .add(ok ? t.host_page_bits : 0, 7)
      .add(ok ? t.protection_key : 0, 4)
      .add(ok && t.dirty ? 1 : 0, 1)
      .add(ok && t.global ? 1 : 0, 1)
      .add(ok ? t.guest.bits : 0, 3)
      .add(ok ? t.host.bits : 0, 5)
      .add(static_cast<std::uint64_t>(fault.kind), 3)
      .add(fault.code, 34)
      .add(fault.has_gpa ? 1 : 0, 1)
      .add(fault.position.g, 3)
      .add(fault.position.h, 3)
      .add(response.num_restarts, 7);
}

// The address of the access is left in fault.address, whatever the outcome.
inline WalkerResponse unpack_response(PackedReader reader) {
  WalkerResponse response;
  Translation& t = response.translation;
  Fault& fault = response.fault;
  response.id = static_cast<std::uint8_t>(reader.take(8));
  reader.take(4);
  response.is_translation = reader.take(1) != 0;
  fault.address = Gva(reader.take(64));
  const std::uint64_t gpa = reader.take(64);
  t.hpa = Hpa(reader.take(64));
  t.guest_page_bits = static_cast<std::uint8_t>(reader.take(7));
  t.host_page_bits = static_cast<std::uint8_t>(reader.take(7));
  t.protection_key = static_cast<std::uint16_t>(reader.take(4));
  t.dirty = reader.take(1) != 0;
  t.global = reader.take(1) != 0;
  t.guest.bits = static_cast<std::uint8_t>(reader.take(3));
  t.host.bits = static_cast<std::uint8_t>(reader.take(5));
  fault.kind = static_cast<FaultKind>(reader.take(3));
  fault.code = reader.take(34);
  fault.has_gpa = reader.take(1) != 0;
  fault.position.g = static_cast<std::uint8_t>(reader.take(3));
  fault.position.h = static_cast<std::uint8_t>(reader.take(3));
  response.num_restarts = static_cast<unsigned>(reader.take(7));
  if (response.is_translation) {
    t.gpa = Gpa(gpa);
  } else {
    fault.gpa = Gpa(gpa);
  }
  return response;
}

}  // namespace nestwalk
