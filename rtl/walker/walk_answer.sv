// What the answer to a walk's step says: an entry that was read, or what a cache knows, which counts
// as an entry with the rights of the whole path to it. Decoded and judged by the rights of its stage;
// pure function of its inputs.
module walk_answer (
  input  walker_pkg::request_t request_i,
  input  logic                 is_host_i,       // stage of the step
  input  logic [2:0]           level_i,         // of the entry that was read
  input  logic [63:0]          entry_i,
  input  logic                 is_entry_i,      // an entry has come
  input  logic                 is_lookup_i,     // a cache answers
  input  walker_pkg::resume_t  resume_i,        // what it says
  input  logic                 is_denied_i,     // a guest's entry may not be written
  input  logic [4:0]           denied_rights_i,  // the host's, of its page
  // The step.
  input  walker_pkg::purpose_e purpose_i,
  input  logic [2:0]           guest_passed_i,  // rights of the path so far
  input  logic [4:0]           host_passed_i,
  // The entry.
  output walker_pkg::entry_kind_e kind_o,
  output logic                 is_leaf_o,       // of what was read
  output logic [2:0]           guest_rights_o,
  output logic [4:0]           host_rights_o,
  output logic [63:0]          table_o,         // address of the next table
  output logic [63:0]          page_o,
  output logic [63:0]          page_offset_o,
  output logic [6:0]           page_bits_o,
  output logic                 is_dirty_o,
  output logic                 lacks_o,         // an A or D bit
  output logic [63:0]          accessed_o,      // the A bit of such entries
  output logic [63:0]          wanted_dirty_o,  // their D bit, if the access wants it set
  // The stages.
  output logic                 is_npt_o,
  output logic                 host_is_write_o,
  output logic                 permits_o,       // a leaf with what was passed before it
  output logic                 serves_o,        // the page that a cache knows serves the access
  output logic [33:0]          guest_code_o,
  output logic [33:0]          host_code_o
);

  logic [2:0]  decoded_guest_rights;
  logic [4:0]  decoded_host_rights;
  logic [63:0] decoded_table, decoded_page, decoded_page_offset;
  logic [6:0]  decoded_page_bits;
  logic        decoded_is_dirty, lacks_accessed, host_has_ad;
  logic [63:0] dirty_bit;

  logic       has_nx;
  logic [5:0] physical_bits;
  always_comb begin
    // The host side of NPT runs with NXE and PSE on, whatever the guest does (AMD APM vol. 2).
    has_nx = is_host_i || request_i.ctx.control.nxe;
    physical_bits = is_host_i ? request_i.ctx.control.maxphyaddr
                              : request_i.ctx.control.guest_maxphyaddr;
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::HostInGuestMode) begin
      has_nx = request_i.ctx.control.nxe;
    end
    if (bug_pkg::active == bug_pkg::GuestWidthOfHost) begin
      physical_bits = request_i.ctx.control.maxphyaddr;
    end
`endif
  end

  entry_decode u_entry_decode (
    .format_i        (is_host_i ? request_i.ctx.host_format : request_i.ctx.guest_format),
    .level_i,
    .entry_i,
    .physical_bits_i (physical_bits),
    .has_nx_i        (has_nx),
    .has_4m_i        (is_host_i || request_i.ctx.control.pse),
    .has_1g_i        (request_i.ctx.control.page_1g),
    .has_ad_i        (!is_host_i || host_has_ad),
    .execute_only_i  (request_i.ctx.control.execute_only),
    .mode_based_i    (request_i.ctx.control.mode_based_execute),
    .kind_o,
    .guest_rights_o  (decoded_guest_rights),
    .host_rights_o   (decoded_host_rights),
    .table_o         (decoded_table),
    .page_o          (decoded_page),
    .page_offset_o   (decoded_page_offset),
    .page_bits_o     (decoded_page_bits),
    .lacks_accessed_o(lacks_accessed),
    .is_dirty_o      (decoded_is_dirty),
    .accessed_o,
    .dirty_o         (dirty_bit)
  );

  always_comb begin
    guest_rights_o = decoded_guest_rights;
    host_rights_o = decoded_host_rights;
    table_o = decoded_table;
    page_o = decoded_page;
    page_offset_o = decoded_page_offset;
    page_bits_o = decoded_page_bits;
    is_dirty_o = decoded_is_dirty;
    if (is_lookup_i) begin
      guest_rights_o = resume_i.guest_rights;
      host_rights_o = is_host_i ? resume_i.host_rights : resume_i.table_rights;
      table_o = resume_i.base;
      page_o = resume_i.base;
      page_offset_o = (64'd1 << resume_i.page_bits) - 64'd1;
      page_bits_o = resume_i.page_bits;
      is_dirty_o = resume_i.dirty || !host_has_ad;
    end
  end

  logic wants_dirty;
  assign is_leaf_o = kind_o == walker_pkg::EntryLeaf;
  assign wants_dirty = is_host_i ? host_is_write_o
                                 : request_i.access == mmu_arch_pkg::AccessWrite;
  assign lacks_o = lacks_accessed || (is_leaf_o && wants_dirty && !is_dirty_o);
  assign wanted_dirty_o = wants_dirty ? dirty_bit : '0;

  logic guest_permits, host_permits;
  logic is_present, is_reserved;
  assign is_present = is_entry_i && kind_o != walker_pkg::EntryNotPresent;
  assign is_reserved = is_entry_i && kind_o == walker_pkg::EntryMalformed;

  guest_judge u_guest_judge (
    .request_i,
    .rights_i     (guest_passed_i & guest_rights_o),
    .key_i        (entry_i[mmu_arch_pkg::X86_KEY_LOW+:mmu_arch_pkg::X86_KEY_WIDTH]),
    .is_leaf_i    (is_entry_i && is_leaf_o),
    .is_present_i (is_present),
    .is_reserved_i(is_reserved),
    .permits_o    (guest_permits),
    .code_o       (guest_code_o)
  );

  logic [4:0] reported_rights;
  always_comb begin
    reported_rights = '0;
    if (is_denied_i) begin
      reported_rights = denied_rights_i;
    end else if (is_entry_i && is_leaf_o) begin
      reported_rights = host_passed_i & host_rights_o;
    end
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::ReportsLeafRights && is_entry_i && is_leaf_o && !is_denied_i) begin
      reported_rights = host_rights_o;
    end
`endif
  end

  host_judge u_host_judge (
    .request_i,
    .purpose_i,
    .user_page_i  (!request_i.ctx.has_guest || guest_passed_i[mmu_arch_pkg::GUEST_USER]),
    .rights_i     (host_passed_i & host_rights_o),
    .reported_i   (reported_rights),
    .is_present_i (is_present),
    .is_reserved_i(is_reserved),
    .is_npt_o,
    .has_ad_o     (host_has_ad),
    .is_write_o   (host_is_write_o),
    .permits_o    (host_permits),
    .code_o       (host_code_o)
  );

  assign permits_o = is_host_i ? host_permits : guest_permits;
  always_comb begin
    serves_o = host_permits && (is_dirty_o || !host_is_write_o);
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::HitsUnjudged) begin
      serves_o = 1'b1;
    end
`endif
  end

  logic unused_fields;
  assign unused_fields = ^resume_i;

endmodule
