// The statistics of a run: a tree of groups in which each statistic is registered once, with its
// unit and one sentence. Counters stay plain integers in their modules and are read at the dump.
//
//   StatGroup root;
//   StatGroup& tlb = root.group("core0.mmu.l1d");
//   tlb.counter("hits", &stats.hits, "count", "Lookups answered by the L1 data TLB.");
//   tlb.derived("hit_rate", [&] { return ratio(stats.hits, stats.lookups); }, "ratio",
//               "Share of lookups that hit.");
//   root.to_json();
//
// What is registered must outlive the group. Names are dotted parts of [a-z0-9_]; an illegal or
// repeated name is a broken invariant. Order of output is order of registration, and equal counters
// give equal bytes. Not for: the hot path (nothing here is called while the model runs), and not
// for the output, nor for a part of a run: see statistics_snapshot.h.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "model/arch/paging_format.h"
#include "model/arch/position.h"
#include "model/observe/histogram.h"

namespace nestwalk {

// Indexed [g][h]: see Position.
using PositionCounts = std::array<std::array<std::uint64_t, kMaxLevels + 1>, kMaxLevels + 1>;

inline std::uint64_t& count_at(PositionCounts& counts, Position position) {
  return counts[position.g][position.h];
}

// A fraction of two counts; both are kept, so that it can be formed anew for a part of a run.
struct Ratio {
  std::uint64_t part = 0;
  std::uint64_t whole = 0;
};

inline Ratio ratio(std::uint64_t part, std::uint64_t whole) {
  return {part, whole};
}

class StatSnapshot;

struct StatDescription {
  std::string name;  // dotted, from the root
  std::string unit;
  std::string text;
};

class StatGroup {
 public:
  static constexpr int kSchemaVersion = 1;

  StatGroup() = default;
  StatGroup(const StatGroup&) = delete;  // it points into its modules
  StatGroup& operator=(const StatGroup&) = delete;
  ~StatGroup() = default;

  // The group of that dotted name below this one; made on first use, so that modules may share it.
  StatGroup& group(std::string_view name);

  void counter(std::string_view name, const std::uint64_t* value, std::string_view unit,
               std::string_view text);
  // A count computed at the dump: a sum, a difference. Like a counter it only ever grows.
  void computed(std::string_view name, std::function<std::uint64_t()> value, std::string_view unit,
                std::string_view text);
  // A fraction computed at the dump.
  void derived(std::string_view name, std::function<Ratio()> value, std::string_view unit,
               std::string_view text);
  void histogram(std::string_view name, const Histogram* value, std::string_view unit,
                 std::string_view text);
  void positions(std::string_view name, const PositionCounts* value, std::string_view unit,
                 std::string_view text);

  // All values as they are now.
  [[nodiscard]] StatSnapshot snapshot() const;
  // Of the values as they are now: see StatSnapshot.
  [[nodiscard]] nlohmann::ordered_json to_json() const;
  [[nodiscard]] std::string to_text() const;

  [[nodiscard]] std::vector<StatDescription> list() const;

 private:
  using Value = std::variant<const std::uint64_t*, std::function<std::uint64_t()>,
                             std::function<Ratio()>, const Histogram*, const PositionCounts*>;
  struct Statistic {
    Value value;
    std::string unit;
    std::string text;
  };
  struct Item {
    std::string name;  // one part
    std::variant<Statistic, std::unique_ptr<StatGroup>> content;
  };

  [[nodiscard]] Item* find(std::string_view part);
  void add(std::string_view name, Statistic statistic);
  template <class Visit>
  void for_each(const std::string& prefix, Visit&& visit) const;

  std::vector<Item> items_;
};

}  // namespace nestwalk
