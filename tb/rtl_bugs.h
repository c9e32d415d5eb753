// The bug zoo of the RTL walker: wrong behaviours that can be switched on, one at a time, in the
// variant `+bugs` of a set of parameters. Each is one that another MMU had, by its number in the
// catalogue of such bugs; each must be found by the regression.
//
//   const std::unique_ptr<PinWalker> walker = open_walker_set("small+bugs");
//   walker->switch_bug(number);      // kRtlBugs[number - 1]; 0: none
//
// The RTL has the same list: rtl/pkg/bug_pkg.sv, whose numbers are the places here.
#pragma once

#include <array>
#include <string_view>

namespace nestwalk {

struct RtlBug {
  std::string_view name;       // that of bug_pkg
  std::string_view catalogue;  // number of the scenario
  std::string_view text;
};

inline constexpr auto kRtlBugs = std::to_array<RtlBug>({
    // Walker: addresses, order, errors, progress.
    {"TruncatesPointers", "WLK-01", "the HPA of a guest table loses its bits above 40"},
    {"WrapsTableAddress", "WLK-02", "a guest table beyond the host's input width wraps"},
    {"WrapsPhysicalAddress", "WLK-04", "without guest paging an address beyond that width wraps"},
    {"TableReadByAccess", "WLK-05", "a table is read with the rights of the access"},
    {"TableFaultIsFinal", "WLK-06", "a fault on a guest table says that it is on the page"},
    {"FaultSticks", "WLK-08", "the fault of a walk ends the next one in the slot too"},
    {"NonCanonicalStays", "WLK-09", "a non-canonical address is never answered"},
    {"ReadTakenBack", "WLK-12", "an invalidation takes back a read that waits to be taken"},
    {"OvertakesWaiting", "WLK-12", "another slot's record replaces one that waits to be taken"},
    {"RootNotLatched", "WLK-13", "a walk begins at the root of the request that waits behind it"},
    {"KeyLeftOver", "WLK-16", "a page without a protection key has that of the walk before"},
    {"KilledWalkVanishes", "WLK-17", "a walk that is killed at a lookup is never answered"},
    {"WidensUpdates", "WLK-21", "a 4-byte entry is written back with 8 bytes"},
    // Reserved bits and misconfiguration.
    {"IgnoredBitsReserved", "RSV-02", "bits 11:9 of x86 entries are reserved"},
    {"Pse36Of40Bits", "RSV-04", "the width of 4M pages is 40 bits whatever MAXPHYADDR is"},
    {"GuestWidthOfHost", "RSV-05", "guest entries are judged by the host's physical width"},
    {"AcceptsWriteOnly", "RSV-08", "EPT entries that cannot be read are no misconfiguration"},
    // Permissions.
    {"LeafRightsAlone", "PRM-01", "the rights of the guest's leaf are those of the path"},
    {"IgnoresHostUser", "PRM-02", "the U bit of the host stage is not asked for"},
    {"KeysByPrivilege", "PRM-06", "protection keys hold for user accesses, not for user pages"},
    {"SmepNeedsWp", "PRM-08", "SMEP works with CR0.WP alone"},
    {"FetchFlagAlways", "PRM-10", "a fetch is reported without NX and SMEP too"},
    {"ExecuteOnlyTables", "PRM-17", "an execute-only page may hold guest tables"},
    {"ReportsLeafRights", "PRM-18", "an EPT violation reports the rights of the leaf alone"},
    {"HitsUnjudged", "TLB-12", "the nested TLB serves accesses that its page does not permit"},
    // Accessed and dirty bits.
    {"LostUpdateStands", "AD-01", "an update that was lost counts as made"},
    {"UpdatesUnasked", "AD-02", "a guest entry is written although the host stage denies it"},
    {"NptReadsTables", "AD-04", "walks of guest tables are reads under NPT"},
    {"FailedUpdateStands", "AD-05", "an update that the memory refused counts as made"},
    {"DirtyInTables", "AD-08", "D is set in entries that are no leaves"},
    // Nested TLB.
    {"PageOutlivesInvept", "NTL-02", "INVEPT of one EP4TA leaves the nested TLB alone"},
    {"X86BitsInEpt", "NTL-06", "A and D of EPT entries are set where x86 has them"},
    {"AsidFlushKeepsHost", "NTL-09", "a flush by ASID keeps what the host stage gave"},
    {"HostInGuestMode", "NTL-10", "the host side of NPT runs with the guest's EFER.NXE"},
    {"TagsAtFill", "TLB-01", "entries get the tags that stand at the pins when they are made"},
    {"OffsetOfLinearAddress", "TLB-08", "the offset within a host page is that of the GVA"},
    {"FillKeepsOverlaps", "TLB-14", "a fill leaves the entries that it overlaps"},
    {"ProbesCountAsUse", "TLB-18", "an invalidation changes what was used last"},
    // Walk caches.
    {"TablesOfAnyMachine", "PWC-02", "pointers to tables are told apart by VPID and PCID alone"},
    {"KillsTheUnconcerned", "PWC-06", "an invalidation kills walks that it does not concern"},
    {"TablesOutliveHost", "PWC-08", "guest tables stay where the host stage put them"},
    {"TablesOutliveInvlpg", "PWC-09", "INVLPG keeps pointers to tables"},
    {"CacheForgetsRights", "PWC-10", "a cached pointer has all rights of the guest stage"},
    // Invalidation.
    {"NamesFirstPieceAlone", "INV-01", "an address names a large page in its own 4K piece alone"},
    {"StaleOperands", "INV-02", "an invalidation has the addresses of a walk's last operation"},
    {"ForgetsKill", "INV-04", "a walk that waits for data when it is killed goes on"},
    {"AcknowledgesEarly", "INV-04", "the acknowledgement waits for no update or response"},
    {"FillOutlivesKill", "CON-01", "a walk that is killed between read and fill fills"},
    {"FaultKeepsCaches", "TLB-06", "a fault drops nothing, and comes back for ever"},
});

}  // namespace nestwalk
