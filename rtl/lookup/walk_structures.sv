// Nested TLB and walk caches of a walker behind one port, as model/tlm/walk_structures.h: one
// operation a cycle, an invalidation or what a walk asks. A lookup answers in the same cycle. A
// lookup of the host stage asks nested TLB and host walk cache together; a page that the nested TLB
// knows counts, whether it serves or not, and then the walk cache has not been asked. A fill goes to
// the nested TLB if it is a page. What a fault drops is dropped everywhere. A structure with 0 entries
// is not there; a fill for it must not be asked.
module walk_structures #(
  parameter int unsigned NtlbEntries = 0,
  parameter int unsigned GuestPwcEntries = 0,
  parameter int unsigned HostPwcEntries = 0,
  parameter bit PwcPerLevel = 1'b0
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic                      invalidate_i,    // not together with valid_i
  input  walker_pkg::invalidation_t invalidation_i,
  input  logic                      valid_i,
  input  walker_pkg::cache_op_t     op_i,
  output logic                      hit_o,
  output walker_pkg::resume_t       resume_o
);

  logic is_lookup, is_fill, is_host, is_page, drops;
  assign is_lookup = valid_i && op_i.op == walker_pkg::CACHE_LOOKUP;
  assign is_fill = valid_i && op_i.op == walker_pkg::CACHE_FILL;
  assign drops = invalidate_i || (valid_i && op_i.op == walker_pkg::CACHE_DROP);
  assign is_host = op_i.stage == mmu_arch_pkg::StageHost;
  assign is_page = op_i.resume.next_level == '0;

  walker_pkg::invalidation_t invalidation;
  walker_pkg::rule_t         rule;
  always_comb begin
    invalidation = invalidation_i;
    if (!invalidate_i) begin
      invalidation.op = op_i.drop;
      invalidation.rules = op_i.drop == mmu_arch_pkg::OpNestedPageFault ? mmu_arch_pkg::TagAmd
                                                                        : mmu_arch_pkg::TagIntel;
      invalidation.tags = op_i.tags;
      invalidation.vpid_enabled = 1'b0;
      invalidation.address = op_i.address;
      invalidation.gpa = op_i.gpa;
    end
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::StaleOperands) begin
      {invalidation.address, invalidation.gpa} = {op_i.address, op_i.gpa};
    end
`endif
  end

  invalidate_rule u_invalidate_rule (
    .invalidation_i(invalidation),
    .rule_o        (rule)
  );

  logic                   ntlb_hit, guest_hit, host_hit;
  walker_pkg::ntlb_page_t filled_page, page;
  walker_pkg::resume_t    guest_resume, host_resume;
  assign filled_page = {op_i.gpa, op_i.resume.base, op_i.resume.page_bits, op_i.resume.host_rights,
                        op_i.resume.dirty, op_i.tags.ep4ta, op_i.tags.asid};

  if (NtlbEntries != 0) begin : gen_ntlb
    nested_tlb #(
      .Entries(NtlbEntries)
    ) u_nested_tlb (
      .clk_i,
      .rst_ni,
      .invalidate_i  (drops),
      .invalidation_i(invalidation),
      .rule_i        (rule),
      .fill_i        (is_fill && is_host && is_page),
      .lookup_i      (is_lookup && is_host),
      .page_i        (filled_page),
      .hit_o         (ntlb_hit),
      .page_o        (page)
    );
  end else begin : gen_no_ntlb
    assign ntlb_hit = 1'b0;
    assign page = '0;
  end

  if (GuestPwcEntries != 0) begin : gen_guest_pwc
    walk_cache #(
      .Entries (GuestPwcEntries),
      .PerLevel(PwcPerLevel),
      .IsGuest (1'b1)
    ) u_walk_cache (
      .clk_i,
      .rst_ni,
      .invalidate_i  (drops),
      .invalidation_i(invalidation),
      .rule_i        (rule),
      .fill_i        (is_fill && !is_host),
      .lookup_i      (is_lookup && !is_host),
      .op_i,
      .hit_o         (guest_hit),
      .resume_o      (guest_resume)
    );
  end else begin : gen_no_guest_pwc
    assign guest_hit = 1'b0;
    assign guest_resume = '0;
  end

  if (HostPwcEntries != 0) begin : gen_host_pwc
    walk_cache #(
      .Entries (HostPwcEntries),
      .PerLevel(PwcPerLevel),
      .IsGuest (1'b0)
    ) u_walk_cache (
      .clk_i,
      .rst_ni,
      .invalidate_i  (drops),
      .invalidation_i(invalidation),
      .rule_i        (rule),
      .fill_i        (is_fill && is_host && !is_page),
      .lookup_i      (is_lookup && is_host && !ntlb_hit),
      .op_i,
      .hit_o         (host_hit),
      .resume_o      (host_resume)
    );
  end else begin : gen_no_host_pwc
    assign host_hit = 1'b0;
    assign host_resume = '0;
  end

  always_comb begin
    hit_o = is_host ? ntlb_hit || host_hit : guest_hit;
    resume_o = is_host ? host_resume : guest_resume;
    if (is_host && ntlb_hit) begin
      resume_o = '0;
      resume_o.base = page.base;
      resume_o.dirty = page.dirty;
      resume_o.page_bits = page.page_bits;
      resume_o.guest_rights = '1;
      resume_o.host_rights = page.rights;
      resume_o.table_rights = '1;
    end
  end

  logic unused_fields;
  assign unused_fields = ^{clk_i, rst_ni, op_i, rule, drops, is_lookup, is_fill, is_page, filled_page,
                           page};

endmodule
