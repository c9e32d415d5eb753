// Runs the walk engine and the second witness on one access and says where they differ.
//
//   WalkCoverage coverage;
//   EXPECT_EQ(compare_walks(context, access, engine_memory, oracle_memory, coverage), "");
//
// Both memories must be equal beforehand and are compared afterwards. Cold walks only.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/walk/functional_driver.h"
#include "model/walk/pdpte.h"
#include "tests/support/oracle.h"
#include "tests/support/test_random.h"

namespace nestwalk {

// Another agent: after so many reads and updates of the walk it flips bits of one entry.
struct Interference {
  std::uint64_t after_operations = 0;  // 0: never
  Hpa hpa;
  unsigned bytes = 8;
  std::uint64_t flip = 0;

  void count(WordMemory& words) {
    if (after_operations != 0 && --after_operations == 0) {
      words.write(hpa, bytes, words.read(hpa, bytes).value_or(0) ^ flip);
    }
  }
};

// A bit that makes a difference: rights, presence, A, D, page size, or an address bit.
inline Interference random_interference(SplitMix64& random, const OracleResult& undisturbed) {
  const std::vector<OracleReference>& references = undisturbed.references;
  const std::size_t victim = random.below(references.size());
  const std::uint64_t operations = references.size() + undisturbed.writes.size();
  Interference interference;
  interference.hpa = references[victim].hpa;
  interference.bytes = references[victim].size;
  interference.flip = std::uint64_t{1} << random.below(random.percent(70) ? 13 : 32);
  interference.after_operations = 1 + victim + random.below(operations - victim);
  return interference;
}

class InterferedOracleMemory final : public OracleMemory {
 public:
  InterferedOracleMemory(WordMemory& words, const Interference& interference)
      : words_(words), plain_(words), interference_(interference) {}
  std::optional<std::uint64_t> read(const OracleReference& where) override {
    const std::optional<std::uint64_t> value = plain_.read(where);
    interference_.count(words_);
    return value;
  }
  OracleUpdate compare_and_swap(const OracleReference& where, std::uint64_t expected) override {
    const OracleUpdate result = plain_.compare_and_swap(where, expected);
    interference_.count(words_);
    return result;
  }

 private:
  WordMemory& words_;
  WordOracleMemory plain_;
  Interference interference_;
};

// What the engine did to a memory, in the oracle's terms.
class RecordingMemory {
 public:
  explicit RecordingMemory(WordMemory& words, const Interference& interference = {})
      : words_(words), interference_(interference) {}

  MemoryAnswer read(const Step& step) {
    const std::optional<std::uint64_t> value = words_.read(step.hpa, step.bytes);
    if (value) {
      references.push_back(
          {step.stage, step.position, step.hpa, step.bytes, *value, step.is_shadow});
    }
    interference_.count(words_);
    return {value.has_value(), value.value_or(0)};
  }

  UpdateAnswer update(const Step& step) {
    UpdateAnswer answer = UpdateAnswer::kLost;
    if (!words_.is_writable(step.hpa)) {
      answer = UpdateAnswer::kError;
    } else if (words_.compare_and_swap(step.hpa, step.bytes, step.expected, step.desired)) {
      writes.push_back(
          {step.stage, step.position, step.hpa, step.bytes, step.desired, step.is_shadow});
      answer = UpdateAnswer::kStored;
    }
    interference_.count(words_);
    return answer;
  }

  std::vector<OracleReference> references;
  std::vector<OracleReference> writes;

 private:
  WordMemory& words_;
  Interference interference_;
};

inline std::string print(const OracleReference& reference) {
  std::ostringstream out;
  out << (reference.is_shadow                ? "shadow ("
          : reference.stage == Stage::kGuest ? "guest ("
                                             : "host (")
      << +reference.position.g << "," << +reference.position.h << ") hpa 0x" << std::hex
      << reference.hpa.value() << std::dec << " " << +reference.size << " bytes 0x" << std::hex
      << reference.value;
  return out.str();
}

inline std::string print(const Fault& fault) {
  std::ostringstream out;
  out << name_of(fault.kind) << " at (" << +fault.position.g << "," << +fault.position.h
      << ") code 0x" << std::hex << fault.code << " address 0x" << fault.address.value();
  if (fault.in_shadow) {
    out << " in the shadow";
  }
  if (fault.has_gpa) {
    out << " gpa 0x" << fault.gpa.value();
  }
  return out.str();
}

inline std::string print(const Translation& t) {
  std::ostringstream out;
  out << std::hex << "gpa 0x" << t.gpa.value() << " hpa 0x" << t.hpa.value() << std::dec
      << " page bits " << +t.guest_page_bits << "/" << +t.host_page_bits << " key "
      << +t.protection_key << " dirty " << t.dirty << " global " << t.global << " rights "
      << +t.guest.bits << "/" << +t.host.bits;
  return out.str();
}

inline std::string print(const WalkContext& context, const Access& access) {
  const auto name = [](bool exists, FormatId format) {
    return exists ? format_of(format).name : std::string_view("none");
  };
  const Control& c = context.control;
  std::ostringstream out;
  out << name(context.has_guest, context.guest_format) << " over "
      << name(context.has_host, context.host_format) << std::hex << ", roots 0x"
      << context.guest_root << " 0x" << context.host_root;
  if (context.has_shadow) {
    out << ", agile from 0x" << context.shadow_root;
  }
  out << ", gva 0x" << access.address.value() << std::dec << " type "
      << static_cast<int>(access.type) << " user " << access.is_user() << " implicit "
      << access.implicit << "; wp " << c.wp << " nxe " << c.nxe << " smep " << c.smep << " smap "
      << c.smap << " ac " << c.ac << " pke " << c.pke << " pse " << c.pse << " page_1g "
      << c.page_1g << " ad " << c.accessed_dirty << " xo " << c.execute_only << " mbe "
      << c.mode_based_execute << " maxphyaddr " << +c.maxphyaddr << "/" << +c.guest_maxphyaddr
      << std::hex << " pkru 0x" << c.pkru;
  return out.str();
}

// How often each outcome was seen, so that a test can insist that it was.
struct WalkCoverage {
  std::uint64_t num_translations = 0;
  std::uint64_t num_restarts = 0;
  std::array<std::uint64_t, kNumFaultKinds> num_faults{};
  std::map<std::pair<FaultKind, Position>, std::uint64_t> positions;
  std::array<std::uint64_t, kMaxLevels + 1> shadow_faults{};  // by guest level

