// Printed from model/arch by emit_sv_package; do not edit. The build target `regen` writes it.
package mmu_arch_pkg;

  typedef enum logic [2:0] {
    FormatX86TwoLevel = 3'd0,
    FormatX86Pae = 3'd1,
    FormatX86FourLevel = 3'd2,
    FormatX86FiveLevel = 3'd3,
    FormatEptFourLevel = 3'd4,
    FormatEptFiveLevel = 3'd5
  } format_e;

  typedef enum logic [0:0] {
    StageGuest = 1'd0,
    StageHost = 1'd1
  } stage_e;

  typedef enum logic [1:0] {
    AccessRead = 2'd0,
    AccessWrite = 2'd1,
    AccessFetch = 2'd2
  } access_e;

  typedef enum logic [2:0] {
    FaultGuestPageFault = 3'd0,
    FaultEptViolation = 3'd1,
    FaultEptMisconfiguration = 3'd2,
    FaultNestedPageFault = 3'd3,
    FaultNonCanonical = 3'd4,
    FaultPdpteReserved = 3'd5,
    FaultMemoryError = 3'd6
  } fault_e;

  typedef enum logic [3:0] {
    EventInvalidate = 4'd0,
    EventFill = 4'd1,
    EventLookup = 4'd2,
    EventAccept = 4'd3,
    EventRead = 4'd4,
    EventReadData = 4'd5,
    EventUpdate = 4'd6,
    EventRespond = 4'd7,
    EventRestart = 4'd8,
    EventKill = 4'd9
  } event_e;

  typedef enum logic [0:0] {
    TagIntel = 1'd0,
    TagAmd = 1'd1
  } tag_rules_e;

  typedef enum logic [1:0] {
    MappingLinear = 2'd0,
    MappingGuestPhysical = 2'd1,
    MappingCombined = 2'd2
  } mapping_e;

  typedef enum logic [4:0] {
    OpInvlpg = 5'd0,
    OpInvpcidAddress = 5'd1,
    OpInvpcidSingle = 5'd2,
    OpInvpcidAllWithGlobals = 5'd3,
    OpInvpcidAll = 5'd4,
    OpMovCr3 = 5'd5,
    OpMovCr3NoFlush = 5'd6,
    OpMovCr4 = 5'd7,
    OpInvvpidAddress = 5'd8,
    OpInvvpidSingle = 5'd9,
    OpInvvpidAll = 5'd10,
    OpInvvpidSingleKeepGlobal = 5'd11,
    OpInveptSingle = 5'd12,
    OpInveptAll = 5'd13,
    OpVmTransition = 5'd14,
    OpEptViolation = 5'd15,
    OpInvlpga = 5'd16,
    OpTlbControlAll = 5'd17,
    OpTlbControlAsid = 5'd18,
    OpTlbControlAsidNonGlobal = 5'd19,
    OpNestedPageFault = 5'd20,
    OpPageFault = 5'd21
  } invalidate_op_e;

  // Bits of x86 entries; NPT entries are x86 entries.
  localparam int unsigned X86_PRESENT = 0;
  localparam int unsigned X86_WRITE = 1;
  localparam int unsigned X86_USER = 2;
  localparam int unsigned X86_ACCESSED = 5;
  localparam int unsigned X86_DIRTY = 6;
  localparam int unsigned X86_PAGE_SIZE = 7;
  localparam int unsigned X86_GLOBAL = 8;
  localparam int unsigned X86_KEY_LOW = 59;
  localparam int unsigned X86_KEY_WIDTH = 4;
  localparam int unsigned X86_NO_EXECUTE = 63;

  // Bits of EPT entries.
  localparam int unsigned EPT_READ = 0;
  localparam int unsigned EPT_WRITE = 1;
  localparam int unsigned EPT_EXECUTE = 2;
  localparam int unsigned EPT_TYPE_LOW = 3;
  localparam int unsigned EPT_TYPE_WIDTH = 3;
  localparam int unsigned EPT_PAGE_SIZE = 7;
  localparam int unsigned EPT_ACCESSED = 8;
  localparam int unsigned EPT_DIRTY = 9;
  localparam int unsigned EPT_USER_EXECUTE = 10;

  // Bits of the error code of #PF and #NPF.
  localparam int unsigned CODE_PRESENT = 0;
  localparam int unsigned CODE_WRITE = 1;
  localparam int unsigned CODE_USER = 2;
  localparam int unsigned CODE_RESERVED = 3;
  localparam int unsigned CODE_FETCH = 4;
  localparam int unsigned CODE_PROTECTION_KEY = 5;
  localparam int unsigned CODE_FINAL = 32;
  localparam int unsigned CODE_GUEST_TABLE = 33;

  // Bits of the exit qualification of an EPT violation.
  localparam int unsigned QUAL_READ = 0;
  localparam int unsigned QUAL_WRITE = 1;
  localparam int unsigned QUAL_FETCH = 2;
  localparam int unsigned QUAL_READABLE = 3;
  localparam int unsigned QUAL_WRITABLE = 4;
  localparam int unsigned QUAL_EXECUTABLE = 5;
  localparam int unsigned QUAL_USER_EXECUTABLE = 6;
  localparam int unsigned QUAL_LINEAR_VALID = 7;
  localparam int unsigned QUAL_FINAL = 8;

  // Bits of accumulated rights.
  localparam int unsigned GUEST_RIGHTS = 3;
  localparam int unsigned GUEST_WRITE = 0;
  localparam int unsigned GUEST_USER = 1;
  localparam int unsigned GUEST_EXECUTE = 2;
  localparam int unsigned HOST_RIGHTS = 5;
  localparam int unsigned HOST_READ = 0;
  localparam int unsigned HOST_WRITE = 1;
  localparam int unsigned HOST_EXECUTE = 2;
  localparam int unsigned HOST_USER_EXECUTE = 3;
  localparam int unsigned HOST_USER = 4;

  localparam int unsigned MAX_LEVELS = 5;
  localparam int unsigned MAX_PHYSICAL_BITS = 52;
  localparam int unsigned NO_PAGE_BITS = 64;
  localparam int unsigned PDPTES = 4;

  // Levels of the format.
  function automatic logic [2:0] levels(
      input logic [2:0] format);
    case (format)
      3'd0: levels = 3'd2;
      3'd1: levels = 3'd3;
      3'd2: levels = 3'd4;
      3'd3: levels = 3'd5;
      3'd4: levels = 3'd4;
      3'd5: levels = 3'd5;
      default: levels = '0;
    endcase
  endfunction

  // Entries follow EPT's rules; otherwise x86's.
  function automatic logic is_ept(
      input logic [2:0] format);
    case (format)
      3'd4: is_ept = 1'd1;
      3'd5: is_ept = 1'd1;
      default: is_ept = '0;
    endcase
  endfunction

  // Entries have 4 bytes; otherwise 8.
  function automatic logic has_short_entries(
      input logic [2:0] format);
    case (format)
      3'd0: has_short_entries = 1'd1;
      default: has_short_entries = '0;
    endcase
  endfunction

  // Input addresses must be canonical.
  function automatic logic is_sign_extended(
      input logic [2:0] format);
    case (format)
      3'd2: is_sign_extended = 1'd1;
      3'd3: is_sign_extended = 1'd1;
      default: is_sign_extended = '0;
    endcase
  endfunction

  // Bit 63 is NX where it is enabled.
  function automatic logic has_no_execute(
      input logic [2:0] format);
    case (format)
      3'd1: has_no_execute = 1'd1;
      3'd2: has_no_execute = 1'd1;
      3'd3: has_no_execute = 1'd1;
      default: has_no_execute = '0;
    endcase
  endfunction

  // Leaves carry a protection key.
  function automatic logic has_protection_keys(
      input logic [2:0] format);
    case (format)
      3'd2: has_protection_keys = 1'd1;
      3'd3: has_protection_keys = 1'd1;
      default: has_protection_keys = '0;
    endcase
  endfunction

  // Bits that no translated address has.
  function automatic logic [63:0] beyond_input(
      input logic [2:0] format);
    case (format)
      3'd0: beyond_input = 64'hffffffff00000000;
      3'd1: beyond_input = 64'hffffffff00000000;
      3'd2: beyond_input = 64'hffff000000000000;
      3'd3: beyond_input = 64'hfe00000000000000;
      3'd4: beyond_input = 64'hffff000000000000;
      3'd5: beyond_input = 64'hfe00000000000000;
      default: beyond_input = '0;
    endcase
  endfunction

  // Bits that a canonical address has all equal.
  function automatic logic [63:0] canonical_mask(
      input logic [2:0] format);
    case (format)
      3'd0: canonical_mask = 64'hffffffff80000000;
      3'd1: canonical_mask = 64'hffffffff80000000;
      3'd2: canonical_mask = 64'hffff800000000000;
      3'd3: canonical_mask = 64'hff00000000000000;
      3'd4: canonical_mask = 64'hffff800000000000;
      3'd5: canonical_mask = 64'hff00000000000000;
      default: canonical_mask = '0;
    endcase
  endfunction

  // Entry bits that are address bits or reserved for them.
  function automatic logic [63:0] physical_mask(
      input logic [2:0] format);
    case (format)
      3'd1: physical_mask = 64'h7fffffffffffffff;
      3'd2: physical_mask = 64'hfffffffffffff;
      3'd3: physical_mask = 64'hfffffffffffff;
      3'd4: physical_mask = 64'hfffffffffffff;
      3'd5: physical_mask = 64'hfffffffffffff;
      default: physical_mask = '0;
    endcase
  endfunction

  // Address bits of the root register.
  function automatic logic [63:0] root_mask(
      input logic [2:0] format);
    case (format)
      3'd0: root_mask = 64'hfffff000;
      3'd1: root_mask = 64'hffffffe0;
      3'd2: root_mask = 64'hffffffffff000;
      3'd3: root_mask = 64'hffffffffff000;
      3'd4: root_mask = 64'hffffffffff000;
      3'd5: root_mask = 64'hffffffffff000;
      default: root_mask = '0;
    endcase
  endfunction

  // The page-size bit makes an entry of this level a leaf; level 1 is one anyway.
  function automatic logic can_be_leaf(
      input logic [2:0] format, input logic [2:0] level);
    case ({format, level})
      {3'd0, 3'd1}: can_be_leaf = 1'd1;
      {3'd0, 3'd2}: can_be_leaf = 1'd1;
      {3'd1, 3'd1}: can_be_leaf = 1'd1;
      {3'd1, 3'd2}: can_be_leaf = 1'd1;
      {3'd2, 3'd1}: can_be_leaf = 1'd1;
      {3'd2, 3'd2}: can_be_leaf = 1'd1;
      {3'd2, 3'd3}: can_be_leaf = 1'd1;
      {3'd3, 3'd1}: can_be_leaf = 1'd1;
      {3'd3, 3'd2}: can_be_leaf = 1'd1;
      {3'd3, 3'd3}: can_be_leaf = 1'd1;
      {3'd4, 3'd1}: can_be_leaf = 1'd1;
      {3'd4, 3'd2}: can_be_leaf = 1'd1;
      {3'd4, 3'd3}: can_be_leaf = 1'd1;
      {3'd5, 3'd1}: can_be_leaf = 1'd1;
      {3'd5, 3'd2}: can_be_leaf = 1'd1;
      {3'd5, 3'd3}: can_be_leaf = 1'd1;
      default: can_be_leaf = '0;
    endcase
  endfunction

  // Entries of this level have rights and an A bit (not PAE PDPTEs).
  function automatic logic has_rights(
      input logic [2:0] format, input logic [2:0] level);
    case ({format, level})
      {3'd0, 3'd1}: has_rights = 1'd1;
      {3'd0, 3'd2}: has_rights = 1'd1;
      {3'd1, 3'd1}: has_rights = 1'd1;
      {3'd1, 3'd2}: has_rights = 1'd1;
      {3'd2, 3'd1}: has_rights = 1'd1;
      {3'd2, 3'd2}: has_rights = 1'd1;
      {3'd2, 3'd3}: has_rights = 1'd1;
      {3'd2, 3'd4}: has_rights = 1'd1;
      {3'd3, 3'd1}: has_rights = 1'd1;
      {3'd3, 3'd2}: has_rights = 1'd1;
      {3'd3, 3'd3}: has_rights = 1'd1;
      {3'd3, 3'd4}: has_rights = 1'd1;
      {3'd3, 3'd5}: has_rights = 1'd1;
      {3'd4, 3'd1}: has_rights = 1'd1;
      {3'd4, 3'd2}: has_rights = 1'd1;
      {3'd4, 3'd3}: has_rights = 1'd1;
      {3'd4, 3'd4}: has_rights = 1'd1;
      {3'd5, 3'd1}: has_rights = 1'd1;
      {3'd5, 3'd2}: has_rights = 1'd1;
      {3'd5, 3'd3}: has_rights = 1'd1;
      {3'd5, 3'd4}: has_rights = 1'd1;
      {3'd5, 3'd5}: has_rights = 1'd1;
      default: has_rights = '0;
    endcase
  endfunction

  // Bits that a table pointer keeps zero, whatever MAXPHYADDR is.
  function automatic logic [63:0] reserved_table(
      input logic [2:0] format, input logic [2:0] level);
    case ({format, level})
      {3'd1, 3'd3}: reserved_table = 64'h80000000000001e6;
      {3'd2, 3'd4}: reserved_table = 64'h80;
      {3'd3, 3'd4}: reserved_table = 64'h80;
      {3'd3, 3'd5}: reserved_table = 64'h80;
      {3'd4, 3'd2}: reserved_table = 64'h78;
      {3'd4, 3'd3}: reserved_table = 64'h78;
      {3'd4, 3'd4}: reserved_table = 64'hf8;
      {3'd5, 3'd2}: reserved_table = 64'h78;
      {3'd5, 3'd3}: reserved_table = 64'h78;
      {3'd5, 3'd4}: reserved_table = 64'hf8;
      {3'd5, 3'd5}: reserved_table = 64'hf8;
      default: reserved_table = '0;
    endcase
  endfunction

  // The same of a leaf.
  function automatic logic [63:0] reserved_leaf(
      input logic [2:0] format, input logic [2:0] level);
    case ({format, level})
      {3'd0, 3'd2}: reserved_leaf = 64'h200000;
      {3'd1, 3'd2}: reserved_leaf = 64'h1fe000;
      {3'd2, 3'd2}: reserved_leaf = 64'h1fe000;
      {3'd2, 3'd3}: reserved_leaf = 64'h3fffe000;
      {3'd3, 3'd2}: reserved_leaf = 64'h1fe000;
      {3'd3, 3'd3}: reserved_leaf = 64'h3fffe000;
      {3'd4, 3'd2}: reserved_leaf = 64'h1ff000;
      {3'd4, 3'd3}: reserved_leaf = 64'h3ffff000;
      {3'd5, 3'd2}: reserved_leaf = 64'h1ff000;
      {3'd5, 3'd3}: reserved_leaf = 64'h3ffff000;
      default: reserved_leaf = '0;
    endcase
  endfunction

  // Log2 of the bytes that a leaf of this level maps.
  function automatic logic [6:0] page_bits(
      input logic [2:0] format, input logic [2:0] level);
    case ({format, level})
      {3'd0, 3'd1}: page_bits = 7'd12;
      {3'd0, 3'd2}: page_bits = 7'd22;
      {3'd1, 3'd1}: page_bits = 7'd12;
      {3'd1, 3'd2}: page_bits = 7'd21;
      {3'd1, 3'd3}: page_bits = 7'd30;
      {3'd2, 3'd1}: page_bits = 7'd12;
      {3'd2, 3'd2}: page_bits = 7'd21;
      {3'd2, 3'd3}: page_bits = 7'd30;
      {3'd2, 3'd4}: page_bits = 7'd39;
      {3'd3, 3'd1}: page_bits = 7'd12;
      {3'd3, 3'd2}: page_bits = 7'd21;
      {3'd3, 3'd3}: page_bits = 7'd30;
      {3'd3, 3'd4}: page_bits = 7'd39;
      {3'd3, 3'd5}: page_bits = 7'd48;
      {3'd4, 3'd1}: page_bits = 7'd12;
      {3'd4, 3'd2}: page_bits = 7'd21;
      {3'd4, 3'd3}: page_bits = 7'd30;
      {3'd4, 3'd4}: page_bits = 7'd39;
      {3'd5, 3'd1}: page_bits = 7'd12;
      {3'd5, 3'd2}: page_bits = 7'd21;
      {3'd5, 3'd3}: page_bits = 7'd30;
      {3'd5, 3'd4}: page_bits = 7'd39;
      {3'd5, 3'd5}: page_bits = 7'd48;
      default: page_bits = '0;
    endcase
  endfunction

  // Address bits within the page of a leaf.
  function automatic logic [63:0] page_offset(
      input logic [2:0] format, input logic [2:0] level);
    case ({format, level})
      {3'd0, 3'd1}: page_offset = 64'hfff;
      {3'd0, 3'd2}: page_offset = 64'h3fffff;
      {3'd1, 3'd1}: page_offset = 64'hfff;
      {3'd1, 3'd2}: page_offset = 64'h1fffff;
      {3'd1, 3'd3}: page_offset = 64'h3fffffff;
      {3'd2, 3'd1}: page_offset = 64'hfff;
      {3'd2, 3'd2}: page_offset = 64'h1fffff;
      {3'd2, 3'd3}: page_offset = 64'h3fffffff;
      {3'd2, 3'd4}: page_offset = 64'h7fffffffff;
      {3'd3, 3'd1}: page_offset = 64'hfff;
      {3'd3, 3'd2}: page_offset = 64'h1fffff;
      {3'd3, 3'd3}: page_offset = 64'h3fffffff;
      {3'd3, 3'd4}: page_offset = 64'h7fffffffff;
      {3'd3, 3'd5}: page_offset = 64'hffffffffffff;
      {3'd4, 3'd1}: page_offset = 64'hfff;
      {3'd4, 3'd2}: page_offset = 64'h1fffff;
      {3'd4, 3'd3}: page_offset = 64'h3fffffff;
      {3'd4, 3'd4}: page_offset = 64'h7fffffffff;
      {3'd5, 3'd1}: page_offset = 64'hfff;
      {3'd5, 3'd2}: page_offset = 64'h1fffff;
      {3'd5, 3'd3}: page_offset = 64'h3fffffff;
      {3'd5, 3'd4}: page_offset = 64'h7fffffffff;
      {3'd5, 3'd5}: page_offset = 64'hffffffffffff;
      default: page_offset = '0;
    endcase
  endfunction

  // Where the entry of an address stands in its table, in bytes.
  function automatic logic [11:0] entry_offset(
      input logic [2:0] format, input logic [2:0] level, input logic [63:0] address);
    case ({format, level})
      {3'd0, 3'd1}: entry_offset = {address[21:12], 2'd0};
      {3'd0, 3'd2}: entry_offset = {address[31:22], 2'd0};
      {3'd1, 3'd1}: entry_offset = {address[20:12], 3'd0};
      {3'd1, 3'd2}: entry_offset = {address[29:21], 3'd0};
      {3'd1, 3'd3}: entry_offset = {7'd0, address[31:30], 3'd0};
      {3'd2, 3'd1}: entry_offset = {address[20:12], 3'd0};
      {3'd2, 3'd2}: entry_offset = {address[29:21], 3'd0};
      {3'd2, 3'd3}: entry_offset = {address[38:30], 3'd0};
      {3'd2, 3'd4}: entry_offset = {address[47:39], 3'd0};
      {3'd3, 3'd1}: entry_offset = {address[20:12], 3'd0};
      {3'd3, 3'd2}: entry_offset = {address[29:21], 3'd0};
      {3'd3, 3'd3}: entry_offset = {address[38:30], 3'd0};
      {3'd3, 3'd4}: entry_offset = {address[47:39], 3'd0};
      {3'd3, 3'd5}: entry_offset = {address[56:48], 3'd0};
      {3'd4, 3'd1}: entry_offset = {address[20:12], 3'd0};
      {3'd4, 3'd2}: entry_offset = {address[29:21], 3'd0};
      {3'd4, 3'd3}: entry_offset = {address[38:30], 3'd0};
      {3'd4, 3'd4}: entry_offset = {address[47:39], 3'd0};
      {3'd5, 3'd1}: entry_offset = {address[20:12], 3'd0};
      {3'd5, 3'd2}: entry_offset = {address[29:21], 3'd0};
      {3'd5, 3'd3}: entry_offset = {address[38:30], 3'd0};
      {3'd5, 3'd4}: entry_offset = {address[47:39], 3'd0};
      {3'd5, 3'd5}: entry_offset = {address[56:48], 3'd0};
      default: entry_offset = '0;
    endcase
  endfunction

  // Page address of a 4M leaf of 2-level paging (PSE-36).
  function automatic logic [63:0] pse36_page(input logic [63:0] entry);
    pse36_page = {24'd0, entry[20:13], entry[31:22], 22'd0};
  endfunction

endpackage
