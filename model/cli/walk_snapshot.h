// A summary of all the walks that a page-table image answers: one read of every page that the
// guest's tables map, each from an empty machine.
//
//   const SnapshotSummary summary = walk_every_leaf(image, service, [](const LeafWalk&) {});
//   std::string text = summary_text(image, summary);
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "model/arch/fault.h"
#include "model/cli/walk_image.h"
#include "model/cli/walk_leaves.h"

namespace nestwalk {

struct SnapshotSummary {
  std::size_t num_leaves = 0;
  std::size_t num_translations = 0;
  std::array<std::size_t, kNumFaultKinds> num_faults{};
  std::size_t num_unsupported = 0;  // leaves to which the engine has no answer
  // Translations by log2 of the guest's and the host's page size; host kNoPageBits: no host stage.
  std::map<std::pair<std::uint8_t, std::uint8_t>, std::size_t> page_pairs;
  std::map<std::size_t, std::size_t> num_walks_by_references;  // faults included
  std::size_t num_references = 0;
  std::size_t num_malformed = 0;
  std::size_t num_unbacked_tables = 0;
  bool is_cut_short = false;
};

struct LeafWalk {
  const GuestLeaf& leaf;
  const Access& access;
  const WalkAnswer& answer;
};

// Reads each leaf's first byte, as a user where the path is a user's, else as a supervisor.
// `observe` sees every walk.
[[nodiscard]] SnapshotSummary walk_every_leaf(const TableImage& image, WalkService& service,
                                              const std::function<void(const LeafWalk&)>& observe);

[[nodiscard]] std::string summary_text(const TableImage& image, const SnapshotSummary& summary);
[[nodiscard]] std::string summary_json(const TableImage& image, const SnapshotSummary& summary);

}  // namespace nestwalk
