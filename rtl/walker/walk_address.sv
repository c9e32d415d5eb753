// Which address a walk reads next, from where it goes on: pure function of its inputs. From a guest
// entry's GPA it goes straight to the root of the host's tables, so that the next read can leave in
// the cycle after the data came.
module walk_address (
  input  walker_pkg::request_t            request_i,
  input  logic [2:0]                      go_i,       // go_e
  input  logic [2:0]                      level_i,    // of the guest or host entry
  input  logic [63:0]                     base_i,     // table, entry or page, as go_i says
  // Under translation, for GoHostEntry; of the table, for GoGuestTable.
  input  logic [63:0]                     gpa_i,
  output logic [63:0]                     gpa_o,      // of the guest entry or of the page
  output logic                            to_host_o,  // a host walk begins
  output logic                            is_outside_o,  // the host stage does not translate gpa_o
  output logic [2:0]                      host_level_o,
  output logic [walker_pkg::HPA_BITS-1:0] address_o
);

  logic [11:0] guest_offset;
  assign guest_offset =
      mmu_arch_pkg::entry_offset(request_i.ctx.guest_format, level_i, request_i.address);

  always_comb begin
    gpa_o = base_i;
    if (go_i == walker_pkg::GoGuestEntry) begin
      gpa_o = base_i | 64'(guest_offset);
    end
    if (go_i == walker_pkg::GoGuestTable) begin
      gpa_o = gpa_i | 64'(guest_offset);
    end
  end

  assign to_host_o = request_i.ctx.has_host &&
                     (go_i == walker_pkg::GoGuestEntry || go_i == walker_pkg::GoFinal);
  always_comb begin
    is_outside_o = (gpa_o & mmu_arch_pkg::beyond_input(request_i.ctx.host_format)) != '0;
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::WrapsTableAddress && go_i == walker_pkg::GoGuestEntry) begin
      is_outside_o = 1'b0;
    end
    if (bug_pkg::active == bug_pkg::WrapsPhysicalAddress && !request_i.ctx.has_guest) begin
      is_outside_o = 1'b0;
    end
`endif
  end
  assign host_level_o = to_host_o ? mmu_arch_pkg::levels(request_i.ctx.host_format) : level_i;

  logic [63:0] host_table;
  logic [11:0] host_offset;
  assign host_table = to_host_o ? request_i.ctx.host_root &
                                  mmu_arch_pkg::root_mask(request_i.ctx.host_format)
                                : base_i;
  assign host_offset = mmu_arch_pkg::entry_offset(request_i.ctx.host_format, host_level_o,
                                                  to_host_o ? gpa_o : gpa_i);

  logic [63:0] address;
  always_comb begin
    address = gpa_o;
    if (to_host_o || go_i == walker_pkg::GoHostEntry) begin
      address = host_table | 64'(host_offset);
    end
    if (go_i == walker_pkg::GoGuestTable) begin
      address = base_i | 64'(guest_offset);
    end
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::TruncatesPointers && go_i == walker_pkg::GoGuestRead) begin
      address &= 64'h1ff_ffff_ffff;
    end
`endif
  end
  assign address_o = address[walker_pkg::HPA_BITS-1:0];

  logic unused_address;
  assign unused_address = ^address[63:walker_pkg::HPA_BITS];

endmodule
