#include "model/hypervisor/guest_write.h"

#include "model/arch/check.h"
#include "model/hypervisor/nested_pager.h"

namespace nestwalk {

bool write_guest(const HostContext& context, Cause cause, Gpa address, unsigned num_bytes,
                 std::uint64_t value) {
  fatal_unless(address.value() < context.vm.params.memory_bytes,
               "the hypervisor writes to memory that the guest has");
  HostStage stage(context, cause);
  HostEntry leaf = stage.find(address);
  if (!stage.view(leaf).is_leaf()) {
    if (NestedPager(context, cause).back(address, AccessType::kRead) == BackOutcome::kOutOfMemory) {
      return false;
    }
    leaf = stage.find(address);
  }
  context.vm.log_write(address);
  const Hpa page(stage.view(leaf).address());
  context.port.store(page + address.offset(stage.page_bits(leaf)), num_bytes, value);
  return true;
}

}  // namespace nestwalk
