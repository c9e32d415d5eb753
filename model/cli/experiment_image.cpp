#include "model/cli/experiment_image.h"

#include <algorithm>

#include "model/arch/bits.h"
#include "model/arch/check.h"
#include "model/memory/table_builder.h"

namespace nestwalk {

namespace {

// Below 4 GiB, for formats that reach no further. Guest memory lies in host memory at its own
// address, host tables above it.
constexpr std::uint64_t kAddress = 0x40000000;
constexpr std::uint64_t kGuestTables = 0x10000000;
constexpr std::uint64_t kData = 0x20000000;
constexpr std::uint64_t kHostTables = 0x30000000;

class BumpTables {
 public:
  BumpTables(SparseMemory& memory, std::uint64_t& next) : memory_(&memory), next_(&next) {}
  [[nodiscard]] std::uint64_t read(std::uint64_t address, unsigned num_bytes) const {
    return memory_->read(Hpa(address), num_bytes);
  }
  void write(std::uint64_t address, unsigned num_bytes, std::uint64_t value) const {
    memory_->write(Hpa(address), num_bytes, value);
  }
  [[nodiscard]] std::optional<std::uint64_t> allocate_table(unsigned /*level*/) const {
    const std::uint64_t table = *next_;
    *next_ += bit(kSmallPageBits);
    return table;
  }

 private:
  SparseMemory* memory_;
  std::uint64_t* next_;
};

constexpr LeafFlags used_leaf() {
  LeafFlags leaf;
  leaf.accessed = true;
  leaf.dirty = true;
  return leaf;
}

constexpr TableFlags used_table() {
  TableFlags table;
  table.accessed = true;
  return table;
}

void map(TableBuilder<BumpTables>& builder, std::uint64_t from, std::uint64_t to,
         unsigned page_bits) {
  const MapStatus status = builder.map(from, to, page_bits, used_leaf(), used_table());
  fatal_unless(status == MapStatus::kMapped, "every page of the image is mapped once");
}

void map_identity(TableBuilder<BumpTables>& builder, std::uint64_t begin, std::uint64_t end,
                  unsigned page_bits) {
  for (std::uint64_t at = begin >> page_bits << page_bits; at < end; at += bit(page_bits)) {
    map(builder, at, at, page_bits);
  }
}

}  // namespace

OnePage map_one_page(SparseMemory& memory, const PageShape& shape) {
  OnePage page;
  page.address = Gva(kAddress);
  std::uint64_t next_guest_table = kGuestTables;
  BumpTables in_guest(memory, next_guest_table);
  page.context.has_guest = true;
  page.context.guest_format = shape.guest_format;
  page.context.guest_root = *in_guest.allocate_table(0);
  TableBuilder guest(format_of(shape.guest_format), page.context.guest_root, in_guest);
  map(guest, kAddress, kData, shape.guest_page_bits);
  if (!shape.host_format) {
    return page;
  }
  std::uint64_t next_host_table = kHostTables;
  BumpTables in_host(memory, next_host_table);
  page.context.has_host = true;
  page.context.host_format = *shape.host_format;
  page.context.host_root = *in_host.allocate_table(0);
  TableBuilder host(format_of(*shape.host_format), page.context.host_root, in_host);
  map_identity(host, kGuestTables, next_guest_table, shape.host_page_bits);
  map_identity(host, kData, kData + bit(shape.guest_page_bits), shape.host_page_bits);
  if (format_of(*shape.host_format).rules == RuleSet::kX86) {
    page.context.tags.asid = Asid{1};
  } else {
    page.context.tags.vpid = Vpid{1};
    page.context.tags.ep4ta = Ep4ta{page.context.host_root};
  }
  return page;
}

}  // namespace nestwalk
