// What the second witness says about answers and cached entries, without leaving a trace in memory.
//
//   const OracleResult now = witness(context, access, words);
//   stale_entry(context, mmu, walker, words);       // the first cached entry that is not so, or ""
//
// Not for a witness of time: see at_fence_bench.h.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "model/arch/access.h"
#include "model/tlm/mmu.h"
#include "model/tlm/walker.h"
#include "model/walk/context.h"
#include "tests/support/oracle.h"
#include "tests/support/word_memory.h"

namespace nestwalk {

// A and D of x86 and EPT entries: what hardware itself changes.
inline constexpr std::uint64_t kAccessedDirtyBits = 0x360;

[[nodiscard]] unsigned entry_bytes(const WalkContext& context, Stage stage);

// The walk on `words`, whose updates are forgotten.
[[nodiscard]] OracleResult witness(const WalkContext& context, const Access& access,
                                   const WordMemory& words);

// The HPAs of the guest's entries that the accesses read, and of the host's if asked for.
[[nodiscard]] std::set<std::uint64_t> entries_of(const WalkContext& context,
                                                 const std::vector<Access>& accesses,
                                                 const WordMemory& words, bool host_stage_too);

// The first entry of TLBs, walk caches and nested TLB with the tags of `context` that the tables do
// not bear out; words of walk caches whatever their tags.
[[nodiscard]] std::string stale_entry(const WalkContext& context, const Mmu& mmu,
                                      const Walker& walker, const WordMemory& words);

}  // namespace nestwalk
