#include "model/observe/decision_log.h"

#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

namespace nestwalk {

void DecisionLog::append(Decision decision) {
  decisions_.push_back(std::move(decision));
  if (decisions_.size() > capacity_) {
    decisions_.pop_front();
    ++num_dropped_;
  }
}

nlohmann::ordered_json DecisionLog::to_json() const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Decision& decision : decisions_) {
    nlohmann::ordered_json inputs = nlohmann::ordered_json::object();
    for (const DecisionInput& input : decision.inputs) {
      inputs[input.name] =
          std::isfinite(input.value) ? nlohmann::ordered_json(input.value) : nullptr;
    }
    nlohmann::ordered_json entry;
    entry["time_cycles"] = decision.time_cycles;
    entry["vm"] = decision.vm;
    entry["inputs"] = std::move(inputs);
    entry["decision"] = decision.decision;
    entry["reason"] = decision.reason;
    list.push_back(std::move(entry));
  }
  nlohmann::ordered_json log;
  log["dropped"] = num_dropped_;
  log["decisions"] = std::move(list);
  return log;
}

}  // namespace nestwalk
