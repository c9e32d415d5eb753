#include "model/config/node.h"

#include <utility>

namespace nestwalk {

const ConfigEntry* ConfigNode::find(std::string_view key) const {
  for (const ConfigEntry& entry : entries) {
    if (entry.key == key) {
      return &entry;
    }
  }
  return nullptr;
}

ConfigEntry* ConfigNode::find(std::string_view key) {
  return const_cast<ConfigEntry*>(std::as_const(*this).find(key));
}

void merge_config(ConfigNode& lower, ConfigNode upper) {
  if (lower.kind != ConfigNodeKind::kMapping || upper.kind != ConfigNodeKind::kMapping) {
    lower = std::move(upper);
    return;
  }
  lower.mark = upper.mark;
  for (ConfigEntry& entry : upper.entries) {
    if (ConfigEntry* below = lower.find(entry.key)) {
      below->mark = entry.mark;
      merge_config(below->value, std::move(entry.value));
    } else {
      lower.entries.push_back(std::move(entry));
    }
  }
}

}  // namespace nestwalk
