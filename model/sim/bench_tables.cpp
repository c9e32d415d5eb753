#include "model/sim/bench_tables.h"

#include <bit>
#include <optional>

#include "model/arch/bits.h"
#include "model/arch/check.h"
#include "model/arch/paging_format.h"
#include "model/memory/table_builder.h"

namespace nestwalk {

namespace {

constexpr std::uint64_t kFirstAddress = 0x100000000000;  // what the generators use

// Tables at consecutive addresses; `offset` is what an address lies above its place in memory.
class ConsecutiveTables {
 public:
  ConsecutiveTables(SparseMemory& memory, std::uint64_t offset, std::uint64_t& next)
      : memory_(&memory), offset_(offset), next_(&next) {}

  [[nodiscard]] std::uint64_t read(std::uint64_t address, unsigned num_bytes) const {
    return memory_->read(Hpa(address - offset_), num_bytes);
  }
  void write(std::uint64_t address, unsigned num_bytes, std::uint64_t value) const {
    memory_->write(Hpa(address - offset_), num_bytes, value);
  }
  [[nodiscard]] std::optional<std::uint64_t> allocate_table(unsigned /*level*/) const {
    const std::uint64_t table = *next_;
    *next_ += bit(kSmallPageBits);
    return table;
  }

 private:
  SparseMemory* memory_;
  std::uint64_t offset_;
  std::uint64_t* next_;
};

// More than the tables of a 4-level tree over so many bytes at one place.
constexpr std::uint64_t room_for_tables(std::uint64_t mapped_bytes) {
  return ((mapped_bytes >> 21) + (mapped_bytes >> 30) + 8) << kSmallPageBits;
}

template <class Tables>
void map_all(TableBuilder<Tables>& builder, std::uint64_t from, std::uint64_t to,
             std::uint64_t num_bytes) {
  const std::uint64_t num_pages = num_bytes >> kSmallPageBits;
  LeafFlags leaf;
  leaf.accessed = true;
  leaf.dirty = true;
  TableFlags table;
  table.accessed = true;
  for (std::uint64_t i = 0; i < num_pages; ++i) {
    // An odd factor makes a permutation of a power of two.
    const std::uint64_t page = (i * 0x9E3779B1 & (num_pages - 1)) << kSmallPageBits;
    const MapStatus status = builder.map(from + page, to + page, kSmallPageBits, leaf, table);
    fatal_unless(status == MapStatus::kMapped, "every page is mapped once");
  }
}

}  // namespace

BenchTables make_bench_tables(SparseMemory& memory, std::uint64_t data_bytes) {
  fatal_unless(std::has_single_bit(data_bytes) && data_bytes >= bit(21),
               "the mapped range is a power of two");
  // Guest-physical: data, then guest tables. Host-physical: guest tables, host tables, data.
  const std::uint64_t guest_table_bytes = std::bit_ceil(room_for_tables(data_bytes));
  const std::uint64_t host_tables = guest_table_bytes;
  const std::uint64_t data = host_tables + room_for_tables(data_bytes + guest_table_bytes);

  std::uint64_t next_guest_table = data_bytes;
  ConsecutiveTables in_guest(memory, data_bytes, next_guest_table);
  const std::uint64_t guest_root = *in_guest.allocate_table(4);
  TableBuilder guest(format_of(FormatId::kX86FourLevel), guest_root, in_guest);
  map_all(guest, kFirstAddress, 0, data_bytes);
  fatal_unless(next_guest_table - data_bytes <= guest_table_bytes, "guest tables have room");

  std::uint64_t next_host_table = host_tables;
  ConsecutiveTables in_host(memory, 0, next_host_table);
  const std::uint64_t host_root = *in_host.allocate_table(4);
  TableBuilder host(format_of(FormatId::kEptFourLevel), host_root, in_host);
  map_all(host, 0, data, data_bytes);
  map_all(host, data_bytes, 0, guest_table_bytes);
  fatal_unless(next_host_table <= data, "host tables have room");

  BenchTables tables;
  tables.context.has_guest = true;
  tables.context.guest_root = guest_root;
  tables.context.has_host = true;
  tables.context.host_root = host_root;
  tables.context.tags.vpid = Vpid{1};
  tables.context.tags.ep4ta = Ep4ta{host_root};
  tables.first_address = Gva(kFirstAddress);
  tables.table_bytes = next_host_table;
  return tables;
}

}  // namespace nestwalk
