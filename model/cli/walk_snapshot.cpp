#include "model/cli/walk_snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/cli/walk_entry_text.h"
#include "model/cli/walk_machine_text.h"

namespace nestwalk {

namespace {

void count(SnapshotSummary& summary, const WalkAnswer& answer) {
  ++summary.num_leaves;
  if (!answer.unsupported.empty()) {
    ++summary.num_unsupported;
    return;
  }
  summary.num_references += answer.references.size();
  ++summary.num_walks_by_references[answer.references.size()];
  if (answer.outcome.is_translation) {
    const Translation& t = answer.outcome.translation;
    ++summary.num_translations;
    ++summary.page_pairs[{t.guest_page_bits, t.host_page_bits}];
  } else {
    ++summary.num_faults[static_cast<std::size_t>(answer.outcome.fault.kind)];
  }
}

double mean_references(const SnapshotSummary& summary) {
  const std::size_t num_walks = summary.num_leaves - summary.num_unsupported;
  return num_walks == 0
             ? 0.0
             : static_cast<double>(summary.num_references) / static_cast<double>(num_walks);
}

std::string histogram_text(const SnapshotSummary& summary) {
  std::size_t most = 1;
  for (const auto& [references, walks] : summary.num_walks_by_references) {
    most = std::max(most, walks);
  }
  std::string text;
  for (const auto& [references, walks] : summary.num_walks_by_references) {
    constexpr std::size_t kBarColumns = 40;
    const std::size_t columns = (walks * kBarColumns + most - 1) / most;
    text += fmt::format("  {:>4} {:>9}  {}\n", references, walks, std::string(columns, '#'));
  }
  return text;
}

}  // namespace

SnapshotSummary walk_every_leaf(const TableImage& image, WalkService& service,
                                const std::function<void(const LeafWalk&)>& observe) {
  SnapshotSummary summary;
  service.load(image.words);
  LeafSearch search(image.context, image.words);
  search.for_each([&](const GuestLeaf& leaf) {
    const Access access{leaf.address, AccessType::kRead,
                        leaf.rights.user() ? Privilege::kUser : Privilege::kSupervisor};
    const WalkAnswer answer = service.walk(image.context, access);
    count(summary, answer);
    observe({leaf, access, answer});
  });
  summary.num_malformed = search.num_malformed();
  summary.num_unbacked_tables = search.num_unbacked_tables();
  summary.is_cut_short = search.is_cut_short();
  return summary;
}

std::string summary_text(const TableImage& image, const SnapshotSummary& summary) {
  std::string text =
      fmt::format("{} table pages\n{}\n", image.num_pages, describe_machine(image.context));
  text += fmt::format(
      "One read of every page that the guest maps, each from an empty machine:\n"
      "  {:<22} {:>8}\n  {:<22} {:>8}\n",
      "present leaves", summary.num_leaves, "translations", summary.num_translations);
  for (std::size_t kind = 0; kind < kNumFaultKinds; ++kind) {
    if (summary.num_faults[kind] != 0) {
      text += fmt::format("  {:<22} {:>8}\n", kFaultKindNames[kind], summary.num_faults[kind]);
    }
  }
  if (summary.num_unsupported != 0) {
    text +=
        fmt::format("  {:<22} {:>8}  (by this engine)\n", "unsupported", summary.num_unsupported);
  }
  if (summary.num_malformed != 0) {
    text += fmt::format("  {:<22} {:>8}\n", "malformed entries", summary.num_malformed);
  }
  if (summary.num_unbacked_tables != 0) {
    text += fmt::format("  {:<22} {:>8}  (guest tables that the host does not map)\n",
                        "unreachable tables", summary.num_unbacked_tables);
  }
  if (summary.is_cut_short) {
    text += fmt::format("  stopped after {} tables: some table refers to itself\n",
                        LeafSearch::kMaxTables);
  }
  text += "\nPage sizes of the translations\n  guest   host    leaves\n";
  for (const auto& [sizes, leaves] : summary.page_pairs) {
    text += fmt::format("  {:<6}  {:<6}  {:>6}\n", size_text(sizes.first),
                        sizes.second == kNoPageBits ? "-" : size_text(sizes.second), leaves);
  }
  if (!summary.num_walks_by_references.empty()) {
    text += fmt::format("\nReferences per walk: least {}, mean {:.2f}, most {}\n",
                        summary.num_walks_by_references.begin()->first, mean_references(summary),
                        summary.num_walks_by_references.rbegin()->first);
    text += histogram_text(summary);
  }
  return text;
}

std::string summary_json(const TableImage& image, const SnapshotSummary& summary) {
  using Json = nlohmann::ordered_json;
  Json faults = Json::object();
  for (std::size_t kind = 0; kind < kNumFaultKinds; ++kind) {
    faults[std::string(kFaultKindNames[kind])] = summary.num_faults[kind];
  }
  Json pairs = Json::array();
  for (const auto& [sizes, leaves] : summary.page_pairs) {
    Json pair = {{"guest", std::uint64_t{1} << sizes.first}};
    pair["host"] =
        sizes.second == kNoPageBits ? Json(nullptr) : Json(std::uint64_t{1} << sizes.second);
    pair["leaves"] = leaves;
    pairs.push_back(std::move(pair));
  }
  Json histogram = Json::array();
  for (const auto& [references, walks] : summary.num_walks_by_references) {
    histogram.push_back({{"references", references}, {"walks", walks}});
  }
  const auto& by_references = summary.num_walks_by_references;
  const Json references = {
      {"min", by_references.empty() ? 0 : by_references.begin()->first},
      {"mean", mean_references(summary)},
      {"max", by_references.empty() ? 0 : by_references.rbegin()->first},
      {"histogram", histogram},
  };
  Json json = {
      {"table_pages", image.num_pages},
      {"leaves", summary.num_leaves},
      {"translations", summary.num_translations},
      {"faults", faults},
      {"malformed_entries", summary.num_malformed},
      {"unreachable_tables", summary.num_unbacked_tables},
      {"cut_short", summary.is_cut_short},
      {"page_sizes", pairs},
      {"references", references},
  };
  if (summary.num_unsupported != 0) {
    json["unsupported"] = summary.num_unsupported;
  }
  return json.dump(2) + "\n";
}

}  // namespace nestwalk
