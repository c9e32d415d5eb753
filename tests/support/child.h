// Something done in an operating-system process of its own, which inherits all that the caller has:
// SystemC has one simulation context per process, and a test wants several.
//
//   const std::string text = text_of_child([&] { return run_and_report(params); });
//
// Call it before the caller elaborates anything itself.
#pragma once

#include <functional>
#include <string>

namespace nestwalk {

// Empty, or cut off, if the child dies.
[[nodiscard]] std::string text_of_child(const std::function<std::string()>& work);

}  // namespace nestwalk
