// Defaults plus a document to a parameter struct, strictly: whatever is wrong in the document is
// collected and thrown as one ConfigError.
//
//   const auto params = bind_config<RunParams>(ConfigDocument::load("run.yaml"));
//
// Works for every struct with describe(Root&, ParameterVisitor&). Rules between parameters are not
// known here: judge them afterwards and report them with ConfigDocument::problem_at().
#pragma once

#include <cstdint>
#include <functional>

#include "model/config/document.h"
#include "model/params/descriptor.h"

namespace nestwalk {

using DescribeFunction = std::function<void(ParameterVisitor&)>;

// Whether a path parameter must name a file that can be read. Empty paths name none.
enum class PathCheck : std::uint8_t { kMustExist, kAnyPath };

// Changes the values behind `describe_root`; they hold nothing of use when it throws.
void bind_parameters(const ConfigDocument& document, const DescribeFunction& describe_root,
                     PathCheck path_check = PathCheck::kMustExist);

template <class Root>
[[nodiscard]] Root bind_config(const ConfigDocument& document,
                               PathCheck path_check = PathCheck::kMustExist) {
  Root root{};
  bind_parameters(
      document, [&root](ParameterVisitor& v) { describe(root, v); }, path_check);
  return root;
}

}  // namespace nestwalk
