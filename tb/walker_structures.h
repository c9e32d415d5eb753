// What an RTL walker was built with, as its pins tell.
#pragma once

namespace nestwalk {

struct WalkerStructures {
  unsigned slots = 1;
  unsigned ntlb_entries = 0;       // 0: no nested TLB
  unsigned guest_pwc_entries = 0;  // of the walk cache of the guest stage; 0: none
  unsigned host_pwc_entries = 0;
  bool pwc_per_level = false;      // so many entries for each level, otherwise for all
  bool pwc_guest_address = false;  // guest entries hold the GPA of the next table
};

}  // namespace nestwalk
