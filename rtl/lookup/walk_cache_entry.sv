// The key of one entry of a walk cache, an address prefix and its tags, and everything that is compared
// with it. Pure comparators beside one register; walk_cache_array says what happens and keeps what
// the entry is for. Of a guest entry all tags count and whether it was made over a host stage; of a
// host entry EP4TA and ASID.
module walk_cache_entry #(
  parameter bit IsGuest = 1'b1  // of GVA prefixes, otherwise of GPA prefixes
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic                      write_i,     // becomes what op_i fills
  input  logic                      drop_i,
  input  walker_pkg::cache_op_t     op_i,
  input  walker_pkg::invalidation_t invalidation_i,
  input  walker_pkg::rule_t         rule_i,      // of the invalidation
  output logic                      is_valid_o,
  output logic                      hits_o,      // it serves a lookup, at its level
  output logic                      is_same_o,   // it is for the same prefix as the fill
  output logic                      is_named_o,  // the invalidation drops it
  output logic [2:0]                next_level_o
);

  logic              is_valid_q;
  logic [63:0]       address_q;  // any within the prefix
  logic [6:0]        low_q;      // the lowest bit of the prefix
  logic [2:0]        next_level_q;
  logic              is_combined_q;
  walker_pkg::tags_t tags_q;

  logic [63:0] address;
  logic [2:0]  fill_level;
  assign address = IsGuest ? op_i.address : op_i.gpa;
  assign fill_level = op_i.resume.next_level + 3'd1;

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
      address_q <= address;
      low_q <= mmu_arch_pkg::page_bits(op_i.format, fill_level);
      is_combined_q <= op_i.is_combined;
      tags_q <= op_i.tags;
      next_level_q <= op_i.resume.next_level;
    end
  end

  // Prefixes of different lengths are different entries: of levels, and of formats that divide
  // differently. A level that the format does not have is none of its prefixes.
  logic [63:0] below;
  logic [2:0]  level;
  logic        has_same_tags;
  always_comb begin
    below = (64'd1 << low_q) - 64'd1;
    level = next_level_q + 3'd1;
    has_same_tags = tags_q.asid == op_i.tags.asid;
    if (IsGuest) begin
      has_same_tags &= tags_q.vpid == op_i.tags.vpid && tags_q.pcid == op_i.tags.pcid &&
                       is_combined_q == op_i.is_combined;
    end
    if (!IsGuest || is_combined_q) begin
      has_same_tags &= tags_q.ep4ta == op_i.tags.ep4ta;
    end
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::TablesOfAnyMachine) begin
      has_same_tags = tags_q.vpid == op_i.tags.vpid && tags_q.pcid == op_i.tags.pcid;
    end
`endif
    hits_o = is_valid_q && has_same_tags &&
             mmu_arch_pkg::page_bits(op_i.format, level) == low_q &&
             ((address_q ^ address) & ~below) == '0;
    is_same_o = hits_o && level == fill_level;
  end

  // Pointers to tables are never global.
  logic is_concerned;
  logic is_addressed;
  always_comb begin
    is_concerned = rule_i.drops_host;
    is_addressed = !rule_i.host_by_address ||
                   ((address_q ^ invalidation_i.gpa) & ~below) == '0;
    if (IsGuest) begin
      is_concerned = rule_i.drops_guest || (rule_i.drops_host && is_combined_q);
      is_addressed = !rule_i.tables_by_address ||
                     ((address_q ^ invalidation_i.address) & ~below) == '0;
      is_concerned &= !rule_i.same_context || tags_q.vpid == invalidation_i.tags.vpid;
      is_concerned &= !rule_i.vpid_zero || tags_q.vpid == '0;
      is_concerned &= !rule_i.vpid_not_zero || tags_q.vpid != '0;
      is_concerned &= !rule_i.same_pcid || tags_q.pcid == invalidation_i.tags.pcid;
    end
    is_concerned &= !rule_i.same_context || tags_q.asid == invalidation_i.tags.asid;
    is_concerned &= !rule_i.same_ep4ta || tags_q.ep4ta == invalidation_i.tags.ep4ta;
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::TablesOutliveHost && IsGuest && !rule_i.drops_guest) begin
      is_concerned = 1'b0;
    end
    if (bug_pkg::active == bug_pkg::TablesOutliveInvlpg && invalidation_i.op == mmu_arch_pkg::OpInvlpg) begin
      is_concerned = 1'b0;
    end
`endif
    is_named_o = is_valid_q && is_concerned && is_addressed;
  end

  assign is_valid_o = is_valid_q;
  assign next_level_o = next_level_q;

  logic unused_fields;
  assign unused_fields = ^{op_i, tags_q};

endmodule
