// The registers of a virtual CPU that decide what its guest's tables mean: what a hypervisor reads
// from the guest-state area at an exit.
#pragma once

#include "model/arch/access.h"
#include "model/arch/address.h"
#include "model/arch/paging_format.h"
#include "model/walk/context.h"

namespace nestwalk {

struct GuestRegisters {
  bool paging = true;  // CR0.PG
  FormatId format = FormatId::kX86FourLevel;
  Gpa root;  // CR3
  Control control;
  PdpteRegisters pdptes;  // of a PAE guest, if the processor holds them
};

}  // namespace nestwalk
