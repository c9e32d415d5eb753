// What a walk has found so far: rights, page sizes, dirtiness of each stage, and the fault that ended
// it; from these the response. Registers only; what to keep is decided by walk_control.
module walk_result #(
  parameter logic [walker_pkg::SLOT_BITS-1:0] Slot = '0
) (
  input  logic                   clk_i,
  input  walker_pkg::request_t   request_i,
  // What happens in this cycle.
  input  walker_pkg::phase_e     phase_i,
  input  logic                   to_host_i,       // a host walk begins
  input  logic                   is_host_i,       // stage of the step under way
  input  logic                   passes_i,        // its entry is good
  input  logic                   is_leaf_i,
  input  logic                   resumes_i,       // the guest's walk cache knows more: of the host too
  input  logic                   faults_i,
  input  mmu_arch_pkg::fault_e   fault_i,
  input  logic                   is_canonical_i,
  input  logic                   host_is_write_i,
  // The entry.
  input  logic [63:0]            entry_i,
  input  logic [2:0]             entry_guest_rights_i,
  input  logic [4:0]             entry_host_rights_i,
  input  logic [6:0]             entry_page_bits_i,
  input  logic                   entry_is_dirty_i,
  // The fault.
  input  logic [33:0]            guest_code_i,
  input  logic [33:0]            host_code_i,
  input  logic [2:0]             g_i,             // position of a read
  input  logic [2:0]             h_i,
  input  logic [2:0]             update_g_i,      // position of an update
  input  logic [2:0]             update_h_i,
  // The rest of the response.
  input  logic [63:0]            gpa_i,
  input  logic [63:0]            hpa_i,
  input  logic [6:0]             num_restarts_i,
  output logic [2:0]             guest_rights_o,  // of the path so far
  output logic [4:0]             host_rights_o,
  output logic [6:0]             host_page_bits_o,
  output logic                   host_dirty_o,
  output mmu_arch_pkg::fault_e   fault_o,
  output walker_pkg::response_t  response_o
);

  logic [2:0]           guest_rights_d, guest_rights_q;
  logic [4:0]           host_rights_d, host_rights_q;
  logic [6:0]           guest_page_bits_d, guest_page_bits_q;
  logic [6:0]           host_page_bits_d, host_page_bits_q;
  logic                 guest_dirty_d, guest_dirty_q, host_dirty_d, host_dirty_q;
  logic                 is_global_d, is_global_q;
  logic [3:0]           key_d, key_q;
  logic                 is_fault_q;
  mmu_arch_pkg::fault_e fault_q;
  logic [33:0]          code_d, code_q;
  logic [2:0]           fault_g_d, fault_g_q, fault_h_d, fault_h_q;

  logic is_write;
  assign is_write = request_i.access == mmu_arch_pkg::AccessWrite;

  // What the path gives so far.
  always_comb begin
    guest_rights_d = guest_rights_q;
    guest_page_bits_d = guest_page_bits_q;
    guest_dirty_d = guest_dirty_q;
    is_global_d = is_global_q;
    key_d = key_q;
    if (passes_i && !is_host_i) begin
      guest_rights_d = guest_rights_q & entry_guest_rights_i;
`ifdef NESTWALK_BUGS
      if (bug_pkg::active == bug_pkg::LeafRightsAlone && is_leaf_i) begin
        guest_rights_d = entry_guest_rights_i;
      end
`endif
    end
    if (passes_i && is_leaf_i && !is_host_i) begin
      guest_page_bits_d = entry_page_bits_i;
      guest_dirty_d = entry_is_dirty_i || is_write;
      is_global_d = entry_i[mmu_arch_pkg::X86_GLOBAL];
      if (mmu_arch_pkg::has_protection_keys(request_i.ctx.guest_format)) begin
        key_d = entry_i[mmu_arch_pkg::X86_KEY_LOW+:mmu_arch_pkg::X86_KEY_WIDTH];
      end
    end
    if (phase_i == walker_pkg::PhaseBegin) begin
      guest_rights_d = '1;
      guest_page_bits_d = 7'(mmu_arch_pkg::NO_PAGE_BITS);
      guest_dirty_d = 1'b1;
      is_global_d = 1'b0;
      key_d = '0;
