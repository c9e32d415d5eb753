// Parameters of the simulated machine: cores, translation hardware, caches, memory.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/arch/access.h"
#include "model/arch/tags.h"
#include "model/params/descriptor.h"
#include "model/params/structures.h"

namespace nestwalk {

struct CoreParams {
  double base_cpi = 1.0;                 // without any memory or translation stall
  std::uint32_t hidden_data_cycles = 0;  // of each access's data, overlapped with other work
  std::uint64_t quantum_cycles = 10000;  // lt: temporal decoupling, how far a core may run ahead
  std::uint32_t window = 1;              // at: accesses that may be under way, 1 = blocking
};
void describe(CoreParams& p, ParameterVisitor& v);

// What the second-level TLB holds of the first level's entries.
enum class TlbInclusion : std::uint8_t {
  kNonInclusive,  // a walk fills both levels, and each forgets on its own
  kInclusive,     // what leaves the second level leaves the first as well
  kExclusive,     // the second level takes what the first one gives up; a hit moves the entry back
};
inline constexpr std::array<std::string_view, 3> kTlbInclusionNames = {"non_inclusive", "inclusive",
                                                                       "exclusive"};

// What happens to a guest page that the host backs in smaller pieces. Every entry covers the
// smaller of both pages, whatever the policy.
enum class Splintering : std::uint8_t {
  kSmaller,  // pieces are kept as pages of their size are
  kBoth,     // and where the whole page would lie is kept beside them, as a guess to be verified
  kRefuse,   // the second-level TLB takes no pieces
};
inline constexpr std::array<std::string_view, 3> kSplinteringNames = {"smaller", "both", "refuse"};

struct MmuParams {
  TlbParams l1_itlb{{128, 8}, {8, 0}, {0, 0}, false, false, 0};
  TlbParams l1_dtlb{{64, 4}, {32, 4}, {4, 4}, false, false, 0};
  TlbParams l2_tlb{{1536, 12}, {0, 0}, {16, 4}, true, false, 7};
  // at only
  std::uint32_t queue_entries = 32;  // accesses inside
  std::uint32_t miss_registers = 16;
  std::uint32_t l1_ports = 2;  // lookups that begin in a cycle, of each first-level TLB
  std::uint32_t l2_ports = 1;
  // Absent unless they have entries.
  TlbParams store_tlb{{}, {}, {}, false, false, 0};  // of stores; l1_dtlb is then of loads
  TlbParams l2_itlb{{}, {}, {}, false, false, 7};    // of fetches; l2_tlb is then of data
  TlbInclusion inclusion = TlbInclusion::kNonInclusive;
  Splintering splintering = Splintering::kSmaller;
  ArrayParams splinter_hints{32, 4};  // splintering: both
  InvalidateExtent invalidate = InvalidateExtent::kExact;
  TlbPrefetchParams prefetch;
};
void describe(MmuParams& p, ParameterVisitor& v);

// Which of the two models of the walker a machine has.
enum class WalkerModel : std::uint8_t {
  kTlm,
  kRtl,  // the verilated RTL; programs without Verilator have none
};
inline constexpr std::array<std::string_view, 2> kWalkerModelNames = {"tlm", "rtl"};

struct RtlWalkerParams {
  bool scoreboard = false;               // the walk engine beside every walk
  std::uint32_t watchdog_cycles = 4096;  // without anything to wait for and without progress
};
void describe(RtlWalkerParams& p, ParameterVisitor& v);

// Which of the walks that want one port goes first.
enum class WalkTurns : std::uint8_t { kLowestSlot, kInTurn };
inline constexpr std::array<std::string_view, 2> kWalkTurnsNames = {"lowest_slot", "in_turn"};

// What becomes of a walk that an invalidation kills.
enum class WalkKill : std::uint8_t {
  kAtOnce,       // it begins anew in the same cycle, and late answers find nobody
  kAfterAnswer,  // it first waits for what it has asked memory
};
inline constexpr std::array<std::string_view, 2> kWalkKillNames = {"at_once", "after_answer"};

struct WalkerParams {
  PwcParams pwc;
  NtlbParams ntlb;
  // The TLM model's own time; the RTL has its own (docs/reference/rtl-walker.md).
  std::uint32_t step_cycles = 1;    // for each entry it handles
  std::uint32_t begin_cycles = 0;   // before the first step, and before that of each new beginning
  std::uint32_t update_cycles = 0;  // for each A/D update
  std::uint32_t change_cycles = 0;  // for what a walk changes in walk caches and nested TLB
  std::uint32_t answer_cycles = 0;  // after the last step
  // at only
  std::uint32_t slots = 2;          // walks at a time
  std::uint32_t queue_entries = 8;  // walks that wait for a slot
  std::uint32_t lookup_ports = 1;   // lookups of walk caches and nested TLB that begin in a cycle
  std::uint32_t table_ports = 0;    // reads, and as many updates, sent in a cycle; 0: no limit
  WalkTurns turns = WalkTurns::kLowestSlot;
  WalkKill kill = WalkKill::kAtOnce;
  WalkerModel model = WalkerModel::kTlm;  // the parameter `walker` of the root
  RtlWalkerParams rtl;
};
void describe(WalkerParams& p, ParameterVisitor& v);

struct CacheParams {
  std::uint64_t size_bytes = 0;  // 0 removes the cache
  std::uint32_t ways = 8;
  std::uint32_t latency_cycles = 4;
  Replacement replacement = Replacement::kLru;
  // at only
  std::uint32_t ports = 2;            // lookups that begin in a cycle
  std::uint32_t miss_registers = 16;  // misses under way; more accesses may wait for each
  std::uint32_t queue_entries = 32;   // accesses inside
};
void describe(CacheParams& p, ParameterVisitor& v);

enum class DramKind : std::uint8_t { kFixed, kOpenRow };
inline constexpr std::array<std::string_view, 2> kDramKindNames = {"fixed", "open_row"};

struct DramParams {
  DramKind kind = DramKind::kFixed;
  std::uint32_t latency_cycles = 200;  // fixed, and open_row: another row is open
  std::uint32_t row_hit_cycles = 130;  // open_row
  std::uint32_t banks = 16;            // open_row
  std::uint64_t row_bytes = 8192;      // open_row
  // at only
  std::uint32_t busy_cycles = 4;     // how long an access keeps its bank (fixed: the memory)
  std::uint32_t queue_entries = 64;  // accesses inside
};
void describe(DramParams& p, ParameterVisitor& v);

// What instructions that touch translation state cost, besides what they drop (kernel
// measurements on Skylake for INVLPG, INVPCID and CR3; INVEPT and INVVPID assumed).
struct InstructionCosts {
  std::uint32_t invlpg_cycles = 200;
  std::uint32_t invpcid_cycles = 350;
  std::uint32_t cr3_load_cycles = 300;
  std::uint32_t control_write_cycles = 300;
  std::uint32_t invept_cycles = 500;
  std::uint32_t invvpid_cycles = 500;
  std::uint32_t ipi_send_cycles = 500;      // to another core, however many are told at once
  std::uint32_t ipi_receive_cycles = 1000;  // interrupt, handler, acknowledgement, return
};
void describe(InstructionCosts& p, ParameterVisitor& v);

// How table reads reach memory.
enum class TablePath : std::uint8_t { kL1d, kL2, kLlc, kFlat };
inline constexpr std::array<std::string_view, 4> kTablePathNames = {"l1d", "l2", "llc", "flat"};

// What ordinary data and instruction bytes cost.
enum class DataPath : std::uint8_t { kCaches, kNone };
inline constexpr std::array<std::string_view, 2> kDataPathNames = {"caches", "none"};

inline constexpr std::array<std::string_view, 2> kTagRulesNames = {"intel", "amd"};

// How the modules talk, and with it what time means.
enum class Timing : std::uint8_t {
  kLt,  // blocking transport with annotated delay: one access after the other
  kAt,  // non-blocking transport in four phases: queues, contention, many accesses at a time
};
inline constexpr std::array<std::string_view, 2> kTimingNames = {"lt", "at"};

inline constexpr std::uint32_t kLineBytes = 64;
inline constexpr std::uint32_t kMaxCores = 64;

struct MachineParams {
  std::string name = "default";
  std::uint32_t clock_mhz = 3000;
  std::uint8_t maxphyaddr = 46;
  bool page_1g = true;
  TagRules tag_rules = TagRules::kIntel;
  std::uint64_t memory_bytes = std::uint64_t{64} << 30;
  Timing timing = Timing::kLt;
  std::uint32_t cores = 1;
  CoreParams core;
  InstructionCosts instructions;
  MmuParams mmu;
  WalkerParams walker;
  TablePath table_path = TablePath::kL1d;
  DataPath data_path = DataPath::kCaches;
  CacheParams l1i{32768, 8, 0};
  CacheParams l1d{32768, 8, 4};
  CacheParams l2{1048576, 16, 14};
  CacheParams llc{23068672, 11, 54};
  DramParams dram;
};
void describe(MachineParams& p, ParameterVisitor& v);

}  // namespace nestwalk
