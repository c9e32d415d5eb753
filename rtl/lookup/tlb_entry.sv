// One entry of the TLB: a page, its tags, and everything that is compared with it. Pure comparators
// beside one register; tlb_array says what happens.
module tlb_entry #(
  parameter int unsigned SpanBits = 12  // log2 of what it covers: 12, 21, 30
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic                      write_i,      // becomes page_i
  input  logic                      drop_i,
  input  walker_pkg::tlb_page_t     page_i,       // to be written or looked up
  input  logic [4:0]                span_bits_i,  // of the page to be written
  input  walker_pkg::invalidation_t invalidation_i,
  input  walker_pkg::rule_t         rule_i,       // of the invalidation
  output logic                      is_valid_o,
  output logic                      hits_o,       // it translates page_i.page for the same tags
  output logic                      overlaps_o,   // some lookup could match both
  output logic                      is_named_o,   // the invalidation drops it
  output walker_pkg::tlb_page_t     page_o
);

  walker_pkg::tlb_page_t page_q;
  logic                  is_valid_q;

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

  // Addresses as blocks of the sizes that there are: 4K, 2M, 4M, 1G.
  localparam logic [6:0] SPAN = 7'(SpanBits);
  logic [51:0] other, named;
  logic [6:0]  span;
  assign other = page_q.page ^ page_i.page;
  assign span = (SPAN > {2'b00, span_bits_i}) ? SPAN : {2'b00, span_bits_i};

  logic has_same_space, has_same_pcid, shares_addresses;
  always_comb begin
    has_same_space = page_q.is_combined == page_i.is_combined &&
                     page_q.tags.vpid == page_i.tags.vpid &&
                     page_q.tags.ep4ta == page_i.tags.ep4ta &&
                     page_q.tags.asid == page_i.tags.asid;
    has_same_pcid = page_q.is_global || page_q.tags.pcid == page_i.tags.pcid;
    shares_addresses = other[51:18] == '0 && (span > 7'd21 || other[17:9] == '0) &&
                       (span > 7'd12 || other[8:0] == '0);
    hits_o = is_valid_q && has_same_space && has_same_pcid && other[51:SpanBits-12] == '0;
    overlaps_o = is_valid_q && has_same_space && (has_same_pcid || page_i.is_global) &&
                 shares_addresses;
  end

  // By address: all pieces of the guest's page, or, with guest paging off, of the host's.
  logic [6:0] page_bits, named_bits;
  logic       is_at_address;
  always_comb begin
    named = page_q.page ^ invalidation_i.address[63:12];
    page_bits = page_q.guest_page_bits;
    if (page_bits == 7'(mmu_arch_pkg::NO_PAGE_BITS)) begin
      page_bits = page_q.host_page_bits;
    end
    named_bits = page_bits;
    if (page_bits == 7'(mmu_arch_pkg::NO_PAGE_BITS) || page_bits < SPAN) begin
      named_bits = SPAN;
    end
    is_at_address = named[51:18] == '0 && (named_bits > 7'd22 || named[17:10] == '0) &&
                    (named_bits > 7'd21 || named[9] == 1'b0) &&
                    (named_bits > 7'd12 || named[8:0] == '0);
  end

  logic drops_kind, vpid_matches, asid_matches, ep4ta_matches, pcid_matches;
  always_comb begin
    drops_kind = rule_i.drops_guest || (rule_i.drops_host && page_q.is_combined);
    asid_matches = !rule_i.same_context || page_q.tags.asid == invalidation_i.tags.asid;
    vpid_matches = (!rule_i.same_context || page_q.tags.vpid == invalidation_i.tags.vpid) &&
                   (!rule_i.vpid_zero || page_q.tags.vpid == '0) &&
                   (!rule_i.vpid_not_zero || page_q.tags.vpid != '0);
    ep4ta_matches = !rule_i.same_ep4ta || !page_q.is_combined ||
                    page_q.tags.ep4ta == invalidation_i.tags.ep4ta;
    pcid_matches = !rule_i.same_pcid || page_q.is_global ||
                   page_q.tags.pcid == invalidation_i.tags.pcid;
    is_named_o = is_valid_q && drops_kind && asid_matches && vpid_matches && ep4ta_matches &&
                 pcid_matches && !(rule_i.keeps_globals && page_q.is_global) &&
                 (!rule_i.page_by_address || is_at_address);
  end

  assign is_valid_o = is_valid_q;
  assign page_o = page_q;

endmodule
