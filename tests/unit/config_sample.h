// A small root of parameters with every kind of descriptor, for the tests of model/config.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/params/descriptor.h"
#include "model/params/structures.h"

namespace nestwalk {

enum class SampleMode : std::uint8_t { kNative, kNested, kShadow };
inline constexpr std::array<std::string_view, 3> kSampleModeNames = {"native", "nested", "shadow"};

struct SampleProcess {
  std::string name = "main";
  std::uint64_t accesses = 1000;

  bool operator==(const SampleProcess&) const = default;
};

inline void describe(SampleProcess& p, ParameterVisitor& v) {
  v.text({"name", "What statistics call it."}, p.name);
  v.integer({"accesses", "", "How many accesses it makes."}, p.accesses);
}

struct SampleVm {
  std::string name = "vm";
  std::uint64_t memory_bytes = std::uint64_t{256} << 20;
  std::vector<SampleProcess> processes = {{"init", 7}};

  bool operator==(const SampleVm&) const = default;
};

inline void describe(SampleVm& p, ParameterVisitor& v) {
  v.text({"name", "What statistics call it."}, p.name);
  v.integer({"memory_bytes", "bytes", "Guest-physical memory.", 4096, std::uint64_t{1} << 46},
            p.memory_bytes);
  v.list({"processes", "Processes of the guest.", 1}, p.processes);
}

struct SampleCore {
  double base_cpi = 1.0;
  bool in_order = true;
  std::uint32_t window = 1;
  std::uint8_t address_bits = 46;

  bool operator==(const SampleCore&) const = default;
};

inline void describe(SampleCore& p, ParameterVisitor& v) {
  v.number({"base_cpi", "cycles", "Cycles of an instruction without misses.", 0.1, 100},
           p.base_cpi);
  v.boolean({"in_order", "Whether the core keeps program order."}, p.in_order);
  v.integer({"window", "accesses", "Outstanding accesses.", 1, 256, true}, p.window);
  v.integer({"address_bits", "bits", "Width of a physical address.", 36, 52}, p.address_bits);
}

struct SampleRoot {
  SampleMode mode = SampleMode::kNested;
  std::string trace;
  std::string label = "a: \"b\" | c";
  std::uint64_t seed = 1;
  SampleCore core;
  NtlbParams ntlb;
  std::vector<SampleVm> vms = {{"first", 4096, {{"a", 1}, {"b", 2}}}, {"second", 8192, {{}}}};
  std::vector<SampleProcess> daemons;
};

inline void describe(SampleRoot& p, ParameterVisitor& v) {
  v.choice({"mode", "How guest addresses are translated.", kSampleModeNames}, p.mode);
  v.text({"trace", "Recorded accesses.", TextKind::kPath}, p.trace);
  v.text({"label", "Free text | with a bar."}, p.label);
  v.integer({"seed", "", "Of every random choice."}, p.seed);
  v.group({"core", "The processor."}, p.core);
  v.group({"ntlb", "Nested TLB."}, p.ntlb);
  v.list({"vms", "Virtual machines.", 1}, p.vms);
  v.list({"daemons", "Processes of the host."}, p.daemons);
}

}  // namespace nestwalk
