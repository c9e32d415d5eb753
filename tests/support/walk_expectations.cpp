#include "tests/support/walk_expectations.h"

#include <sstream>

namespace nestwalk {
namespace {

std::string print(const Fault& fault) {
  std::ostringstream out;
  out << name_of(fault.kind) << " at (" << +fault.position.g << "," << +fault.position.h
      << ") code 0x" << std::hex << fault.code << " address 0x" << fault.address.value();
  if (fault.has_gpa) {
    out << " gpa 0x" << fault.gpa.value();
  }
  return out.str();
}

std::string print(const Translation& t) {
  std::ostringstream out;
  out << std::hex << "gpa 0x" << t.gpa.value() << " hpa 0x" << t.hpa.value() << std::dec
      << " page bits " << +t.guest_page_bits << "/" << +t.host_page_bits << " dirty " << t.dirty
      << " global " << t.global << " key " << +t.protection_key << " rights " << +t.guest.bits
      << "/" << +t.host.bits;
  return out.str();
}

// Behind a refused read the reported GPA is of no consequence.
bool is_same(const Fault& left, Fault right) {
  if (left.kind == FaultKind::kMemoryError) {
    right.has_gpa = left.has_gpa;
    right.gpa = left.gpa;
  }
  return left == right;
}

// `dirty` only says that no D bit stands in the way of a write: an entry made before the bit was
// set may say no where the tables say yes.
bool is_same(const Translation& warm, Translation cold) {
  if (!warm.dirty) {
    cold.dirty = false;
  }
  return warm == cold;
}

}  // namespace

MachineParams machine_of(const CachingMachine& machine) {
  MachineParams params = small_machine();
  params.walker.pwc.organisation = machine.organisation;
  params.walker.pwc.content = machine.content;
  params.walker.pwc.sharing = machine.sharing;
  if (!machine.has_ntlb) {
    params.walker.ntlb.array = ArrayParams{};
  }
  return params;
}

void PrintTo(const CachingMachine& machine, std::ostream* out) {
  *out << machine.name;
}

std::string difference_of(const HardwareOutcome& warm, const OracleResult& cold) {
  const bool is_same_outcome =
      warm.is_translation ? cold.is_translation && is_same(warm.translation, cold.translation)
                          : !cold.is_translation && is_same(warm.fault, cold.fault);
  if (is_same_outcome) {
    return "";
  }
  return "\nhardware: " + (warm.is_translation ? print(warm.translation) : print(warm.fault)) +
         "\nwitness:  " + (cold.is_translation ? print(cold.translation) : print(cold.fault));
}

std::string difference_from_oracle(MmuBench& bench, const Access& access) {
  WordMemory words = bench.memory;
  WordOracleMemory view(words);
  const OracleResult cold = oracle_translate(bench.mmu().context(), access, view);
  const BenchAnswer warm = bench.access(access);
  std::ostringstream out;
  out << difference_of({warm.is_translation, warm.translation, warm.fault}, cold);
  if (!(bench.memory == words)) {
    out << "\nthe memories differ afterwards";
  }
  if (!out.str().empty()) {
    out << "\naccess 0x" << std::hex << access.address.value() << std::dec << " type "
        << static_cast<int>(access.type) << " user " << access.is_user();
  }
  return out.str();
}

}  // namespace nestwalk
