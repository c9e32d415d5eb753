#include "model/sim/boot_port.h"

#include "model/arch/paging_format.h"
#include "model/sim/vcpu.h"

namespace nestwalk {

void GuestBootMemory::write(Gpa address, unsigned bytes, std::uint64_t value) {
  if (hypervisor_ == nullptr) {
    memory_.write(identity(address), bytes, value);
    return;
  }
  std::optional<Hpa> hpa = hypervisor_->translate(memory_, vm_, address);
  if (!hpa) {
    const Gpa page = address.page(kSmallPageBits);
    if (!hypervisor_->populate(port_, vm_, page, bit(kSmallPageBits))) {
      throw VmStopped("the host has no memory left to boot a VM (machine.memory_bytes)");
    }
    hpa = hypervisor_->translate(memory_, vm_, address);
  }
  memory_.write(*hpa, bytes, value);
}

}  // namespace nestwalk
