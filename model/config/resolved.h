// The resolved configuration: every parameter with the value it has, as YAML that can be run again.
//
//   std::ofstream(folder / "config.yaml") << resolved_yaml(params);
//
// One text per value: equal parameters give equal bytes, and loading the text gives equal
// parameters. Paths come out absolute. Comments and `extends` of the original are not kept.
#pragma once

#include <string>

#include "model/config/binder.h"

namespace nestwalk {

[[nodiscard]] std::string resolved_yaml_of(const DescribeFunction& describe_root);

template <class Root>
[[nodiscard]] std::string resolved_yaml(const Root& root) {
  Root copy = root;
  return resolved_yaml_of([&copy](ParameterVisitor& v) { describe(copy, v); });
}

}  // namespace nestwalk
