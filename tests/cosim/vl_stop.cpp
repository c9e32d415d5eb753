// What Verilator calls when an assertion of a module fails (compiled with VL_USER_STOP): a failed
// test. For tests that link a verilated module without PinWalker, which keeps such failures itself.
#include <gtest/gtest.h>
#include <verilated.h>

// NOLINTNEXTLINE(readability-identifier-naming): the name is Verilator's
void vl_stop(const char* file, int line, const char* scope) {
  ADD_FAILURE() << file << ":" << line << " in " << scope;
}
