// The reference page of a configuration file: every key with type, default, unit and range.
//
//   std::cout << reference_markdown<RunParams>("Configuration reference");
#pragma once

#include <string>

#include "model/config/binder.h"

namespace nestwalk {

// The values behind `describe_root` become the defaults; its lists are left with one element.
[[nodiscard]] std::string reference_markdown_of(const DescribeFunction& describe_root,
                                                const std::string& title);

template <class Root>
[[nodiscard]] std::string reference_markdown(const std::string& title) {
  Root root{};
  return reference_markdown_of([&root](ParameterVisitor& v) { describe(root, v); }, title);
}

}  // namespace nestwalk
