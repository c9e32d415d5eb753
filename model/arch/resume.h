// Where a walk may go on. One type serves a page-walk-cache hit, a nested-TLB hit and a finished
// host walk: the next level to read, or the page itself.
#pragma once

#include <cstdint>

#include "model/arch/address.h"
#include "model/arch/rights.h"

namespace nestwalk {

struct Resume {
  std::uint64_t base = 0;       // address of the next table, or of the page when next_level is 0
  std::uint8_t next_level = 0;  // level of the entry to read next; 0: the page is known
  bool is_gpa = false;          // guest-address semantics: base must still pass the host stage
  bool dirty = false;           // next_level 0: the D bit that writes need is known to be set
  std::uint8_t page_bits = 0;   // next_level 0: log2 of the page size
  GuestRights guest;            // guest stage: AND over the guest entries passed
  HostRights host;              // host stage: AND over the host entries passed
  HostRights table;             // combined: host rights of the page that holds the next table
  Gpa table_gpa;                // guest stage: GPA of the next table, for a fault to report
  bool is_shadow = false;       // agile: the next table is one of the shadow

  friend constexpr bool operator==(const Resume&, const Resume&) = default;
};

}  // namespace nestwalk
