// Include in the file of a SystemC program's main: switches the leak checker of the address
// sanitizer off there, because it reads whole heap blocks and dies on the protected pages of
// SystemC's coroutine stacks, now and then. All else that the sanitizer finds stays found.
#pragma once

#ifdef __SANITIZE_ADDRESS__
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming): the sanitizer's name
extern "C" const char* __asan_default_options() {
  return "detect_leaks=0";
}
#endif
