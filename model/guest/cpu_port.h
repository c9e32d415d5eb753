// What a guest kernel can do with its CPU. After boot this is the kernel's only way to memory.
//
//   port.store(layout.direct(entry), 8, word);  // a supervisor store, through the Mmu
//   port.spend(Cause::kGuestPageFault, params.fault_cycles);
//
// Every call takes simulated time. A nested fault under an access is served by the hypervisor and
// stays invisible here; a guest page fault under one is a bug of the kernel model and is fatal. The
// port holds no policy: what to write, and what to invalidate when, is the kernel's business.
#pragma once

#include <cstdint>
#include <span>

#include "model/arch/access.h"
#include "model/arch/address.h"
#include "model/arch/invalidation.h"
#include "model/arch/paging_format.h"
#include "model/arch/swap.h"
#include "model/arch/tags.h"
#include "model/guest/cpu_set.h"
#include "model/observe/ledger.h"
#include "model/observe/software_log.h"

namespace nestwalk {

// CR0, CR4 and EFER as far as they decide how the guest stage works.
struct PagingControl {
  bool paging = true;  // CR0.PG
  FormatId format = FormatId::kX86FourLevel;
  bool pcid = false;         // CR4.PCIDE
  bool global_pages = true;  // CR4.PGE: without it the G bit of entries means nothing
  Control control;
};

// What MOV to CR3 loads.
struct Cr3Value {
  Gpa root;
  Pcid pcid{};
  bool no_flush = false;  // bit 63: keep what is cached for this PCID (CR4.PCIDE = 1 only)
};

// What copy() copies: two naturally aligned blocks of 2^bits bytes, bits >= 12.
struct BlockCopy {
  Gva to;
  Gva from;
  unsigned bits = kSmallPageBits;
};

class CpuPort {
 public:
  virtual ~CpuPort() = default;

  // Which virtual CPU of its VM this is, from 0.
  [[nodiscard]] virtual unsigned cpu() const = 0;

  // Supervisor accesses of 1, 2, 4 or 8 bytes, naturally aligned.
  [[nodiscard]] virtual std::uint64_t load(Gva address, unsigned bytes) = 0;
  virtual void store(Gva address, unsigned bytes, std::uint64_t value) = 0;
  // False, and nothing stored, if the word at the address is not the expected one.
  [[nodiscard]] virtual bool compare_and_swap(Gva address, const Swap& swap) = 0;

  // Zeroes the naturally aligned block of 2^bits bytes (bits >= 12) by supervisor stores. The port
  // takes the time of their translations, once per page entered; the time of the stores themselves
  // is the kernel's to spend.
  virtual void clear(Gva address, unsigned bits) = 0;

  // Copies such a block, with the time of both translations as clear() has it.
  virtual void copy(const BlockCopy& block) = 0;

  virtual void spend(Cause cause, std::uint64_t cycles) = 0;

  // What the next store writes, for a log of what software does.
  virtual void note_table(const TableNote& /*note*/) {}

  // INVLPG and the INVPCID types. The kernel gives op, address and (INVPCID) tags.pcid; the port
  // adds the tags in force and the machine's tag rules. Returns when acknowledged.
  virtual void invalidate(const Invalidation& invalidation) = 0;

  // MOV to CR3 with what it drops by architecture, and the load of the PDPTEs under PAE.
  virtual void write_cr3(const Cr3Value& value) = 0;

  // An interrupt to other CPUs of the same VM, which all run the process of the operations' PCID:
  // each carries all of them out on itself. Returns when all have acknowledged. Operations:
  // INVLPG (address) and MOV to CR3 of the root that is loaded already.
  virtual void invalidate_remote(std::span<const Invalidation> operations, CpuSet targets) = 0;

  // The same for MOV to CR3: each target loads the value.
  virtual void write_cr3_remote(const Cr3Value& value, CpuSet targets) = 0;

  // MOV to CR0, CR4 and EFER in one step, with what the change drops by architecture.
  virtual void write_control(const PagingControl& control) = 0;
};

// Guest memory before paging is on: used by GuestKernel::boot and by nothing else. Untimed.
class BootMemory {
 public:
  virtual ~BootMemory() = default;
  // 4 or 8 bytes, naturally aligned.
  virtual void write(Gpa address, unsigned bytes, std::uint64_t value) = 0;
};

}  // namespace nestwalk
