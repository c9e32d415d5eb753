// The sets of RTL parameters that a walker can be opened with, by name. Each is a shared library of
// its own, so that one program runs several; tb/walker_sets.cmake lists them.
//
//   const std::unique_ptr<PinWalker> walker = open_walker_set("four_slots");
//   for (const WalkerSet& set : walker_sets()) { ... set.name, set.parameters ... }
//
// A set with a suffix is the same RTL verilated otherwise: `four_slots+wave` can write waves,
// `four_slots+coverage` counts what it executes. A set that has not been built, or is older than
// the RTL, is built when it is opened, where there is a build folder. Throws WalkerSetError: no
// such set, it cannot be built, it cannot be opened. Not thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tb/pin_walker.h"

namespace nestwalk {

struct WalkerSet {
  std::string_view name;
  std::string_view parameters;  // "Slots=4 NtlbEntries=4"; the others have their defaults
  std::string_view text;        // what it is for
};

class WalkerSetError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// In the order of the list.
[[nodiscard]] const std::vector<WalkerSet>& walker_sets();

// What may follow the name of a set: "+wave", "+coverage".
[[nodiscard]] const std::vector<std::string_view>& walker_set_suffixes();

// Where libraries are and are made from. The defaults are those of the build that this program is
// of; a test has its own.
struct WalkerStore {
  std::filesystem::path libraries;  // holds nestwalk_walker_NAME.so
  std::filesystem::path build;      // a build folder of CMake; not there: nothing can be built
  std::filesystem::path sources;    // the project's; empty: nothing is too old
};
[[nodiscard]] const WalkerStore& default_walker_store();

// `name` with or without a suffix.
[[nodiscard]] std::unique_ptr<PinWalker> open_walker_set(
    std::string_view name, const WalkerStore& store = default_walker_store());

// The entry of the list that a name, with or without suffix, stands for. Throws WalkerSetError with
// the nearest name if there is none.
[[nodiscard]] const WalkerSet& find_walker_set(std::string_view name);

// Builds it if that is needed, without opening it: before processes are started that all open it.
void build_walker_set(std::string_view name, const WalkerStore& store = default_walker_store());

}  // namespace nestwalk
