// What a module of the RTL costs in hardware: cells and flip-flops as Yosys maps it to simple gates
// (ABC, no cell library), each module on its own, and summed over all instances.
//
//   const AreaSubject subject{"nested_walker", {"Slots=16"}};
//   // run Yosys on every script of area_scripts(subject, rtl), then:
//   const Area area = area_of(subject, statistics);
//
// Modules are mapped one by one, not flattened: what could be saved across their borders is not.
// The slots of a walker differ in a constant, their number: one is mapped, in a walker of one slot,
// and counted as often as it stands. Not for timing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace nestwalk {

class AreaError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct AreaSubject {
  std::string module;
  std::vector<std::string> parameters;  // "Slots=4"
};

// Of one instance, without what stands in it.
struct ModuleArea {
  std::string name;
  std::uint64_t num_instances = 0;
  std::uint64_t num_cells = 0;  // flip-flops included
  std::uint64_t num_flip_flops = 0;
};

struct Area {
  std::uint64_t num_cells = 0;
  std::uint64_t num_flip_flops = 0;
  std::vector<ModuleArea> modules;  // the largest share first
};

// Throws AreaError: no such module, no such parameter, or a value that is no number.
void check_subject(const AreaSubject& subject, const std::filesystem::path& rtl);

// Scripts whose last command prints the statistics that area_of() takes, in their order.
[[nodiscard]] std::vector<std::string> area_scripts(const AreaSubject& subject,
                                                    const std::filesystem::path& rtl);

// `statistics`: what `stat -json` has printed for each script. Throws AreaError where it is not
// understood.
[[nodiscard]] Area area_of(const AreaSubject& subject, const std::vector<std::string>& statistics);

}  // namespace nestwalk
