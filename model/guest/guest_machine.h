// What a guest kernel finds when it starts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/arch/access.h"
#include "model/params/guest.h"

namespace nestwalk {

struct GuestMachine {
  GuestParams params;
  Control control;  // of the CPU: NXE, PSE, 1G pages, guest_maxphyaddr ...
  std::uint64_t memory_bytes = 0;
};

// What is wrong with the machine, as a message, or nothing.
[[nodiscard]] std::optional<std::string> find_problem(const GuestMachine& machine);

}  // namespace nestwalk
