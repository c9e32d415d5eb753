// The nested TLB: host pages by GPA, fully associative, exact LRU, as model/lookup/nested_tlb.h with
// ways 0. One operation a cycle: an invalidation, a fill, a drop of what a fault names, or a lookup,
// which answers in the same cycle. A fill drops what it overlaps, takes the lowest free entry, else
// the least recently used. Rights and D are the reader's to judge.
module nested_tlb #(
  parameter int unsigned Entries = 4  // 1 to 64
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic                      invalidate_i,
  input  walker_pkg::invalidation_t invalidation_i,
  input  walker_pkg::rule_t         rule_i,
  input  logic                      fill_i,
  input  logic                      drop_i,    // what translates page_i.gpa
  input  logic                      lookup_i,
  input  walker_pkg::ntlb_page_t    page_i,
  output logic                      hit_o,
  output walker_pkg::ntlb_page_t    page_o
);

  localparam int unsigned INDEX_BITS = (Entries > 1) ? $clog2(Entries) : 1;

  logic [Entries-1:0] is_valid, hits, overlaps, is_named, drop, write;
  logic [Entries*walker_pkg::NTLB_PAGE_BITS-1:0] pages;

  for (genvar i = 0; i < Entries; i++) begin : gen_entries
    nested_tlb_entry u_nested_tlb_entry (
      .clk_i,
      .rst_ni,
      .write_i       (write[i]),
      .drop_i        (drop[i]),
      .page_i,
      .invalidation_i,
      .rule_i,
      .is_valid_o    (is_valid[i]),
      .hits_o        (hits[i]),
      .overlaps_o    (overlaps[i]),
      .is_named_o    (is_named[i]),
      .page_o        (pages[i*walker_pkg::NTLB_PAGE_BITS+:walker_pkg::NTLB_PAGE_BITS])
    );
  end

  // At most one entry hits.
  logic [INDEX_BITS-1:0] hit_index;
  always_comb begin
    hit_o = |hits;
    hit_index = '0;
    page_o = '0;
    for (int unsigned i = 0; i < Entries; i++) begin
      if (hits[i]) begin
        hit_index = INDEX_BITS'(i);
        page_o = pages[i*walker_pkg::NTLB_PAGE_BITS+:walker_pkg::NTLB_PAGE_BITS];
      end
    end
  end

  // Recency: rank 0 is the least recently used. A use lowers the ranks above its own.
  logic [Entries*INDEX_BITS-1:0] rank_d, rank_q;
  logic [INDEX_BITS-1:0]         used_index, used_rank, fill_index;
  logic                          is_used;
  logic [Entries-1:0]            stays;

  assign stays = is_valid & ~overlaps;
  always_comb begin
    fill_index = '0;
    for (int unsigned i = 0; i < Entries; i++) begin
      if (rank_q[i*INDEX_BITS+:INDEX_BITS] == '0) begin
        fill_index = INDEX_BITS'(i);
      end
    end
    for (int unsigned i = 1; i <= Entries; i++) begin
      if (!stays[Entries-i]) begin
        fill_index = INDEX_BITS'(Entries - i);
      end
    end
  end

  always_comb begin
    is_used = fill_i || (lookup_i && hit_o);
    used_index = fill_i ? fill_index : hit_index;
    used_rank = rank_q[used_index*INDEX_BITS+:INDEX_BITS];
    rank_d = rank_q;
    for (int unsigned i = 0; i < Entries; i++) begin
      if (is_used && rank_q[i*INDEX_BITS+:INDEX_BITS] > used_rank) begin
        rank_d[i*INDEX_BITS+:INDEX_BITS] = rank_q[i*INDEX_BITS+:INDEX_BITS] - 1'b1;
      end
    end
    if (is_used) begin
      rank_d[used_index*INDEX_BITS+:INDEX_BITS] = INDEX_BITS'(Entries - 1);
    end
  end

  always_comb begin
    drop = '0;
    write = '0;
    if (invalidate_i) begin
      drop = is_named;
    end else if (fill_i) begin
      drop = overlaps;
      write[fill_index] = 1'b1;
    end else if (drop_i) begin
      drop = hits;
    end
  end

  logic [Entries*INDEX_BITS-1:0] first_ranks;
  for (genvar i = 0; i < Entries; i++) begin : gen_ranks
    assign first_ranks[i*INDEX_BITS+:INDEX_BITS] = INDEX_BITS'(i);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rank_q <= first_ranks;
    end else begin
      rank_q <= rank_d;
    end
  end

endmodule
