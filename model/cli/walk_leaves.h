// Every page that a guest's tables map, found by reading them from the root. The guest's tables lie
// in guest-physical memory, so the host stage is asked for every table page.
//
//   LeafSearch search(image.context, image.words);
//   search.for_each([](const GuestLeaf& leaf) { ... });
//
// Every path counts: a table that is reached by two entries gives its leaves twice, at two
// addresses. Memory use does not depend on the number of leaves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "model/arch/address.h"
#include "model/cli/walk_engine_reference.h"
#include "model/cli/word_store.h"
#include "model/sim/walk_service.h"
#include "model/walk/entry_rules.h"

namespace nestwalk {

struct GuestLeaf {
  Gva address;
  std::uint8_t page_bits = 12;
  GuestRights rights;  // AND over the path
};

class LeafSearch {
 public:
  // Tables that refer to themselves multiply the paths; a search that has read this many tables has
  // met such a loop and stops.
  static constexpr std::size_t kMaxTables = std::size_t{1} << 20;

  LeafSearch(const WalkContext& context, const std::vector<MemoryWord>& words);

  // Without guest paging there are no leaves.
  void for_each(const std::function<void(const GuestLeaf&)>& handle);

  [[nodiscard]] std::size_t num_malformed() const { return num_malformed_; }
  [[nodiscard]] std::size_t num_unbacked_tables() const { return num_unbacked_tables_; }
  [[nodiscard]] bool is_cut_short() const { return num_tables_ >= kMaxTables; }

 private:
  struct Table {
    std::uint64_t gpa;
    std::uint8_t level;
    std::uint64_t gva;
    GuestRights rights;
  };

  void visit(const Table& table, const std::function<void(const GuestLeaf&)>& handle);
  [[nodiscard]] std::uint64_t entry_at(std::uint64_t hpa) const;

  WalkContext host_only_;
  WalkContext context_;
  StageRules rules_;
  ReferenceWalkService host_;
  WordStore store_;
  std::size_t num_tables_ = 0;
  std::size_t num_malformed_ = 0;
  std::size_t num_unbacked_tables_ = 0;
};

}  // namespace nestwalk
