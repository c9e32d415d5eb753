// Functional coverage of a co-simulation: which of the situations that there are have occurred, by
// bins that are all named before anything runs, so that holes have names too.
//
//   CosimCoverage coverage;
//   run.observe_with([&](const Record& record) { coverage.observe(record); });
//   coverage.text();   // each group with its share and its holes
//
// Only what can occur has a bin. Not for code: see code_coverage.h.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tb/walker_record.h"

namespace nestwalk {

class CosimCoverage {
 public:
  CosimCoverage();

  void observe(const Record& record);

  [[nodiscard]] std::size_t num_bins() const;
  [[nodiscard]] std::size_t num_hit() const;
  // Names of the bins that nothing has fallen into, "group: bin".
  [[nodiscard]] std::vector<std::string> holes() const;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string html() const;  // the inside of a page

  // Counts for another process, which adds them to its own: lines `COUNT GROUP: BIN`.
  [[nodiscard]] std::string counts() const;
  // False: it is no such text; what was read of it has been added.
  [[nodiscard]] bool add(const std::string& counts);

 private:
  using Bins = std::map<std::string, std::uint64_t>;

  // Nothing where there is no such bin: a configuration may be drawn that no bin is about.
  void hit(const std::string& group, const std::string& bin);
  void responded(const WalkerRequest& request, const WalkerResponse& response);

  std::map<std::string, Bins> groups_;
  std::array<WalkerRequest, 16> slots_;  // what each slot is busy with
};

}  // namespace nestwalk
