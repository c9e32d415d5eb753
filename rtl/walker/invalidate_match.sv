// Whether an invalidation concerns a walk that began earlier: it could read, write, fill or answer
// old information. By tags alone; an address excuses no walk. Pure function of its inputs.
// The rows are those of model/lookup/invalidate.cpp, and a test compares every operation.
module invalidate_match (
  input  walker_pkg::invalidation_t invalidation_i,
  input  walker_pkg::context_t      ctx_i,
  output logic                      concerns_o
);

  logic is_intel;
  assign is_intel = invalidation_i.rules == mmu_arch_pkg::TagIntel;

  // One row: which mappings it may drop, and which tags must be the same.
  logic       drops_guest;  // mappings made from the guest stage
  logic       drops_host;   // mappings made from the host stage
  logic       same_context;  // VPID and ASID
  logic       vpid_zero;
  logic       vpid_not_zero;
  logic       same_pcid;
  logic       same_ep4ta;
  logic       keeps_globals;
  always_comb begin
    drops_guest = 1'b0;
    drops_host = 1'b0;
    same_context = 1'b0;
    vpid_zero = 1'b0;
    vpid_not_zero = 1'b0;
    same_pcid = 1'b0;
    same_ep4ta = 1'b0;
    keeps_globals = 1'b0;
    case (invalidation_i.op)
      mmu_arch_pkg::OpInvlpg, mmu_arch_pkg::OpPageFault: begin
        drops_guest = 1'b1;
        same_context = 1'b1;
        same_pcid = 1'b1;
      end
      mmu_arch_pkg::OpInvpcidAddress, mmu_arch_pkg::OpInvpcidSingle,
      mmu_arch_pkg::OpMovCr3: begin
        drops_guest = 1'b1;
        same_context = 1'b1;
        same_pcid = 1'b1;
        keeps_globals = 1'b1;
      end
      mmu_arch_pkg::OpInvpcidAllWithGlobals, mmu_arch_pkg::OpMovCr4: begin
        drops_guest = 1'b1;
        same_context = 1'b1;
      end
      mmu_arch_pkg::OpInvpcidAll: begin
        drops_guest = 1'b1;
        same_context = 1'b1;
        keeps_globals = 1'b1;
      end
      mmu_arch_pkg::OpInvvpidAddress, mmu_arch_pkg::OpInvvpidSingle: begin
        drops_guest = is_intel;
        same_context = 1'b1;
      end
      mmu_arch_pkg::OpInvvpidAll: begin
        drops_guest = is_intel;
        vpid_not_zero = 1'b1;
      end
      mmu_arch_pkg::OpInvvpidSingleKeepGlobal: begin
        drops_guest = is_intel;
        same_context = 1'b1;
        keeps_globals = 1'b1;
      end
      mmu_arch_pkg::OpInveptSingle: begin
        drops_host = is_intel;
        same_ep4ta = 1'b1;
      end
      mmu_arch_pkg::OpInveptAll: begin
        drops_host = is_intel;
      end
      mmu_arch_pkg::OpVmTransition: begin
        drops_guest = is_intel && !invalidation_i.vpid_enabled;
        vpid_zero = 1'b1;
      end
      mmu_arch_pkg::OpEptViolation, mmu_arch_pkg::OpNestedPageFault: begin
        drops_host = is_intel == (invalidation_i.op == mmu_arch_pkg::OpEptViolation);
        same_context = 1'b1;
        same_pcid = 1'b1;
        same_ep4ta = 1'b1;
      end
      mmu_arch_pkg::OpInvlpga: begin
        drops_guest = !is_intel;
        same_context = 1'b1;
      end
      mmu_arch_pkg::OpTlbControlAll: begin
        drops_guest = !is_intel;
        drops_host = !is_intel;
      end
      mmu_arch_pkg::OpTlbControlAsid: begin
        drops_guest = !is_intel;
        drops_host = !is_intel;
        same_context = 1'b1;
      end
      mmu_arch_pkg::OpTlbControlAsidNonGlobal: begin
        drops_guest = !is_intel;
        drops_host = !is_intel;
        same_context = 1'b1;
        keeps_globals = 1'b1;
      end
      default: ;  // a load of CR3 that keeps everything, and what is no operation
    endcase
  end

  logic asid_matches;
  logic vpid_matches;
  logic pcid_matches;
  logic ep4ta_matches;
  always_comb begin
    asid_matches = !same_context || ctx_i.tags.asid == invalidation_i.tags.asid;
    vpid_matches = (!same_context || ctx_i.tags.vpid == invalidation_i.tags.vpid) &&
                   (!vpid_zero || ctx_i.tags.vpid == '0) &&
                   (!vpid_not_zero || ctx_i.tags.vpid != '0);
    // Its page may turn out to be global.
    pcid_matches = !same_pcid || !keeps_globals ||
                   ctx_i.tags.pcid == invalidation_i.tags.pcid;
    ep4ta_matches = !same_ep4ta || ctx_i.tags.ep4ta == invalidation_i.tags.ep4ta;
  end

  // Mappings that the walk may make: linear without a host stage, otherwise combined ones, with all
  // tags, and guest-physical ones, with EP4TA and ASID.
  logic concerns_combined;
  logic concerns_physical;
  logic concerns_linear;
  assign concerns_linear = drops_guest && asid_matches && vpid_matches && pcid_matches;
  assign concerns_combined = (drops_guest || drops_host) && asid_matches && vpid_matches &&
                             pcid_matches && ep4ta_matches;
  assign concerns_physical = drops_host && asid_matches && ep4ta_matches;
  assign concerns_o = ctx_i.has_host ? concerns_combined || concerns_physical : concerns_linear;

  logic unused_fields;
  assign unused_fields = ^{invalidation_i, ctx_i};

endmodule
