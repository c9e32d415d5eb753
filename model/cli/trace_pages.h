// Which 4K pages a trace touches. Memory grows with them, not with the length of the trace.
//
//   read_touched_pages("ls.nwt").num_distinct;    // throws TraceError
#pragma once

#include <cstdint>
#include <string>

namespace nestwalk {

struct TouchedPages {
  std::uint64_t num_distinct = 0;
  std::uint64_t num_data = 0;  // by loads and stores
  std::uint64_t num_code = 0;  // by fetches
};

[[nodiscard]] TouchedPages read_touched_pages(const std::string& path);

}  // namespace nestwalk
