// A co-simulation of the RTL walker and the model: what is drawn at random, and how much of it. The
// root of a file in configs/cosim; a list of them is a file in configs/regressions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/params/descriptor.h"
#include "model/params/problem.h"

namespace nestwalk {

// Each case draws its own percentage, up to these.
struct CosimTablesParams {
  std::string guest_formats = "any";
  std::string host_formats = "any";
  std::uint32_t broken_percent = 6;
  std::uint32_t restricted_percent = 15;
  std::uint32_t guest_large_percent = 30;
  std::uint32_t host_large_percent = 30;
  std::uint32_t clean_percent = 50;
  std::uint32_t shared_percent = 30;
  std::uint32_t self_mapped_percent = 5;
};
void describe(CosimTablesParams& p, ParameterVisitor& v);

struct CosimMemoryParams {
  std::uint32_t min_latency_cycles = 1;
  std::uint32_t max_latency_cycles = 20;
  bool in_order = false;
  double bus_error_percent = 0.05;
  double poison_percent = 0.2;
  double racing_write_percent = 2;
};
void describe(CosimMemoryParams& p, ParameterVisitor& v);

struct CosimTrafficParams {
  std::uint32_t min_ready_percent = 30;
  std::uint32_t min_offer_percent = 30;
  double invalidation_percent = 30;
  double reset_percent = 10;
  std::uint32_t same_page_percent = 30;
};
void describe(CosimTrafficParams& p, ParameterVisitor& v);

struct CosimParams {
  std::string walker = "four_slots";
  std::uint64_t seed = 1;
  std::uint64_t walks = 10000;
  std::uint32_t walks_per_case = 64;
  std::uint32_t watchdog_cycles = 2000;
  CosimTablesParams tables;
  CosimMemoryParams memory;
  CosimTrafficParams traffic;
};
void describe(CosimParams& p, ParameterVisitor& v);
[[nodiscard]] std::vector<ParameterProblem> find_problems(const CosimParams& params);

// One of a list: the configuration with overrides.
struct CosimEntry {
  std::string name;
  std::string config;
  std::string set;
};
void describe(CosimEntry& p, ParameterVisitor& v);

struct CosimListParams {
  std::string config;
  std::string set;
  std::vector<CosimEntry> runs;
};
void describe(CosimListParams& p, ParameterVisitor& v);

// Formats of a stage by the names of the guest and of the host stage, and `none`.
[[nodiscard]] const std::vector<std::string_view>& guest_stage_names();
[[nodiscard]] const std::vector<std::string_view>& host_stage_names();
// The words of "x86-4level, none"; all names for "any".
[[nodiscard]] std::vector<std::string> names_in(const std::string& text,
                                                const std::vector<std::string_view>& all);

}  // namespace nestwalk
