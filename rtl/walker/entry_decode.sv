// What one paging-structure entry says, by the rules of its stage: pure function of its inputs.
// One instance serves both stages. Sources as in model/walk/entry_rules.h and stage_rules.h, which
// say the same; tests hold the two against each other entry by entry.
module entry_decode (
  input  logic [2:0]             format_i,
  input  logic [2:0]             level_i,
  input  logic [63:0]            entry_i,
  input  logic [5:0]             physical_bits_i,
  input  logic                   has_nx_i,       // NX is enabled; otherwise bit 63 is reserved
  input  logic                   has_4m_i,       // CR4.PSE, for the 2-level format
  input  logic                   has_1g_i,
  input  logic                   has_ad_i,       // the stage keeps A and D bits
  input  logic                   execute_only_i,
  input  logic                   mode_based_i,   // EPT mode-based execute control
  output walker_pkg::entry_kind_e kind_o,
  output logic [2:0]             guest_rights_o,
  output logic [4:0]             host_rights_o,
  output logic [63:0]            table_o,        // address of the next table
  output logic [63:0]            page_o,         // address of the page
  output logic [63:0]            page_offset_o,  // address bits within the page
  output logic [6:0]             page_bits_o,
  output logic                   lacks_accessed_o,
  output logic                   is_dirty_o,     // no D bit stands in the way of a write
  output logic [63:0]            accessed_o,     // the A bit of such entries
  output logic [63:0]            dirty_o         // the D bit
);

  localparam logic [63:0] ADDRESS_MASK = 64'h000f_ffff_ffff_f000;
  localparam logic [63:0] SHORT_ADDRESS_MASK = 64'h0000_0000_ffff_f000;
  // EPT memory types 2, 3 and 7 are reserved.
  localparam logic [7:0] BAD_TYPES = 8'b1000_1100;

  logic is_ept;
  logic is_short;
  logic has_rights;
  logic can_be_leaf;
  assign is_ept = mmu_arch_pkg::is_ept(format_i);
  assign is_short = mmu_arch_pkg::has_short_entries(format_i);
  assign has_rights = mmu_arch_pkg::has_rights(format_i, level_i);
  assign can_be_leaf = mmu_arch_pkg::can_be_leaf(format_i, level_i) && (!is_short || has_4m_i);

  logic is_present;
  logic is_leaf;
  always_comb begin
    is_present = entry_i[mmu_arch_pkg::X86_PRESENT];
    if (is_ept) begin
      is_present = (entry_i[2:0] != 3'd0) ||
                   (mode_based_i && entry_i[mmu_arch_pkg::EPT_USER_EXECUTE]);
    end
    is_leaf = (level_i == 3'd1) || (can_be_leaf && entry_i[mmu_arch_pkg::X86_PAGE_SIZE]);
  end

  // Bits that must be zero.
  logic [63:0] beyond_physical;
  logic [63:0] pse36_reserved;
  logic [5:0]  pse36_bits;
  logic [63:0] reserved;
  always_comb begin
    beyond_physical = mmu_arch_pkg::physical_mask(format_i) &
                      ~((64'd1 << physical_bits_i) - 64'd1);
    // Bits 20:13 of a 4M leaf stand for address bits 39:32; the width is min(40, MAXPHYADDR).
    pse36_bits = (physical_bits_i > 6'd40) ? 6'd40 : physical_bits_i;
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::Pse36Of40Bits) begin
      pse36_bits = 6'd40;
    end
`endif
    pse36_reserved = 64'h1f_ffff & ~((64'd1 << (pse36_bits - 6'd19)) - 64'd1);
    reserved = beyond_physical;
    if (mmu_arch_pkg::has_no_execute(format_i) && !has_nx_i) begin
      reserved[mmu_arch_pkg::X86_NO_EXECUTE] = 1'b1;
    end
    if (is_leaf) begin
      reserved |= mmu_arch_pkg::reserved_leaf(format_i, level_i);
      if (is_short && level_i == 3'd2) begin
        reserved |= pse36_reserved;
      end
      if (!has_1g_i && level_i == 3'd3) begin
        reserved[mmu_arch_pkg::X86_PAGE_SIZE] = 1'b1;
      end
    end else begin
      reserved |= mmu_arch_pkg::reserved_table(format_i, level_i);
    end
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::IgnoredBitsReserved && !is_ept) begin
      reserved[11:9] = 3'b111;
    end
`endif
  end

  // EPT misconfigurations other than reserved bits (SDM vol. 3, section of that name).
  logic       is_misconfigured;
  logic       is_executable;
  logic [2:0] memory_type;
  always_comb begin
    memory_type = entry_i[mmu_arch_pkg::EPT_TYPE_LOW+:mmu_arch_pkg::EPT_TYPE_WIDTH];
    is_executable = entry_i[mmu_arch_pkg::EPT_EXECUTE] ||
                    (mode_based_i && entry_i[mmu_arch_pkg::EPT_USER_EXECUTE]);
    is_misconfigured = is_leaf && BAD_TYPES[memory_type];
    if (!entry_i[mmu_arch_pkg::EPT_READ]) begin
      is_misconfigured |= entry_i[mmu_arch_pkg::EPT_WRITE] || (is_executable && !execute_only_i);
    end
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::AcceptsWriteOnly) begin
      is_misconfigured = is_leaf && BAD_TYPES[memory_type];
    end
`endif
  end

  always_comb begin
    if (!is_present) begin
      kind_o = walker_pkg::EntryNotPresent;
    end else if ((entry_i & reserved) != '0 || (is_ept && is_misconfigured)) begin
      kind_o = walker_pkg::EntryMalformed;
    end else if (is_leaf) begin
      kind_o = walker_pkg::EntryLeaf;
    end else begin
      kind_o = walker_pkg::EntryTable;
    end
  end

  // Rights. Entries without any (PAE PDPTEs) take none away.
  logic allows_execute;
  always_comb begin
    allows_execute = !mmu_arch_pkg::has_no_execute(format_i) ||
                     !entry_i[mmu_arch_pkg::X86_NO_EXECUTE];
    guest_rights_o = '1;
    if (has_rights) begin
      guest_rights_o[mmu_arch_pkg::GUEST_WRITE] = entry_i[mmu_arch_pkg::X86_WRITE];
      guest_rights_o[mmu_arch_pkg::GUEST_USER] = entry_i[mmu_arch_pkg::X86_USER];
      guest_rights_o[mmu_arch_pkg::GUEST_EXECUTE] = allows_execute;
    end
    host_rights_o = '1;
    if (is_ept) begin
      host_rights_o[mmu_arch_pkg::HOST_READ] = entry_i[mmu_arch_pkg::EPT_READ];
      host_rights_o[mmu_arch_pkg::HOST_WRITE] = entry_i[mmu_arch_pkg::EPT_WRITE];
      host_rights_o[mmu_arch_pkg::HOST_EXECUTE] = entry_i[mmu_arch_pkg::EPT_EXECUTE];
      host_rights_o[mmu_arch_pkg::HOST_USER_EXECUTE] =
          entry_i[mode_based_i ? mmu_arch_pkg::EPT_USER_EXECUTE : mmu_arch_pkg::EPT_EXECUTE];
    end else begin
      host_rights_o[mmu_arch_pkg::HOST_WRITE] = guest_rights_o[mmu_arch_pkg::GUEST_WRITE];
      host_rights_o[mmu_arch_pkg::HOST_EXECUTE] = guest_rights_o[mmu_arch_pkg::GUEST_EXECUTE];
      host_rights_o[mmu_arch_pkg::HOST_USER_EXECUTE] = guest_rights_o[mmu_arch_pkg::GUEST_EXECUTE];
      host_rights_o[mmu_arch_pkg::HOST_USER] = guest_rights_o[mmu_arch_pkg::GUEST_USER];
    end
  end

  // Addresses.
  always_comb begin
    page_offset_o = mmu_arch_pkg::page_offset(format_i, level_i);
    page_bits_o = mmu_arch_pkg::page_bits(format_i, level_i);
    table_o = entry_i & (is_short ? SHORT_ADDRESS_MASK : ADDRESS_MASK);
    page_o = table_o & ~page_offset_o;
    if (is_short && level_i != 3'd1) begin
      page_o = mmu_arch_pkg::pse36_page(entry_i);
    end
  end

  // Accessed and dirty bits.
  always_comb begin
    accessed_o = '0;
    dirty_o = '0;
    if (is_ept) begin
      accessed_o[mmu_arch_pkg::EPT_ACCESSED] = 1'b1;
      dirty_o[mmu_arch_pkg::EPT_DIRTY] = 1'b1;
    end else begin
      accessed_o[mmu_arch_pkg::X86_ACCESSED] = 1'b1;
      dirty_o[mmu_arch_pkg::X86_DIRTY] = 1'b1;
    end
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::X86BitsInEpt && is_ept) begin
      {dirty_o, accessed_o} = {64'h40, 64'h20};
    end
`endif
    lacks_accessed_o = has_ad_i && has_rights && (entry_i & accessed_o) == '0;
    is_dirty_o = !has_ad_i || (entry_i & dirty_o) != '0;
  end

endmodule
