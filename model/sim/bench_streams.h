// The address streams of the benchmark, in pieces, so that making them stays out of the measured
// time.
//
//   BenchStream stream = make_random_stream(base, 4 GiB);
//   stream(addresses);   // fills all of them; the next call goes on
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "model/arch/address.h"

namespace nestwalk {

using BenchStream = std::function<void(std::span<Gva>)>;

// Consecutive 8-byte words, from the start again at the end of the range.
[[nodiscard]] BenchStream make_sequential_stream(Gva first, std::uint64_t num_bytes);
// The words of the GUPS workload with its default seed.
[[nodiscard]] BenchStream make_random_stream(Gva first, std::uint64_t num_bytes);

}  // namespace nestwalk