  void add(const OracleResult& result) {
    num_restarts += result.num_restarts;
    if (result.is_translation) {
      ++num_translations;
    } else {
      add(result.fault);
    }
  }
  void add(const Fault& fault) {
    ++num_faults.at(static_cast<unsigned>(fault.kind));
    ++positions[{fault.kind, fault.position}];
    shadow_faults.at(fault.position.g) += fault.in_shadow ? 1 : 0;
  }
  [[nodiscard]] std::uint64_t at(FaultKind kind) const {
    return num_faults.at(static_cast<unsigned>(kind));
  }
  [[nodiscard]] std::string histogram() const {
    std::ostringstream out;
    out << "translation " << num_translations << ", restarts " << num_restarts << "\n";
    for (unsigned kind = 0; kind < kNumFaultKinds; ++kind) {
      if (num_faults.at(kind) == 0) {
        continue;
      }
      out << kFaultKindNames.at(kind) << " " << num_faults.at(kind) << ":";
      for (const auto& [place, count] : positions) {
        if (place.first == static_cast<FaultKind>(kind)) {
          out << " (" << +place.second.g << "," << +place.second.h << ") " << count;
        }
      }
      out << "\n";
    }
    return out.str();
  }
};

// Behind a refused read the reported GPA is of no consequence.
inline bool same_fault(Fault a, Fault b) {
  if (a.kind == FaultKind::kMemoryError) {
    a.has_gpa = b.has_gpa;
    a.gpa = b.gpa;
  }
  return a == b;
}

inline std::string difference_in(const char* what, const std::vector<OracleReference>& engine,
                                 const std::vector<OracleReference>& oracle) {
  for (std::size_t i = 0; i < std::max(engine.size(), oracle.size()); ++i) {
    const bool is_equal = i < engine.size() && i < oracle.size() && engine[i] == oracle[i];
    if (!is_equal) {
      return std::string(what) + " " + std::to_string(i) + ": engine " +
             (i < engine.size() ? print(engine[i]) : "none") + ", oracle " +
             (i < oracle.size() ? print(oracle[i]) : "none") + "\n";
    }
  }
  return "";
}

// Empty when both agree.
inline std::string compare_walks(const WalkContext& context, const Access& access,
                                 WordMemory& engine_words, WordMemory& oracle_words,
                                 WalkCoverage& coverage, const Interference& interference = {}) {
  RecordingMemory recorder(engine_words, interference);
  const WalkOutcome engine = walk(context, access, recorder, NoCache{});
  InterferedOracleMemory view(oracle_words, interference);
  const OracleResult oracle = oracle_translate(context, access, view);
  coverage.add(oracle);

  std::string difference;
  const bool is_same_outcome = engine.is_translation == oracle.is_translation &&
                               (engine.is_translation ? engine.translation == oracle.translation
                                                      : same_fault(engine.fault, oracle.fault));
  if (!is_same_outcome) {
    difference += "engine " +
                  (engine.is_translation ? print(engine.translation) : print(engine.fault)) +
                  "\noracle " +
                  (oracle.is_translation ? print(oracle.translation) : print(oracle.fault)) + "\n";
  }
  difference += difference_in("reference", recorder.references, oracle.references);
  difference += difference_in("write", recorder.writes, oracle.writes);
  if (engine.num_restarts != oracle.num_restarts) {
    difference += "restarts: engine " + std::to_string(engine.num_restarts) + ", oracle " +
                  std::to_string(oracle.num_restarts) + "\n";
  }
  if (!(engine_words == oracle_words)) {
    difference += "the memories differ afterwards\n";
  }
  return difference.empty() ? difference : print(context, access) + "\n" + difference;
}

// The load of the PDPTEs by both; on success they are in `context`.
inline std::string compare_pdpte_loads(WalkContext& context, WordMemory& engine_words,
                                       WordMemory& oracle_words, WalkCoverage& coverage) {
  RecordingMemory recorder(engine_words);
  PdpteLoad engine = load_pdptes(context, recorder);
  engine.fault.address = Gva{0};  // a load belongs to no access: its caller names one
  WordOracleMemory view(oracle_words);
  const OracleLoad oracle = oracle_load_pdptes(context, Gva{0}, view);
  context.pdptes = oracle.pdptes;
  std::string difference;
  if (!oracle.is_loaded) {
    coverage.add(oracle.fault);
    if (engine.ok || !same_fault(engine.fault, oracle.fault)) {
      difference = "load: engine " + (engine.ok ? "succeeded" : print(engine.fault)) + ", oracle " +
                   print(oracle.fault) + "\n";
    }
  } else if (!engine.ok || engine.registers.entry != oracle.pdptes.entry) {
    difference = "load: engine " + (engine.ok ? "read others" : print(engine.fault)) +
                 ", oracle succeeded\n";
  }
  if (!(engine_words == oracle_words)) {
    difference += "the memories differ after the load\n";
  }
  return difference.empty() ? difference : print(context, Access{}) + "\n" + difference;
}

}  // namespace nestwalk
