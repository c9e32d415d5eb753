// What the library of an RTL parameter set exports to walker_set.cpp. Nobody else opens one.
#pragma once

namespace nestwalk {
class PinWalker;
}

// The names are those that dlsym() is asked for.
extern "C" {
// The digest of the headers that both sides must share; another one: the library is of another
// state of the project.
__attribute__((visibility("default"))) const char* nestwalk_walker_abi();
// The caller deletes it, before it closes the library.
__attribute__((visibility("default"))) nestwalk::PinWalker* nestwalk_walker_new();
}
