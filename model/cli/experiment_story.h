// A step of an experiment as a story, from its log: who does what, in order; and in one line, who
// was entered, who wrote which table, what was flushed.
#pragma once

#include <string>
#include <vector>

#include "model/arch/address.h"
#include "model/cli/experiment.h"
#include "model/cli/experiment_run.h"

namespace nestwalk {

// Names "VA 2" for the second page from `base` on.
struct StoryPages {
  Gva base;
  std::uint64_t num_pages = 0;
  [[nodiscard]] std::string name_of(std::uint64_t address) const;
};

struct StorySummary {
  std::string entered;  // "hypervisor, guest kernel, hypervisor x2"; nobody: "nobody"
  std::string writes;   // "guest kernel: 1 guest; hypervisor: 2 shadow"
  std::string flushed;  // "invlpg (1), invvpid_single (12)": entries dropped
  std::uint64_t num_exits = 0;
};
[[nodiscard]] StorySummary summary_of(const std::vector<LogRecord>& log);
// The same names in order, each time that somebody else is entered.
[[nodiscard]] std::vector<LogActor> entries_of(const std::vector<LogRecord>& log);
// One row per record: {cycle since the first one, who, what}.
[[nodiscard]] TextTable story_of(const StepResult& step, const StoryPages& pages);

}  // namespace nestwalk
