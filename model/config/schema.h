// The JSON Schema of a configuration file, draft-07, for editors and other validators.
//
//   std::cout << json_schema<RunParams>("Nestwalk run").dump(2) << '\n';
//
// It says what the loader says about single values; what it cannot say (a power of two behind a
// size with a unit, whether a file exists) only the loader checks.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "model/config/binder.h"

namespace nestwalk {

// The values behind `describe_root` become the defaults; its lists are left with one element.
[[nodiscard]] nlohmann::ordered_json json_schema_of(const DescribeFunction& describe_root,
                                                    const std::string& title);

template <class Root>
[[nodiscard]] nlohmann::ordered_json json_schema(const std::string& title) {
  const auto root = std::make_unique<Root>();  // on the heap: gcc 12 warns falsely of a local one
  return json_schema_of([&root](ParameterVisitor& v) { describe(*root, v); }, title);
}

}  // namespace nestwalk
