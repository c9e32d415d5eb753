#include "model/guest/guest_machine.h"

#include <algorithm>

#include "model/arch/paging_format.h"
#include "model/guest/guest_layout.h"

namespace nestwalk {

std::optional<std::string> find_problem(const GuestMachine& machine) {
  const PagingFormat& format = format_of(machine.params.format);
  const std::string name(format.name);
  if (format.rules != RuleSet::kX86) {
    return "guest format " + name + " is a format of the host stage";
  }
  if (machine.memory_bytes == 0 || machine.memory_bytes % bit(kSmallPageBits) != 0) {
    return "guest memory of " + std::to_string(machine.memory_bytes) +
           " bytes is not a positive multiple of 4 KiB";
  }
  const std::uint64_t most = std::min(guest_layout(machine.params.format).max_memory_bytes,
                                      bit(machine.control.guest_maxphyaddr));
  if (machine.memory_bytes > most) {
    return "guest memory of " + std::to_string(machine.memory_bytes) + " bytes is more than the " +
           std::to_string(most) + " bytes that an " + name +
           " guest of this physical width can use";
  }
  return std::nullopt;
}

}  // namespace nestwalk
