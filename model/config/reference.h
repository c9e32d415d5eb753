// The reference page of a configuration file: every key with type, default, unit and range.
//
//   std::cout << reference_markdown<RunParams>("Configuration reference");
#pragma once

#include <memory>
#include <string>

#include "model/config/binder.h"

namespace nestwalk {

// The values behind `describe_root` become the defaults; its lists are left with one element.
[[nodiscard]] std::string reference_markdown_of(const DescribeFunction& describe_root,
                                                const std::string& title);

template <class Root>
[[nodiscard]] std::string reference_markdown(const std::string& title) {
  const auto root = std::make_unique<Root>();  // on the heap: gcc 12 warns falsely of a local one
  return reference_markdown_of([&root](ParameterVisitor& v) { describe(*root, v); }, title);
}

}  // namespace nestwalk
