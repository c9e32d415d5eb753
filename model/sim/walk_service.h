// What answers a walk request: one access, from an empty machine, over a memory given as words. The
// reference and the TLM platform both implement it, so their answers can be compared.
//
//   service.load(memory);                              // once for many walks of one image
//   const WalkAnswer answer = service.walk(context, access);
//
// Not for runs: nothing is cached between two walks and no time passes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/arch/access.h"
#include "model/arch/address.h"
#include "model/arch/position.h"
#include "model/walk/context.h"
#include "model/walk/functional_driver.h"
#include "model/walk/pdpte.h"

namespace nestwalk {

struct MemoryWord {
  Hpa hpa;  // 8-aligned
  std::uint64_t value = 0;
  friend constexpr bool operator==(const MemoryWord&, const MemoryWord&) = default;
};

// One entry that was read, or one A/D update: `value` is then the new word.
struct EntryReference {
  Stage stage = Stage::kGuest;
  Position position;
  std::uint8_t bytes = 8;
  Hpa hpa;
  std::uint64_t value = 0;
  bool is_shadow = false;  // agile paging: stage guest, but an entry of the shadow
  friend constexpr bool operator==(const EntryReference&, const EntryReference&) = default;
};

struct WalkAnswer {
  // Not empty: why this engine has no answer that it could stand by. The rest is then of no
  // consequence.
  std::string unsupported;
  WalkOutcome outcome;
  std::vector<EntryReference> references;  // in order, walks that had to restart included
  std::vector<EntryReference> writes;
};

// Agile paging: the last entry that was read is the shadow's, a leaf if the walk is a translation.
inline bool ends_in_shadow(const WalkAnswer& answer) {
  return !answer.references.empty() && answer.references.back().is_shadow;
}

class WalkService {
 public:
  WalkService() = default;
  WalkService(const WalkService&) = delete;
  WalkService& operator=(const WalkService&) = delete;
  virtual ~WalkService() = default;

  // Replaces the memory. Of two words at one address the last wins; what is not listed reads as
  // zero.
  virtual void load(const std::vector<MemoryWord>& memory) = 0;

  // Every walk finds the memory as it was loaded: A/D updates of one do not reach the next. PDPTE
  // registers are the service's business (load_pdpte_registers below).
  virtual WalkAnswer walk(const WalkContext& context, const Access& access) = 0;
};

// The engines that a command can choose from, by name. One that cannot be had throws
// std::runtime_error, which says why.
using WalkServices = std::map<std::string, std::function<std::unique_ptr<WalkService>()>>;

// A memory for load_pdpte_registers: it lends only the reads of another, so that a load leaves no
// accessed bits behind. `Memory` has MemoryAnswer read(const Step&).
template <class Memory>
class ReadOnlyMemory {
 public:
  explicit ReadOnlyMemory(Memory& memory) : memory_(memory) {}
  MemoryAnswer read(const Step& step) { return memory_.read(step); }
  static UpdateAnswer update(const Step&) { return UpdateAnswer::kStored; }

 private:
  Memory& memory_;
};

// A request describes the moment of its access: CR3 was loaded before, and the PDPTEs with it. This
// brings the registers into the context where the mode has them; the reads belong to no answer and
// change nothing. A load that faults is the answer of the request.
template <class Memory>
std::optional<Fault> load_pdpte_registers(WalkContext& context, const Access& access,
                                          Memory& memory) {
  if (!context.uses_pdpte_registers()) {
    return std::nullopt;
  }
  const PdpteLoad load = load_pdptes(context, ReadOnlyMemory<Memory>(memory));
  context.pdptes = load.registers;
  if (load.ok) {
    return std::nullopt;
  }
  Fault fault = load.fault;
  fault.address = access.address;
  return fault;
}

}  // namespace nestwalk
