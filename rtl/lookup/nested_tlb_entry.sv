// One entry of the nested TLB: a host page, its tags, and everything that is compared with it. Pure
// comparators beside one register; nested_tlb says what happens.
module nested_tlb_entry (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic                     write_i,     // becomes page_i
  input  logic                     drop_i,
  input  walker_pkg::ntlb_page_t   page_i,      // to be written or looked up
  input  walker_pkg::invalidation_t invalidation_i,
  input  walker_pkg::rule_t        rule_i,      // of the invalidation
  output logic                     is_valid_o,
  output logic                     hits_o,      // it translates page_i.gpa for the same tags
  output logic                     overlaps_o,  // the same, or it shares addresses with page_i
  output logic                     is_named_o,  // the invalidation drops it
  output walker_pkg::ntlb_page_t   page_o
);

  walker_pkg::ntlb_page_t page_q;
  logic                   is_valid_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      is_valid_q <= 1'b0;
    end else if (write_i) begin
      is_valid_q <= 1'b1;
    end else if (drop_i) begin
      is_valid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (write_i) begin
      page_q <= page_i;
    end
  end

  logic [63:0] own_offset, other_offset;
  logic        has_same_tags;
  always_comb begin
    own_offset = (64'd1 << page_q.page_bits) - 64'd1;
    other_offset = (64'd1 << page_i.page_bits) - 64'd1;
    has_same_tags = page_q.ep4ta == page_i.ep4ta && page_q.asid == page_i.asid;
    hits_o = is_valid_q && has_same_tags && ((page_q.gpa ^ page_i.gpa) & ~own_offset) == '0;
    overlaps_o = is_valid_q && has_same_tags &&
                 ((page_q.gpa ^ page_i.gpa) & ~own_offset & ~other_offset) == '0;
  end

  // Guest-physical mappings: EP4TA and ASID are their only tags.
  always_comb begin
    is_named_o = is_valid_q && rule_i.drops_host &&
                 (!rule_i.same_context || page_q.asid == invalidation_i.tags.asid) &&
                 (!rule_i.same_ep4ta || page_q.ep4ta == invalidation_i.tags.ep4ta) &&
                 (!rule_i.host_by_address ||
                  ((page_q.gpa ^ invalidation_i.gpa) & ~own_offset) == '0);
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::PageOutlivesInvept && invalidation_i.op == mmu_arch_pkg::OpInveptSingle) begin
      is_named_o = 1'b0;
    end
    if (bug_pkg::active == bug_pkg::NamesFirstPieceAlone && rule_i.host_by_address && ((page_q.gpa ^ invalidation_i.gpa) >> 12) != '0) begin
      is_named_o = 1'b0;
    end
`endif
  end

  assign is_valid_o = is_valid_q;
  assign page_o = page_q;

endmodule
