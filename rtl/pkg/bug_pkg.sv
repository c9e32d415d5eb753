// Wrong behaviours that a test can switch on, one at a time: the list of tb/rtl_bugs.h, which says
// what each is. Only where NESTWALK_BUGS is defined; otherwise the RTL has none of this. Whoever
// instantiates the RTL drives `active`.
`ifdef NESTWALK_BUGS
package bug_pkg;

  typedef enum logic [5:0] {
    None = 6'd0,
    TruncatesPointers = 6'd1,
    WrapsTableAddress = 6'd2,
    WrapsPhysicalAddress = 6'd3,
    TableReadByAccess = 6'd4,
    TableFaultIsFinal = 6'd5,
    FaultSticks = 6'd6,
    NonCanonicalStays = 6'd7,
    ReadTakenBack = 6'd8,
    OvertakesWaiting = 6'd9,
    RootNotLatched = 6'd10,
    KeyLeftOver = 6'd11,
    KilledWalkVanishes = 6'd12,
    WidensUpdates = 6'd13,
    IgnoredBitsReserved = 6'd14,
    Pse36Of40Bits = 6'd15,
    GuestWidthOfHost = 6'd16,
    AcceptsWriteOnly = 6'd17,
    LeafRightsAlone = 6'd18,
    IgnoresHostUser = 6'd19,
    KeysByPrivilege = 6'd20,
    SmepNeedsWp = 6'd21,
    FetchFlagAlways = 6'd22,
    ExecuteOnlyTables = 6'd23,
    ReportsLeafRights = 6'd24,
    HitsUnjudged = 6'd25,
    LostUpdateStands = 6'd26,
    UpdatesUnasked = 6'd27,
    NptReadsTables = 6'd28,
    FailedUpdateStands = 6'd29,
    DirtyInTables = 6'd30,
    PageOutlivesInvept = 6'd31,
    X86BitsInEpt = 6'd32,
    AsidFlushKeepsHost = 6'd33,
    HostInGuestMode = 6'd34,
    TagsAtFill = 6'd35,
    OffsetOfLinearAddress = 6'd36,
    FillKeepsOverlaps = 6'd37,
    ProbesCountAsUse = 6'd38,
    TablesOfAnyMachine = 6'd39,
    KillsTheUnconcerned = 6'd40,
    TablesOutliveHost = 6'd41,
    TablesOutliveInvlpg = 6'd42,
    CacheForgetsRights = 6'd43,
    NamesFirstPieceAlone = 6'd44,
    StaleOperands = 6'd45,
    ForgetsKill = 6'd46,
    AcknowledgesEarly = 6'd47,
    FillOutlivesKill = 6'd48,
    FaultKeepsCaches = 6'd49
  } bug_e;

  logic [5:0] active;

endpackage
`endif
