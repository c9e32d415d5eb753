// Whether the rights of a host path permit what a host walk is for, and the codes that say why not:
// pure function of its inputs. Sources as in model/walk/permissions.h.
module host_judge (
  input  walker_pkg::request_t request_i,
  input  logic [1:0]           purpose_i,     // purpose_e
  input  logic                 user_page_i,   // U over the whole guest path
  input  logic [4:0]           rights_i,      // of the whole path
  input  logic [4:0]           reported_i,    // rights that an EPT violation reports
  input  logic                 is_present_i,
  input  logic                 is_reserved_i,
  output logic                 is_npt_o,
  output logic                 has_ad_o,      // the host stage keeps A and D bits
  output logic                 is_write_o,
  output logic                 permits_o,
  output logic [33:0]          code_o         // #NPF error code or exit qualification
);

  logic is_final;
  logic is_table;
  logic is_fetch;
  assign is_final = purpose_i == walker_pkg::PurposeFinal;
  assign is_table = purpose_i == walker_pkg::PurposeGuestTable;
  assign is_fetch = is_final && request_i.access == mmu_arch_pkg::AccessFetch;

  assign is_npt_o = !mmu_arch_pkg::is_ept(request_i.ctx.host_format);
  assign has_ad_o = is_npt_o || request_i.ctx.control.accessed_dirty;
  // Guest-table accesses are writes under NPT and with EPT's A/D bits.
  always_comb begin
    is_write_o = (is_table && has_ad_o) ||
                 (is_final && request_i.access == mmu_arch_pkg::AccessWrite);
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::NptReadsTables && is_npt_o && is_table) begin
      is_write_o = 1'b0;
    end
`endif
  end

  logic [4:0] required;
  always_comb begin
    required = '0;
    required[mmu_arch_pkg::HOST_USER] = 1'b1;
    required[mmu_arch_pkg::HOST_WRITE] = is_write_o;
    required[mmu_arch_pkg::HOST_EXECUTE] = is_fetch && !user_page_i;
    required[mmu_arch_pkg::HOST_USER_EXECUTE] = is_fetch && user_page_i;
    // W without R is a misconfiguration, so that a write does not ask for R.
    required[mmu_arch_pkg::HOST_READ] = !is_final ||
                                        request_i.access == mmu_arch_pkg::AccessRead;
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::TableReadByAccess && is_table) begin
      required[mmu_arch_pkg::HOST_READ] = request_i.access == mmu_arch_pkg::AccessRead;
    end
    if (bug_pkg::active == bug_pkg::ExecuteOnlyTables && is_table) begin
      required[mmu_arch_pkg::HOST_READ] = 1'b0;
    end
    if (bug_pkg::active == bug_pkg::IgnoresHostUser) begin
      required[mmu_arch_pkg::HOST_USER] = 1'b0;
    end
`endif
    permits_o = (required & ~rights_i) == '0;
  end

  logic [33:0] qualification;
  always_comb begin
    qualification = '0;
    qualification[mmu_arch_pkg::QUAL_FINAL] = is_final;
    qualification[mmu_arch_pkg::QUAL_READ] = !is_final ||
                                             request_i.access == mmu_arch_pkg::AccessRead;
    qualification[mmu_arch_pkg::QUAL_WRITE] = is_write_o;
    qualification[mmu_arch_pkg::QUAL_FETCH] = is_fetch;
    qualification[mmu_arch_pkg::QUAL_READABLE] = reported_i[mmu_arch_pkg::HOST_READ];
    qualification[mmu_arch_pkg::QUAL_WRITABLE] = reported_i[mmu_arch_pkg::HOST_WRITE];
    qualification[mmu_arch_pkg::QUAL_EXECUTABLE] = reported_i[mmu_arch_pkg::HOST_EXECUTE];
    qualification[mmu_arch_pkg::QUAL_USER_EXECUTABLE] =
        request_i.ctx.control.mode_based_execute && reported_i[mmu_arch_pkg::HOST_USER_EXECUTE];
    qualification[mmu_arch_pkg::QUAL_LINEAR_VALID] = purpose_i != walker_pkg::PurposePdpteLoad;
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::TableFaultIsFinal) begin
      qualification[mmu_arch_pkg::QUAL_FINAL] = 1'b1;
    end
`endif
  end

  logic [33:0] error_code;
  always_comb begin
    error_code = '0;
    error_code[mmu_arch_pkg::CODE_PRESENT] = is_present_i;
    error_code[mmu_arch_pkg::CODE_WRITE] = is_write_o;
    error_code[mmu_arch_pkg::CODE_USER] = 1'b1;
    error_code[mmu_arch_pkg::CODE_RESERVED] = is_reserved_i;
    error_code[mmu_arch_pkg::CODE_FETCH] =
        is_fetch && mmu_arch_pkg::has_no_execute(request_i.ctx.host_format);
    error_code[mmu_arch_pkg::CODE_FINAL] = is_final;
    error_code[mmu_arch_pkg::CODE_GUEST_TABLE] = !is_final;
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::TableFaultIsFinal) begin
      error_code[mmu_arch_pkg::CODE_FINAL] = 1'b1;
    end
`endif
  end

  assign code_o = is_npt_o ? error_code : qualification;

endmodule
