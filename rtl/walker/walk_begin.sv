// Where the guest stage of a walk begins when no walk cache helps: pure function of the request.
// Without a guest stage the address of the access is guest-physical and stands in base_o.
module walk_begin (
  input  walker_pkg::request_t request_i,
  input  logic                 is_npt_i,
  output logic                 is_canonical_o,
  output logic                 uses_pdptes_o,    // PAE PDPTEs are registers
  output logic                 pdpte_present_o,
  output logic [2:0]           level_o,
  output logic [63:0]          base_o            // of the first table
);

  // Address bits of a PDPTE register.
  localparam logic [63:0] PDPTE_ADDRESS = 64'h000f_ffff_ffff_f000;

  logic [63:0] canonical_mask;
  logic [63:0] pdpte;
  always_comb begin
    canonical_mask = mmu_arch_pkg::canonical_mask(request_i.ctx.guest_format);
    is_canonical_o = !mmu_arch_pkg::is_sign_extended(request_i.ctx.guest_format) ||
                     (request_i.address & canonical_mask) == '0 ||
                     (request_i.address & canonical_mask) == canonical_mask;
    // Registers, but not over NPT.
    uses_pdptes_o = request_i.ctx.guest_format == mmu_arch_pkg::FormatX86Pae &&
                    !(request_i.ctx.has_host && is_npt_i);
    pdpte = request_i.ctx.pdptes[{request_i.address[31:30], 6'd0}+:64];
    pdpte_present_o = pdpte[mmu_arch_pkg::X86_PRESENT];
  end

  always_comb begin
    level_o = mmu_arch_pkg::levels(request_i.ctx.guest_format);
    base_o = request_i.ctx.guest_root & mmu_arch_pkg::root_mask(request_i.ctx.guest_format);
    if (uses_pdptes_o) begin
      level_o = 3'd2;
      base_o = pdpte & PDPTE_ADDRESS;
    end
    if (!request_i.ctx.has_guest) begin
      base_o = request_i.address;
    end
  end

endmodule
