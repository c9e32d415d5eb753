// Tables written by hand in which one thing is special, each from the catalogue of bugs that other
// MMUs had: what is walked over them must be answered as the second witness answers, cold and warm.
//
//   for (const BugTables& row : BugTablesMaker::make()) { ... row.tables.context ... }
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/support/hand_tables.h"

namespace nestwalk {

struct BugTables {
  std::string name;
  HandTables tables;
  Gva address;
};

inline constexpr Gva kBugGva{0x4040'3000};
inline constexpr Gpa kBugGpa{0x8000'0000};

inline HandTables plain_tables(const StagePair& stages, unsigned guest_level = 1,
                               unsigned host_level = 1) {
  HandTables tables(stages);
  tables.context.control.accessed_dirty = true;
  tables.context.control.nxe = true;
  tables.context.control.maxphyaddr = 52;
  tables.context.control.guest_maxphyaddr = 52;
  if (stages.guest) {
    tables.map_guest(kBugGva, kBugGpa, guest_level);
  }
  if (stages.host) {
    tables.map_host(kBugGpa, host_level);
    // The piece of a large guest page that is accessed.
    const std::uint64_t offset = guest_level == 1 ? 0 : kBugGva.value() & 0x1f'ffff;
    tables.map_host(kBugGpa + offset, host_level);
  }
  return tables;
}

class BugTablesMaker {
 public:
  static std::vector<BugTables> make() {
    BugTablesMaker maker;
    maker.add_plain();
    maker.add_guest_entries();
    maker.add_host_entries();
    maker.add_table_pages();
    maker.add_control();
    maker.add_addresses();
    return std::move(maker.rows_);
  }

 private:
  static constexpr FormatId kGuest = FormatId::kX86FourLevel;
  static constexpr StagePair kNative{kGuest, std::nullopt};
  static constexpr StagePair kEpt{kGuest, FormatId::kEptFourLevel};
  static constexpr StagePair kNpt{kGuest, FormatId::kX86FourLevel};
  static constexpr std::uint64_t kNoExecute = std::uint64_t{1} << 63;

  HandTables& add(std::string name, HandTables tables, Gva address = kBugGva) {
    rows_.push_back({std::move(name), std::move(tables), address});
    return rows_.back().tables;
  }

  void add_plain() {
    const StagePair pairs[] = {kNative,
                               kEpt,
                               kNpt,
                               {FormatId::kX86TwoLevel, std::nullopt},
                               {FormatId::kX86TwoLevel, FormatId::kEptFourLevel},
                               {FormatId::kX86Pae, FormatId::kX86FourLevel}};
    for (const StagePair& pair : pairs) {
      for (unsigned guest_level = 1; guest_level <= 2; ++guest_level) {
        for (unsigned host_level = 1; host_level <= (pair.host ? 2U : 1U); ++host_level) {
          HandTables& tables = add("TLB-09", plain_tables(pair, guest_level, host_level));
          tables.context.control.pse = true;
        }
      }
    }
  }

  void add_guest_entries() {
    for (const StagePair& pair : {kNative, kEpt, kNpt}) {
      for (const unsigned level : {1U, 2U}) {
        for (const std::uint64_t right : {2U, 4U}) {
          HandTables& tables = add("PRM-01", plain_tables(pair));
          tables.clear_bits(tables.guest_entry(kBugGva, level), right);
        }
        HandTables& fetch = add("PRM-01", plain_tables(pair));
        fetch.or_bits(fetch.guest_entry(kBugGva, level), kNoExecute);
        HandTables& ignored = add("RSV-02", plain_tables(pair));
        ignored.or_bits(ignored.guest_entry(kBugGva, level), 0xe00);
        HandTables& reserved = add("RSV-05", plain_tables(pair));
        reserved.context.control.guest_maxphyaddr = 40;
        reserved.or_bits(reserved.guest_entry(kBugGva, level), std::uint64_t{1} << 45);
      }
    }
    HandTables& pse36 = add("RSV-04", plain_tables({FormatId::kX86TwoLevel, std::nullopt}, 2));
    pse36.context.control.pse = true;
    pse36.context.control.guest_maxphyaddr = 36;
    pse36.context.control.maxphyaddr = 36;
    const Hpa entry = pse36.guest_entry(kBugGva, 2);
    const std::uint64_t leaf = pse36.memory.read(entry, 4).value_or(0);
    pse36.memory.write(entry, 4, leaf | 1U << 18);  // address bit 37
  }

  void add_host_entries() {
    for (const StagePair& pair : {kEpt, kNpt}) {
      for (const unsigned level : {1U, 2U}) {
        for (const std::uint64_t right : {2U, 4U}) {  // of NPT entries the second is U
          HandTables& tables = add("PRM-18", plain_tables(pair));
          tables.clear_bits(tables.host_entry(kBugGpa, level), right);
        }
      }
    }
    HandTables& only_fetch = add("TLB-12", plain_tables(kEpt));
    only_fetch.context.control.execute_only = true;
    only_fetch.clear_bits(only_fetch.host_entry(kBugGpa, 1), 3);
    HandTables& write_only = add("RSV-08", plain_tables(kEpt));
    write_only.clear_bits(write_only.host_entry(kBugGpa, 1), 1);
    HandTables& memory_type = add("RSV-08", plain_tables(kEpt));
    memory_type.or_bits(memory_type.host_entry(kBugGpa, 1), 0x38);
    HandTables& npt = add("PRM-12", plain_tables(kNpt));
    npt.context.control.nxe = false;
    npt.or_bits(npt.host_entry(kBugGpa, 1), kNoExecute);
  }

  // The host's entry of the page that holds the guest's leaf.
  static Hpa table_page(const HandTables& tables) {
    return tables.host_entry(tables.guest_entry_gpa(kBugGva, 1), 1);
  }

  void add_table_pages() {
    for (const StagePair& pair : {kEpt, kNpt}) {
      HandTables& absent = add("WLK-06", plain_tables(pair));
      absent.clear_bits(table_page(absent), 7);
      HandTables& read_only = add("AD-04", plain_tables(pair));
      read_only.clear_bits(table_page(read_only), 2);
      // Every bit that the walker would set is set.
      for (unsigned level = 1; level <= 4; ++level) {
        read_only.or_bits(read_only.guest_entry(kBugGva, level), 0x60);
      }
    }
    HandTables& denied = add("AD-02", plain_tables(kEpt));
    denied.context.control.accessed_dirty = false;
    denied.clear_bits(table_page(denied), 2);
    HandTables& unreadable = add("PRM-17", plain_tables(kEpt));
    unreadable.context.control.accessed_dirty = false;
    unreadable.context.control.execute_only = true;
    unreadable.clear_bits(table_page(unreadable), 3);
    HandTables& data_only = add("WLK-05", plain_tables(kEpt));
    data_only.context.control.accessed_dirty = false;
    data_only.clear_bits(table_page(data_only), 4);
  }

  void add_control() {
    HandTables& keyed = add("PRM-06", plain_tables(kNative));
    keyed.context.control.pke = true;
    keyed.context.control.pkru = 0xc0;  // key 3: nothing
    keyed.or_bits(keyed.guest_entry(kBugGva, 1), std::uint64_t{3} << 59);
    HandTables& smep = add("PRM-08", plain_tables(kNative));
    smep.context.control.smep = true;
    smep.context.control.wp = false;
    HandTables& flag = add("PRM-10", plain_tables(kNative));
    flag.context.control.nxe = false;
    flag.clear_bits(flag.guest_entry(kBugGva, 1), 1);
  }

  void add_addresses() {
    add("WLK-09", plain_tables(kNative), Gva{0x0100'0000'0000'0000});
    for (const unsigned level : {2U, 3U}) {
      HandTables& beyond = add("WLK-02", plain_tables(kEpt));
      beyond.or_bits(beyond.guest_entry(kBugGva, level), std::uint64_t{1} << 49);
    }
    add("WLK-04", plain_tables({std::nullopt, FormatId::kEptFourLevel}),
        Gva(kBugGpa.value() | std::uint64_t{1} << 49));
    // The guest's table of level 1 stands high in the host's memory.
    HandTables& high = add("WLK-01", plain_tables(kEpt));
    constexpr std::uint64_t kHigh = std::uint64_t{1} << 44;
    const Hpa leaf = high.guest_entry(kBugGva, 1);
    high.memory.write(leaf + kHigh, 8, high.memory.read(leaf, 8).value_or(0));
    high.or_bits(table_page(high), kHigh);
  }

  std::vector<BugTables> rows_;
};

}  // namespace nestwalk
