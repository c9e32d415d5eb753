#include "model/memory/table_builder.h"

namespace nestwalk {

std::optional<std::uint64_t> HostTables::allocate_table(unsigned) const {
  const std::optional<Hpa> frame = frames.allocate(kSmallPageBits);
  if (!frame) {
    return std::nullopt;
  }
  memory.zero_bytes(*frame, bit(kSmallPageBits));
  return frame->value();
}

void HostTables::free_table(std::uint64_t address, unsigned) const {
  frames.free(Hpa(address), kSmallPageBits);
}

}  // namespace nestwalk
