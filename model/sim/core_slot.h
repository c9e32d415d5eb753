// A core as software sees it: where a virtual CPU runs, and the book of its cycles.
#pragma once

#include <cstdint>
#include <map>

#include "model/sim/cycle_book.h"
#include "model/sim/platform.h"

namespace nestwalk {

class Vcpu;

struct CoreSlot {
  CoreSlot(Platform& p, unsigned number, Ledger& ledger)
      : platform(p), index(number), core(p.core(number)), book(core, p.mmu(number), ledger) {}

  Platform& platform;
  unsigned index;
  Core& core;
  CycleBook book;
  const Vcpu* running = nullptr;  // the virtual CPU that has the core
  // By VM: the virtual CPU that ran here last and may have left translations behind.
  std::map<std::uint32_t, const Vcpu*> last_vcpu;
};

}  // namespace nestwalk
