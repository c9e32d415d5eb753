# The sets of RTL parameters that can be opened by name (tb/walker_set.h), each with what it is for.
# A parameter that is not named has the default of rtl/walker/nested_walker.sv.
#
# nestwalk_walker_set(NAME "what it is for" Slots=4 ...)
nestwalk_walker_set(one_slot "one walk at a time, no caches" Slots=1)
nestwalk_walker_set(two_slots "two walks at a time, no caches" Slots=2)
nestwalk_walker_set(four_slots "several walks at a time, no caches" Slots=4)
nestwalk_walker_set(sixteen_slots "as many walks as there can be, no caches" Slots=16)
nestwalk_walker_set(one_slot_ntlb "a nested TLB of one entry: every fill evicts" Slots=1
                    NtlbEntries=1)
nestwalk_walker_set(ntlb "a small nested TLB: evictions are frequent" Slots=4 NtlbEntries=4)
nestwalk_walker_set(pwc "walk caches of both stages" Slots=1 GuestPwcEntries=8 HostPwcEntries=8)
nestwalk_walker_set(pwc_one_entry "walk caches of one entry: every fill evicts" Slots=2
                    GuestPwcEntries=1 HostPwcEntries=1)
nestwalk_walker_set(pwc_per_level "walk caches split by level, guest entries by guest address" Slots=2
                    GuestPwcEntries=2 HostPwcEntries=2 PwcPerLevel=1 PwcGuestAddress=1)
nestwalk_walker_set(guest_pwc "a walk cache of the guest stage beside a nested TLB, as AMD has it"
                    Slots=2 NtlbEntries=4 GuestPwcEntries=4 PwcGuestAddress=1)
nestwalk_walker_set(host_pwc "a walk cache of the host stage alone" Slots=1 HostPwcEntries=3)
nestwalk_walker_set(small "a little of everything: soon built" Slots=2 NtlbEntries=4
                    GuestPwcEntries=4 HostPwcEntries=4)
nestwalk_walker_set(medium "all structures, with room for what two walks cache" Slots=2 NtlbEntries=16
                    GuestPwcEntries=8 HostPwcEntries=8)
nestwalk_walker_set(everything "the largest walker: minutes to build" Slots=16 NtlbEntries=16 GuestPwcEntries=8
                    HostPwcEntries=8)