`ifdef NESTWALK_BUGS
      if (bug_pkg::active == bug_pkg::KeyLeftOver) begin
        key_d = key_q;
      end
`endif
    end

    host_rights_d = host_rights_q;
    host_page_bits_d = host_page_bits_q;
    host_dirty_d = host_dirty_q;
    if (passes_i && (is_host_i || resumes_i)) begin
      host_rights_d = host_rights_q & entry_host_rights_i;
    end
    if (passes_i && is_leaf_i && is_host_i) begin
      host_page_bits_d = entry_page_bits_i;
      host_dirty_d = entry_is_dirty_i || host_is_write_i;
    end
    if (phase_i == walker_pkg::PhaseBegin || to_host_i) begin
      host_rights_d = '1;
      host_page_bits_d = 7'(mmu_arch_pkg::NO_PAGE_BITS);
      host_dirty_d = 1'b1;
    end
  end

  // Faults.
  always_comb begin
    fault_g_d = g_i;
    fault_h_d = h_i;
    if (phase_i == walker_pkg::PhaseBegin) begin
      fault_g_d = is_canonical_i ? 3'd3 : 3'd0;  // a PDPTE register that is not present
      fault_h_d = 3'd0;
    end
    if (phase_i == walker_pkg::PhaseDenied || phase_i == walker_pkg::PhaseDone) begin
      fault_g_d = update_g_i;
      fault_h_d = update_h_i;
    end
    code_d = '0;
    if (fault_i == mmu_arch_pkg::FaultGuestPageFault) begin
      code_d = guest_code_i;
    end
    if (fault_i == mmu_arch_pkg::FaultEptViolation || fault_i == mmu_arch_pkg::FaultNestedPageFault) begin
      code_d = host_code_i;
    end
    if (phase_i == walker_pkg::PhaseDenied) begin
      // Only now the entry is written. A read and a write, not the final translation.
      code_d[mmu_arch_pkg::QUAL_WRITE] = 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    guest_rights_q <= guest_rights_d;
    host_rights_q <= host_rights_d;
    guest_page_bits_q <= guest_page_bits_d;
    host_page_bits_q <= host_page_bits_d;
    guest_dirty_q <= guest_dirty_d;
    host_dirty_q <= host_dirty_d;
    is_global_q <= is_global_d;
    key_q <= key_d;
    if (phase_i == walker_pkg::PhaseBegin || faults_i) begin
      is_fault_q <= faults_i;
`ifdef NESTWALK_BUGS
      if (bug_pkg::active == bug_pkg::FaultSticks) begin
        is_fault_q <= is_fault_q || faults_i;
      end
`endif
    end
    if (faults_i) begin
      fault_q <= fault_i;
      code_q <= code_d;
      fault_g_q <= fault_g_d;
      fault_h_q <= fault_h_d;
    end
  end

  assign guest_rights_o = guest_rights_q;
  assign host_rights_o = host_rights_q;
  assign host_page_bits_o = host_page_bits_q;
  assign host_dirty_o = host_dirty_q;
  assign fault_o = fault_q;

  logic has_gpa;
  always_comb begin
    has_gpa = fault_q == mmu_arch_pkg::FaultEptViolation ||
              fault_q == mmu_arch_pkg::FaultEptMisconfiguration ||
              fault_q == mmu_arch_pkg::FaultNestedPageFault;
    response_o = '0;
    response_o.id = request_i.id;
    response_o.slot = Slot;
    response_o.is_translation = !is_fault_q;
    response_o.address = request_i.address;
    response_o.num_restarts = num_restarts_i;
    if (is_fault_q) begin
      response_o.fault = fault_q;
      response_o.code = code_q;
      response_o.has_gpa = has_gpa;
      response_o.gpa = has_gpa ? gpa_i : 64'd0;
      response_o.g = fault_g_q;
      response_o.h = fault_h_q;
    end else begin
      response_o.gpa = gpa_i;
      response_o.hpa = hpa_i;
      response_o.guest_page_bits = guest_page_bits_q;
      response_o.host_page_bits = host_page_bits_q;
      response_o.protection_key = key_q;
      response_o.dirty = guest_dirty_q && host_dirty_q;
      response_o.is_global = is_global_q;
      response_o.guest_rights = guest_rights_q;
      response_o.host_rights = host_rights_q;
    end
  end

endmodule
