// A first-level TLB: pages by linear address (with guest paging off, by GPA), native and nested ones
// alike, with the tags and the sizes of both stages; as model/lookup/tlb.h with an array for each page
// size. One operation a cycle, of which an invalidation comes before a fill and a fill before a
// lookup; a lookup answers in the same cycle.
//
// Rights are judged at every hit, under the control bits of the request: an entry that does not permit
// the access, or a write whose D bit is not known to be set, is a miss. No fault is ever raised here.
// A page whose size has no array is kept as a piece of the next smaller size that has one (a 4M page
// as 2M pieces), unless KeepPieces is off. A fill drops what it overlaps, so that at most one entry
// matches. Not for guest-physical mappings: see nested_tlb.
module l1_tlb #(
  parameter int unsigned Entries4k = 64,  // 0: none
  parameter int unsigned Ways4k = 4,      // 0: fully associative
  parameter int unsigned Entries2m = 32,
  parameter int unsigned Ways2m = 4,
  parameter int unsigned Entries1g = 4,
  parameter int unsigned Ways1g = 4,
  parameter int unsigned KeepPieces = 1,
  parameter int unsigned IsTree = 0             // tree-PLRU, otherwise LRU
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic                      invalidate_i,
  input  walker_pkg::invalidation_t invalidation_i,
  // The response of a walk, the tags of its request, and whether that had a host stage.
  input  logic                      fill_i,
  input  walker_pkg::response_t     fill_response_i,
  input  walker_pkg::tags_t         fill_tags_i,
  input  logic                      fill_has_host_i,
  input  logic                      lookup_i,
  input  walker_pkg::request_t      request_i,
  output logic                      hit_o,
  output walker_pkg::response_t     response_o,
  // Record: an entry matched, though it may not serve; what the fill covers now (0: not kept), and
  // what it cost.
  output logic                      matches_o,
  output logic [4:0]                fill_span_bits_o,
  output logic                      evicts_o,
  output walker_pkg::tlb_page_t     victim_o
);

  localparam logic [6:0] NO_PAGE = 7'(mmu_arch_pkg::NO_PAGE_BITS);
  localparam logic [6:0] PAGE_4M = 7'd22;

  walker_pkg::rule_t rule;
  invalidate_rule u_invalidate_rule (
    .invalidation_i,
    .rule_o(rule)
  );

  // ------------------------------------------------------------------ what is written or looked up
  logic [6:0]  page_bits;
  logic [4:0]  span_bits;
  logic        is_whole;
  logic [51:0] span_mask;  // of frames
  always_comb begin
    page_bits = fill_response_i.guest_page_bits;
    if (fill_response_i.host_page_bits < page_bits) begin
      page_bits = fill_response_i.host_page_bits;
    end
    if (page_bits == NO_PAGE) begin
      page_bits = 7'd12;
    end
    span_bits = '0;
    if (Entries4k != 0) begin
      span_bits = 5'd12;
    end
    if (Entries2m != 0 && page_bits >= 7'd21) begin
      span_bits = 5'd21;
    end
    if (Entries1g != 0 && page_bits >= 7'd30) begin
      span_bits = 5'd30;
    end
    is_whole = {2'b00, span_bits} == page_bits || (page_bits == PAGE_4M && span_bits == 5'd21);
    fill_span_bits_o = (is_whole || KeepPieces != 0) ? span_bits : 5'd0;
    span_mask = (fill_span_bits_o == 5'd30)   ? 52'h3ffff
                : (fill_span_bits_o == 5'd21) ? 52'h1ff
                                              : 52'h0;
  end

  logic                  fills, has_host;
  walker_pkg::tags_t     tags;
  walker_pkg::tlb_page_t page;
  assign fills = fill_i && fill_span_bits_o != '0;
  assign has_host = fill_i ? fill_has_host_i : request_i.ctx.has_host;
  assign tags = fill_i ? fill_tags_i : request_i.ctx.tags;
  always_comb begin
    page = '0;
    page.page = request_i.address[63:12];
    if (fill_i) begin
      page.page = fill_response_i.address[63:12] & ~span_mask;
      page.gpa_page = fill_response_i.gpa[63:12] & ~span_mask;
      page.hpa_page = fill_response_i.hpa[63:12] & ~span_mask;
      page.guest_page_bits = fill_response_i.guest_page_bits;
      page.host_page_bits = fill_response_i.host_page_bits;
      page.protection_key = fill_response_i.protection_key;
      page.dirty = fill_response_i.dirty;
      page.is_global = fill_response_i.is_global;
      page.guest_rights = fill_response_i.guest_rights;
      page.host_rights = fill_response_i.host_rights;
    end
    page.is_combined = has_host;
    page.tags = tags;
    if (!has_host) begin
      page.tags.ep4ta = '0;
    end
  end

  // ------------------------------------------------------------------ one array for each page size
  logic                  hit_4k, hit_2m, hit_1g, evicts_4k, evicts_2m, evicts_1g;
  walker_pkg::tlb_page_t page_4k, page_2m, page_1g, victim_4k, victim_2m, victim_1g;
  logic                  is_used;

  if (Entries4k != 0) begin : gen_4k
    tlb_array #(
      .Entries (Entries4k),
      .Ways    (Ways4k),
      .SpanBits(12),
      .IsTree  (IsTree)
    ) u_tlb_array (
      .clk_i,
      .rst_ni,
      .invalidate_i,
      .invalidation_i,
      .rule_i     (rule),
      .fill_i     (fills),
      .span_bits_i(fill_span_bits_o),
      .use_i      (is_used && hit_4k),
      .page_i     (page),
      .hit_o      (hit_4k),
      .page_o     (page_4k),
      .evicts_o   (evicts_4k),
      .victim_o   (victim_4k)
    );
  end else begin : gen_no_4k
    assign hit_4k = 1'b0;
    assign page_4k = '0;
    assign evicts_4k = 1'b0;
    assign victim_4k = '0;
  end

  if (Entries2m != 0) begin : gen_2m
    tlb_array #(
      .Entries (Entries2m),
      .Ways    (Ways2m),
      .SpanBits(21),
      .IsTree  (IsTree)
    ) u_tlb_array (
      .clk_i,
      .rst_ni,
      .invalidate_i,
      .invalidation_i,
      .rule_i     (rule),
      .fill_i     (fills),
      .span_bits_i(fill_span_bits_o),
      .use_i      (is_used && hit_2m),
      .page_i     (page),
      .hit_o      (hit_2m),
      .page_o     (page_2m),
      .evicts_o   (evicts_2m),
      .victim_o   (victim_2m)
    );
  end else begin : gen_no_2m
    assign hit_2m = 1'b0;
    assign page_2m = '0;
    assign evicts_2m = 1'b0;
    assign victim_2m = '0;
  end

  if (Entries1g != 0) begin : gen_1g
    tlb_array #(
      .Entries (Entries1g),
      .Ways    (Ways1g),
      .SpanBits(30),
      .IsTree  (IsTree)
    ) u_tlb_array (
      .clk_i,
      .rst_ni,
      .invalidate_i,
      .invalidation_i,
      .rule_i     (rule),
      .fill_i     (fills),
      .span_bits_i(fill_span_bits_o),
      .use_i      (is_used && hit_1g),
      .page_i     (page),
      .hit_o      (hit_1g),
      .page_o     (page_1g),
      .evicts_o   (evicts_1g),
      .victim_o   (victim_1g)
    );
  end else begin : gen_no_1g
    assign hit_1g = 1'b0;
    assign page_1g = '0;
    assign evicts_1g = 1'b0;
    assign victim_1g = '0;
  end

  assign evicts_o = evicts_4k || evicts_2m || evicts_1g;
  assign victim_o = evicts_1g ? victim_1g : evicts_2m ? victim_2m : victim_4k;

  // ------------------------------------------------------------------ whether the entry serves
  walker_pkg::tlb_page_t found;
  logic [63:0]           offset_mask, offset;
  assign found = hit_1g ? page_1g : hit_2m ? page_2m : page_4k;
  assign offset_mask = hit_1g ? 64'h3fff_ffff : hit_2m ? 64'h1f_ffff : 64'hfff;
  assign offset = request_i.address & offset_mask;

  logic        guest_permits, host_permits, is_clean_write;
  logic [33:0] unused_guest_code, unused_host_code;
  logic        unused_is_npt, unused_has_ad, unused_is_write;

  guest_judge u_guest_judge (
    .request_i,
    .rights_i     (found.guest_rights),
    .key_i        (found.protection_key),
    .is_leaf_i    (1'b1),
    .is_present_i (1'b1),
    .is_reserved_i(1'b0),
    .permits_o    (guest_permits),
    .code_o       (unused_guest_code)
  );

  host_judge u_host_judge (
    .request_i,
    .purpose_i    (walker_pkg::PurposeFinal),
    .user_page_i  (!request_i.ctx.has_guest || found.guest_rights[mmu_arch_pkg::GUEST_USER]),
    .rights_i     (found.host_rights),
    .reported_i   ('0),
    .is_present_i (1'b1),
    .is_reserved_i(1'b0),
    .is_npt_o     (unused_is_npt),
    .has_ad_o     (unused_has_ad),
    .is_write_o   (unused_is_write),
    .permits_o    (host_permits),
    .code_o       (unused_host_code)
  );

  assign is_clean_write = request_i.access == mmu_arch_pkg::AccessWrite && !found.dirty;
  assign matches_o = lookup_i && !fill_i && !invalidate_i && (hit_4k || hit_2m || hit_1g);
  assign hit_o = matches_o && !is_clean_write && (guest_permits || !request_i.ctx.has_guest) &&
                 (host_permits || !request_i.ctx.has_host);
  assign is_used = hit_o;

  always_comb begin
    response_o = '0;
    response_o.id = request_i.id;
    response_o.is_translation = 1'b1;
    response_o.address = request_i.address;
    response_o.gpa = {found.gpa_page, 12'd0} | offset;
    response_o.hpa = {found.hpa_page, 12'd0} | offset;
    response_o.guest_page_bits = found.guest_page_bits;
    response_o.host_page_bits = found.host_page_bits;
    response_o.protection_key = found.protection_key;
    response_o.dirty = found.dirty;
    response_o.is_global = found.is_global;
    response_o.guest_rights = found.guest_rights;
    response_o.host_rights = found.host_rights;
  end

  // What is compared is the arrays' to choose; a walk's fault fills nothing.
  logic unused_fields;
  assign unused_fields = ^{found.page, found.is_combined, found.tags, fill_response_i};

endmodule
