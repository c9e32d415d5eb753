// The second witness of the walk: a plain recursive translation as a textbook writes it down. It
// shares nothing with model/walk but value types, and decodes entries by itself, so that a wrong
// constant or a wrong order in either witness shows as a disagreement.
//
//   WordOracleMemory view(words);
//   const OracleResult result = oracle_translate(context, access, view);
//
// Not for use outside tests, and knows no caches: every walk is cold.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/arch/access.h"
#include "model/arch/fault.h"
#include "model/arch/position.h"
#include "model/arch/translation.h"
#include "model/walk/context.h"
#include "tests/support/word_memory.h"

namespace nestwalk {

// One entry that was read, or one A/D update (value: the new entry).
struct OracleReference {
  Stage stage = Stage::kGuest;
  Position position;
  Hpa hpa;
  std::uint8_t size = 0;
  std::uint64_t value = 0;
  bool is_shadow = false;  // agile paging: stage guest, but an entry of the hypervisor's table
  friend bool operator==(const OracleReference&, const OracleReference&) = default;
};

struct OracleResult {
  bool is_translation = false;
  Translation translation;
  Fault fault;
  std::vector<OracleReference> references;
  std::vector<OracleReference> writes;
  unsigned num_restarts = 0;  // updates lost because the walk's own tables overlap
};

struct OracleLoad {
  bool is_loaded = false;
  PdpteRegisters pdptes;
  Fault fault;
};

enum class OracleUpdate { kStored, kLost, kRefused };

// What the oracle reads and updates. `where.value` is the new word of an update.
class OracleMemory {
 public:
  virtual ~OracleMemory() = default;
  virtual std::optional<std::uint64_t> read(const OracleReference& where) = 0;
  virtual OracleUpdate compare_and_swap(const OracleReference& where, std::uint64_t expected) = 0;
};

class WordOracleMemory final : public OracleMemory {
 public:
  explicit WordOracleMemory(WordMemory& words) : words_(words) {}
  std::optional<std::uint64_t> read(const OracleReference& where) override {
    return words_.read(where.hpa, where.size);
  }
  OracleUpdate compare_and_swap(const OracleReference& where, std::uint64_t expected) override {
    if (!words_.is_writable(where.hpa)) {
      return OracleUpdate::kRefused;
    }
    return words_.compare_and_swap(where.hpa, where.size, expected, where.value)
               ? OracleUpdate::kStored
               : OracleUpdate::kLost;
  }

 private:
  WordMemory& words_;
};

OracleResult oracle_translate(const WalkContext& context, const Access& access,
                              OracleMemory& memory);

// What MOV to CR3 does in PAE mode, natively and over EPT: fetch and check the four PDPTEs.
// `address` is only what a fault reports.
OracleLoad oracle_load_pdptes(const WalkContext& context, Gva address, OracleMemory& memory);

}  // namespace nestwalk
