// One array of a walk cache: fully associative, exact LRU, prefixes of any level. One operation a
// cycle: an invalidation, a fill, or a lookup, which answers in the same cycle with the deepest level
// that hits. A fill drops the entry of the same prefix, takes the lowest free entry, else the least
// recently used.
module walk_cache_array #(
  parameter int unsigned Entries = 4,  // 1 to 64
  parameter bit IsGuest = 1'b1
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic                      invalidate_i,
  input  walker_pkg::invalidation_t invalidation_i,
  input  walker_pkg::rule_t         rule_i,
  input  logic                      fill_i,
  input  logic                      use_i,     // the hit is the one that counts
  input  walker_pkg::cache_op_t     op_i,
  output logic                      hit_o,
  output walker_pkg::resume_t       resume_o
);

  localparam int unsigned INDEX_BITS = (Entries > 1) ? $clog2(Entries) : 1;

  logic [Entries-1:0]   is_valid, hits, is_same, is_named, drop, write;
  logic [3*Entries-1:0] next_levels;

  for (genvar i = 0; i < Entries; i++) begin : gen_entries
    walk_cache_entry #(
      .IsGuest(IsGuest)
    ) u_walk_cache_entry (
      .clk_i,
      .rst_ni,
      .write_i       (write[i]),
      .drop_i        (drop[i]),
      .op_i,
      .invalidation_i,
      .rule_i,
      .is_valid_o    (is_valid[i]),
      .hits_o        (hits[i]),
      .is_same_o     (is_same[i]),
      .is_named_o    (is_named[i]),
      .next_level_o  (next_levels[3*i+:3])
    );
  end

  // Of each level at most one entry hits; the deepest level comes last.
  logic [INDEX_BITS-1:0] hit_index, fill_index;
  assign hit_o = |hits;
  always_comb begin
    hit_index = '0;
    for (int unsigned next = mmu_arch_pkg::MAX_LEVELS - 1; next >= 1; next--) begin
      for (int unsigned i = 0; i < Entries; i++) begin
        if (hits[i] && next_levels[3*i+:3] == 3'(next)) begin
          hit_index = INDEX_BITS'(i);
        end
      end
    end
  end

  // What the entries are for. What those of the other stage have is constant, and no register.
  walker_pkg::resume_t resume;
  walker_pkg::resume_t resume_q [Entries];
  always_comb begin
    resume = op_i.resume;
    resume.dirty = 1'b0;
    resume.page_bits = '0;
    if (IsGuest) begin
      resume.host_rights = '1;
    end else begin
      resume.is_gpa = 1'b0;
      resume.guest_rights = '1;
      resume.table_rights = '1;
      resume.table_gpa = '0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (fill_i) begin
      resume_q[fill_index] <= resume;
    end
  end
  assign resume_o = resume_q[hit_index];

  fill_choice #(
    .Entries(Entries)
  ) u_fill_choice (
    .clk_i,
    .rst_ni,
    .is_taken_i(is_valid & ~is_same),
    .use_i     (fill_i || use_i),
    .used_i    (fill_i ? fill_index : hit_index),
    .index_o   (fill_index)
  );

  always_comb begin
    drop = '0;
    write = '0;
    if (invalidate_i) begin
      drop = is_named;
    end else if (fill_i) begin
      drop = is_same;
      write[fill_index] = 1'b1;
    end
  end

endmodule
