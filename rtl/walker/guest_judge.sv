// Whether the rights of a guest path permit an access, and the error code of a page fault: pure
// function of its inputs. Sources as in model/walk/permissions.h.
module guest_judge (
  input  walker_pkg::request_t request_i,
  input  logic [2:0]           rights_i,    // of the whole path
  input  logic [3:0]           key_i,       // of the leaf
  input  logic                 is_leaf_i,   // otherwise the rights are of no consequence
  input  logic                 is_present_i,
  input  logic                 is_reserved_i,
  output logic                 permits_o,
  output logic [33:0]          code_o
);

  logic is_user;
  logic is_write;
  logic is_fetch;
  assign is_user = request_i.is_user && !request_i.is_implicit;
  assign is_write = request_i.access == mmu_arch_pkg::AccessWrite;
  assign is_fetch = request_i.access == mmu_arch_pkg::AccessFetch;

  logic can_write;
  logic can_execute;
  logic is_user_page;
  assign can_write = rights_i[mmu_arch_pkg::GUEST_WRITE];
  assign can_execute = rights_i[mmu_arch_pkg::GUEST_EXECUTE];
  assign is_user_page = rights_i[mmu_arch_pkg::GUEST_USER];

  // Protection keys (SDM vol. 3): for data accesses to user pages; reported even where another right
  // is missing too.
  logic [1:0] key_rights;
  logic       respects_wp;
  logic       key_denies;
  always_comb begin
    key_rights = request_i.ctx.control.pkru[{key_i, 1'b0}+:2];
    respects_wp = is_user || request_i.ctx.control.wp;
    key_denies = 1'b0;
    if (mmu_arch_pkg::has_protection_keys(request_i.ctx.guest_format) &&
        request_i.ctx.control.pke && is_user_page && !is_fetch) begin
      key_denies = key_rights[0] || (key_rights[1] && is_write && respects_wp);
    end
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::KeysByPrivilege && !is_user) begin
      key_denies = 1'b0;
    end
`endif
  end

  logic is_denied;
  always_comb begin
    is_denied = is_user && !is_user_page;
    if (is_fetch) begin
      is_denied |= !can_execute;
      is_denied |= request_i.ctx.control.smep && !is_user && is_user_page;
    end else begin
      is_denied |= is_write && !can_write && respects_wp;
      is_denied |= request_i.ctx.control.smap && !is_user && is_user_page &&
                   (request_i.is_implicit || !request_i.ctx.control.ac);
    end
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::SmepNeedsWp && is_fetch && !request_i.ctx.control.wp) begin
      is_denied = is_user ? !is_user_page || !can_execute : !can_execute;
    end
`endif
    permits_o = !is_denied && !key_denies;
  end

  logic reports_fetch;
  always_comb begin
    reports_fetch = request_i.ctx.control.smep ||
                    (request_i.ctx.control.nxe &&
                     mmu_arch_pkg::has_no_execute(request_i.ctx.guest_format));
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::FetchFlagAlways) begin
      reports_fetch = 1'b1;
    end
`endif
    code_o = '0;
    code_o[mmu_arch_pkg::CODE_PRESENT] = is_present_i;
    code_o[mmu_arch_pkg::CODE_WRITE] = is_write;
    code_o[mmu_arch_pkg::CODE_USER] = is_user;
    code_o[mmu_arch_pkg::CODE_RESERVED] = is_reserved_i;
    code_o[mmu_arch_pkg::CODE_FETCH] = is_fetch && reports_fetch;
    code_o[mmu_arch_pkg::CODE_PROTECTION_KEY] = is_leaf_i && key_denies;
  end

endmodule
