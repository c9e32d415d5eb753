// The nested TLB: host pages by GPA, fully associative, exact LRU, as model/lookup/nested_tlb.h with
// ways 0. One operation a cycle: an invalidation, a fill, or a lookup, which answers in the same
// cycle. A fill drops what it overlaps, takes the lowest free entry, else the least recently used.
// Rights and D are the reader's to judge.
module nested_tlb #(
  parameter int unsigned Entries = 4  // 1 to 64
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic                      invalidate_i,
  input  walker_pkg::invalidation_t invalidation_i,
  input  walker_pkg::rule_t         rule_i,
  input  logic                      fill_i,
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
  logic [INDEX_BITS-1:0] hit_index, fill_index;
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

  logic is_used;
  always_comb begin
    is_used = fill_i || (lookup_i && hit_o);
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::ProbesCountAsUse) begin
      is_used = is_used || invalidate_i;
    end
`endif
  end

  fill_choice #(
    .Entries(Entries)
  ) u_fill_choice (
    .clk_i,
    .rst_ni,
    .is_taken_i(is_valid & ~overlaps),
    .use_i     (is_used),
    .used_i    (fill_i ? fill_index : hit_index),
    .index_o   (fill_index)
  );

  always_comb begin
    drop = '0;
    write = '0;
    if (invalidate_i) begin
      drop = is_named;
    end else if (fill_i) begin
      drop = overlaps;
      write[fill_index] = 1'b1;
    end
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::FillKeepsOverlaps && !invalidate_i) begin
      drop = '0;
    end
`endif
  end

endmodule
