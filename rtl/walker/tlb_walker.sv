// TLB and walker behind the boundary of the walker: a request that hits is answered in the cycle
// after it was taken, one that misses is walked, and what a walk finds is kept. Requests are taken at
// one a cycle while they hit; responses come in any order and carry the id of their request.
//
// One invalidation port and one acknowledgement for both: entries are dropped in the cycle in which
// the invalidation is taken, walks are killed in the same cycle (invalidate_fence), and it is
// acknowledged when neither a walk nor a hit that is older can answer any more. A response on its way
// then is delivered but not kept. A fault drops what is cached for its addresses, as the manuals
// say (SDM vol. 3, 4.10.4.1, "Operations that invalidate cached mappings").
// In a cycle the TLB does one thing: a response of the walker is kept or drops, else an invalidation,
// else a lookup.
module tlb_walker #(
  parameter int unsigned Slots = 1,
  parameter int unsigned MaxRestarts = 64,
  parameter int unsigned NtlbEntries = 0,
  parameter int unsigned GuestPwcEntries = 0,
  parameter int unsigned HostPwcEntries = 0,
  parameter int unsigned PwcPerLevel = 0,
  parameter int unsigned PwcGuestAddress = 0,
  parameter int unsigned Entries4k = 64,  // as l1_tlb
  parameter int unsigned Ways4k = 4,
  parameter int unsigned Entries2m = 32,
  parameter int unsigned Ways2m = 4,
  parameter int unsigned Entries1g = 4,
  parameter int unsigned Ways1g = 4,
  parameter int unsigned KeepPieces = 1,
  parameter int unsigned IsTree = 0
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  // Request.
  input  logic                      request_valid_i,
  output logic                      request_ready_o,
  input  walker_pkg::request_t      request_i,
  // Response; its slot is that of the walk, 0 for a hit.
  output logic                      response_valid_o,
  input  logic                      response_ready_i,
  output walker_pkg::response_t     response_o,
  // Memory reads; their data are always taken.
  output logic                      read_valid_o,
  input  logic                      read_ready_i,
  output walker_pkg::read_t         read_o,
  input  logic                      data_valid_i,
  input  walker_pkg::read_data_t    data_i,
  // Memory updates; their answers are always taken.
  output logic                      update_valid_o,
  input  logic                      update_ready_i,
  output walker_pkg::update_t       update_o,
  input  logic                      done_valid_i,
  input  walker_pkg::update_done_t  done_i,
  // Invalidation and its acknowledgement.
  input  logic                      invalidate_valid_i,
  output logic                      invalidate_ready_o,
  input  walker_pkg::invalidation_t invalidate_i,
  output logic                      ack_valid_o,
  input  logic                      ack_ready_i,
  // Record: a request was taken and is a hit; a response is kept.
  output logic                      hit_o,
  output logic                      fill_o
);

  // What is needed of a request when its walk is over.
  localparam int unsigned NOTE_BITS = 102;

  // ------------------------------------------------------------------ walker
  logic                             miss_valid_q, walk_ready, walk_valid, walk_taken;
  walker_pkg::request_t             miss_q;
  logic [walker_pkg::SLOT_BITS-1:0] walk_slot;
  walker_pkg::response_t            walk_response;
  logic                             invalidate_ready, invalidates, ack_valid;

  logic                  unused_cache_valid, unused_cache_hit;
  walker_pkg::cache_op_t unused_cache;
  walker_pkg::resume_t   unused_cache_resume;
  logic [Slots-1:0]      unused_killed, unused_restarted;

  nested_walker #(
    .Slots          (Slots),
    .MaxRestarts    (MaxRestarts),
    .NtlbEntries    (NtlbEntries),
    .GuestPwcEntries(GuestPwcEntries),
    .HostPwcEntries (HostPwcEntries),
    .PwcPerLevel    (PwcPerLevel),
    .PwcGuestAddress(PwcGuestAddress)
  ) u_nested_walker (
    .clk_i,
    .rst_ni,
    .request_valid_i   (miss_valid_q),
    .request_ready_o   (walk_ready),
    .request_i         (miss_q),
    .request_slot_o    (walk_slot),
    .response_valid_o  (walk_valid),
    .response_ready_i  (walk_taken),
    .response_o        (walk_response),
    .read_valid_o,
    .read_ready_i,
    .read_o,
    .data_valid_i,
    .data_i,
    .update_valid_o,
    .update_ready_i,
    .update_o,
    .done_valid_i,
    .done_i,
    .invalidate_valid_i(invalidates),
    .invalidate_ready_o(invalidate_ready),
    .invalidate_i,
    .ack_valid_o       (ack_valid),
    .ack_ready_i       (ack_valid_o && ack_ready_i),
    .cache_valid_o     (unused_cache_valid),
    .cache_o           (unused_cache),
    .cache_hit_o       (unused_cache_hit),
    .cache_resume_o    (unused_cache_resume),
    .killed_o          (unused_killed),
    .restarted_o       (unused_restarted)
  );

  logic [Slots*NOTE_BITS-1:0] notes_q;
  logic                       note_is_page, note_has_host;
  walker_pkg::tags_t          note_tags;
  always_ff @(posedge clk_i) begin
    if (miss_valid_q && walk_ready) begin
      notes_q[{28'd0, walk_slot}*NOTE_BITS+:NOTE_BITS] <=
          {!miss_q.is_pdpte_load, miss_q.ctx.has_host, miss_q.ctx.tags};
    end
  end
  assign {note_is_page, note_has_host, note_tags} =
      notes_q[{28'd0, walk_response.slot}*NOTE_BITS+:NOTE_BITS];

  // ------------------------------------------------------------------ TLB
  logic                      looks_up, hits, fills, drops, is_fenced_q;
  walker_pkg::response_t     hit_response, hit_q;
  logic                      hit_valid_q, hit_taken;
  walker_pkg::invalidation_t dropped;

  // An older response may hold what an invalidation is to drop.
  assign fills = walk_taken && note_is_page && walk_response.is_translation && !is_fenced_q;
  assign drops = walk_taken && note_is_page && !walk_response.is_translation;
  assign invalidates = invalidate_valid_i && !walk_taken;
  assign invalidate_ready_o = invalidate_ready && !walk_taken;

  always_comb begin
    dropped = invalidate_i;
    if (drops) begin
      dropped = '0;
      dropped.op = mmu_arch_pkg::OpPageFault;
      dropped.rules = mmu_arch_pkg::TagIntel;
      if (walk_response.fault == mmu_arch_pkg::FaultEptViolation) begin
        dropped.op = mmu_arch_pkg::OpEptViolation;
      end
      if (walk_response.fault == mmu_arch_pkg::FaultNestedPageFault) begin
        dropped.op = mmu_arch_pkg::OpNestedPageFault;
        dropped.rules = mmu_arch_pkg::TagAmd;
      end
      dropped.tags = note_tags;
      dropped.address = walk_response.address;
      dropped.gpa = walk_response.gpa;
    end
  end

  logic                  unused_matches, unused_evicts;
  logic [4:0]            fill_span_bits;
  walker_pkg::tlb_page_t unused_victim;

  l1_tlb #(
    .Entries4k (Entries4k),
    .Ways4k    (Ways4k),
    .Entries2m (Entries2m),
    .Ways2m    (Ways2m),
    .Entries1g (Entries1g),
    .Ways1g    (Ways1g),
    .KeepPieces(KeepPieces),
    .IsTree    (IsTree)
  ) u_l1_tlb (
    .clk_i,
    .rst_ni,
    .invalidate_i    (drops || (invalidate_valid_i && invalidate_ready_o)),
    .invalidation_i  (dropped),
    .fill_i          (fills),
    .fill_response_i (walk_response),
    .fill_tags_i     (note_tags),
    .fill_has_host_i (note_has_host),
    .lookup_i        (looks_up),
    .request_i,
    .hit_o           (hits),
    .response_o      (hit_response),
    .matches_o       (unused_matches),
    .fill_span_bits_o(fill_span_bits),
    .evicts_o        (unused_evicts),
    .victim_o        (unused_victim)
  );

  // ------------------------------------------------------------------ requests
  // The load of PDPTEs is no translation that may be kept or looked up: it is always walked, and what
  // it finds is kept by nobody.
  logic may_look_up, has_room;
  assign may_look_up = !walk_taken && !(invalidate_valid_i && invalidate_ready_o);
  assign looks_up = request_valid_i && may_look_up && has_room && !request_i.is_pdpte_load;
  assign has_room = (!miss_valid_q || walk_ready) && (!hit_valid_q || hit_taken);
  assign request_ready_o = may_look_up && has_room;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      miss_valid_q <= 1'b0;
      hit_valid_q <= 1'b0;
    end else begin
      miss_valid_q <= (miss_valid_q && !walk_ready) ||
                      (request_valid_i && request_ready_o && !hits);
      hit_valid_q <= (hit_valid_q && !hit_taken) || hits;
    end
  end

  always_ff @(posedge clk_i) begin
    if (request_valid_i && request_ready_o) begin
      miss_q <= request_i;
    end
    if (hits) begin
      hit_q <= hit_response;
    end
  end

  // ------------------------------------------------------------------ responses
  logic [1:0] ready;
  logic       is_walk;

  stream_arbiter #(
    .Streams(2)
  ) u_response_arbiter (
    .clk_i,
    .rst_ni,
    .valid_i({walk_valid, hit_valid_q}),
    .ready_o(ready),
    .valid_o(response_valid_o),
    .ready_i(response_ready_i),
    .grant_o(is_walk)
  );
  assign hit_taken = hit_valid_q && ready[0];
  assign walk_taken = walk_valid && ready[1];
  assign response_o = is_walk ? walk_response : hit_q;

  // ------------------------------------------------------------------ fence
  logic waits_for_hit_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      is_fenced_q <= 1'b0;
      waits_for_hit_q <= 1'b0;
    end else begin
      is_fenced_q <= (is_fenced_q && !(ack_valid_o && ack_ready_i)) ||
                     (invalidate_valid_i && invalidate_ready_o);
      waits_for_hit_q <= !hit_taken && (waits_for_hit_q || (invalidate_valid_i &&
                                                            invalidate_ready_o && hit_valid_q));
    end
  end
  assign ack_valid_o = ack_valid && !waits_for_hit_q;

  assign hit_o = hits;
  assign fill_o = fills && fill_span_bits != '0;

endmodule
