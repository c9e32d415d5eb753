// YAML text to a ConfigNode tree with positions. Stricter than YAML: one document, text keys, no
// duplicate key, no tags. Knows nothing of parameters or of files.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "model/config/node.h"

namespace nestwalk {

// Throws ConfigError when the text is no YAML at all; what is YAML but not allowed is appended to
// `problems` and reading goes on. Text without any content gives a kNull node.
[[nodiscard]] ConfigNode read_yaml(std::string_view text,
                                   std::shared_ptr<const ConfigSource> source,
                                   std::vector<ConfigProblem>& problems);

}  // namespace nestwalk
