// The pages of one size in a TLB: set-associative, as one array of model/lookup/page_arrays.h. One
// operation a cycle: an invalidation, a fill of some array of the TLB, which drops what overlaps the
// page everywhere, or a lookup, which answers in the same cycle. A fill takes the lowest free way of
// its set, else the victim. Whether a hit serves is the reader's to judge: use_i.
module tlb_array #(
  parameter int unsigned Entries = 4,
  parameter int unsigned Ways = 4,       // divides Entries; the sets are a power of two; 0: all
  parameter int unsigned SpanBits = 12,  // log2 of the page size: 12, 21, 30
  parameter int unsigned IsTree = 0            // tree-PLRU, otherwise LRU
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic                      invalidate_i,
  input  walker_pkg::invalidation_t invalidation_i,
  input  walker_pkg::rule_t         rule_i,
  input  logic                      fill_i,      // some array is filled with page_i
  input  logic [4:0]                span_bits_i, // of that page: which array
  input  logic                      use_i,       // the hit serves
  input  walker_pkg::tlb_page_t     page_i,
  output logic                      hit_o,
  output walker_pkg::tlb_page_t     page_o,
  output logic                      evicts_o,    // the fill, a page that is still valid
  output walker_pkg::tlb_page_t     victim_o
);

  localparam int unsigned WAYS = (Ways == 0) ? Entries : Ways;
  localparam int unsigned SETS = Entries / WAYS;
  localparam int unsigned WAY_BITS = (WAYS > 1) ? $clog2(WAYS) : 1;
  localparam int unsigned SET_BITS = (SETS > 1) ? $clog2(SETS) : 1;
  localparam int unsigned PAGE_BITS = walker_pkg::TLB_PAGE_BITS;

  logic [Entries-1:0] is_valid, hits, overlaps, is_named, drop, write;
  logic [Entries*PAGE_BITS-1:0] pages;

  for (genvar i = 0; i < Entries; i++) begin : gen_entries
    tlb_entry #(
      .SpanBits(SpanBits)
    ) u_tlb_entry (
      .clk_i,
      .rst_ni,
      .write_i   (write[i]),
      .drop_i    (drop[i]),
      .page_i,
      .span_bits_i,
      .invalidation_i,
      .rule_i,
      .is_valid_o(is_valid[i]),
      .hits_o    (hits[i]),
      .overlaps_o(overlaps[i]),
      .is_named_o(is_named[i]),
      .page_o    (pages[i*PAGE_BITS+:PAGE_BITS])
    );
  end

  logic [SET_BITS-1:0] set_index;
  if (SETS > 1) begin : gen_set
    assign set_index = page_i.page[SpanBits-12+:SET_BITS];
  end else begin : gen_one_set
    assign set_index = '0;
  end

  // At most one entry hits.
  logic [WAY_BITS-1:0] hit_way;
  always_comb begin
    hit_o = |hits;
    hit_way = '0;
    page_o = '0;
    for (int unsigned i = 0; i < Entries; i++) begin
      if (hits[i]) begin
        hit_way = WAY_BITS'(i % WAYS);
        page_o = page_o | pages[i*PAGE_BITS+:PAGE_BITS];
      end
    end
  end

  logic [SETS*WAY_BITS-1:0] victims;
  logic [WAY_BITS-1:0]      fill_way, used_way;
  logic [WAYS-1:0]          stays;  // of the set
  logic                     fills_here, is_used;
  assign fills_here = fill_i && span_bits_i == 5'(SpanBits);
  assign is_used = fills_here || use_i;
  assign used_way = fills_here ? fill_way : hit_way;

  always_comb begin
    stays = '0;
    for (int unsigned i = 0; i < Entries; i++) begin
      if (SET_BITS'(i / WAYS) == set_index) begin
        stays[i%WAYS] = is_valid[i] && !overlaps[i];
      end
    end
    fill_way = victims[set_index*WAY_BITS+:WAY_BITS];
    for (int unsigned i = 1; i <= WAYS; i++) begin
      if (!stays[WAYS-i]) begin
        fill_way = WAY_BITS'(WAYS - i);
      end
    end
    evicts_o = fills_here && (&stays);
    victim_o = pages[(set_index*WAYS+{{(32-WAY_BITS){1'b0}}, fill_way})*PAGE_BITS+:PAGE_BITS];
  end

  for (genvar i = 0; i < SETS; i++) begin : gen_replacement
    replacement #(
      .Ways  (WAYS),
      .IsTree(IsTree)
    ) u_replacement (
      .clk_i,
      .rst_ni,
      .use_i   (is_used && set_index == SET_BITS'(i)),
      .way_i   (used_way),
      .victim_o(victims[i*WAY_BITS+:WAY_BITS])
    );
  end

  always_comb begin
    drop = '0;
    write = '0;
    if (invalidate_i) begin
      drop = is_named;
    end else if (fill_i) begin
      drop = overlaps;
      for (int unsigned i = 0; i < Entries; i++) begin
        write[i] = fills_here && SET_BITS'(i / WAYS) == set_index &&
                   WAY_BITS'(i % WAYS) == fill_way;
      end
    end
  end

endmodule
