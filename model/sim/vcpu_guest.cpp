// The guest kernel's rarer calls: copying memory, and other CPUs of its VM.
#include <algorithm>
#include <array>

#include "model/arch/check.h"
#include "model/sim/vcpu.h"

namespace nestwalk {

void Vcpu::copy(const BlockCopy& block) {
  const std::uint64_t size = bit(block.bits);
  for (std::uint64_t done = 0; done < size;) {
    std::uint64_t word = 0;
    const std::span<std::byte> bytes = std::as_writable_bytes(std::span(&word, 1));
    const Translation from =
        access(block.from + done, AccessType::kRead, bytes, Cause::kGuestFrameCopy);
    const Translation to =
        access(block.to + done, AccessType::kWrite, bytes, Cause::kGuestFrameCopy);
    // Both are inside one page of 4 KiB at least.
    if (const std::byte* content = platform_.memory().page_if_present(from.hpa)) {
      std::array<std::byte, SparseMemory::kPageBytes> page;
      std::copy_n(content, page.size(), page.begin());
      platform_.memory().write_bytes(to.hpa, page);
    } else {
      platform_.memory().zero_bytes(to.hpa, SparseMemory::kPageBytes);
    }
    done += SparseMemory::kPageBytes;
  }
}

void Vcpu::invalidate_remote(std::span<const Invalidation> /*operations*/, CpuSet targets) {
  fatal_unless(targets.is_empty(), "a VM has one virtual CPU");
}

void Vcpu::write_cr3_remote(const Cr3Value& /*value*/, CpuSet targets) {
  fatal_unless(targets.is_empty(), "a VM has one virtual CPU");
}

}  // namespace nestwalk
