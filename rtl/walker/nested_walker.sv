// The page walker: Slots walks at a time, native or nested, with nested TLB and walk caches or without.
// See walk_slot for the protocol of its channels and the cycles of a walk, invalidate_fence for
// invalidations.
//
// A request goes to the lowest free slot. Reads, updates and responses of several slots take turns on
// one channel each; answers find their slot by number and may come in any order. What a walk reads
// may be written by others at any time: updates are compare-and-swap, and one that is lost makes the
// walk begin anew.
// Not handled: the load of PAE PDPTEs, of which only the host walk is done here (is_pdpte_load); the
// four registers come with each request.
module nested_walker #(
  parameter int unsigned Slots = 1,        // walks at a time, 1 to 16
  parameter int unsigned MaxRestarts = 64,  // lost updates of one walk; 1 to 127
  parameter int unsigned NtlbEntries = 0,   // 0: no nested TLB; at most 64, as below
  parameter int unsigned GuestPwcEntries = 0,  // of the walk cache of the guest stage; 0: none
  parameter int unsigned HostPwcEntries = 0,
  parameter int unsigned PwcPerLevel = 0,  // 1: so many entries for each level, otherwise for all
  parameter int unsigned PwcGuestAddress = 0  // 1: guest entries hold the next table's GPA, not its HPA
) (
  input  logic                             clk_i,
  input  logic                             rst_ni,
  // Request, and the slot that takes it.
  input  logic                             request_valid_i,
  output logic                             request_ready_o,
  input  walker_pkg::request_t             request_i,
  output logic [walker_pkg::SLOT_BITS-1:0] request_slot_o,
  // Response.
  output logic                             response_valid_o,
  input  logic                             response_ready_i,
  output walker_pkg::response_t            response_o,
  // Memory reads; their data are always taken.
  output logic                             read_valid_o,
  input  logic                             read_ready_i,
  output walker_pkg::read_t                read_o,
  input  logic                             data_valid_i,
  input  walker_pkg::read_data_t           data_i,
  // Memory updates; their answers are always taken.
  output logic                             update_valid_o,
  input  logic                             update_ready_i,
  output walker_pkg::update_t              update_o,
  input  logic                             done_valid_i,
  input  walker_pkg::update_done_t         done_i,
  // Invalidation and its acknowledgement.
  input  logic                             invalidate_valid_i,
  output logic                             invalidate_ready_o,
  input  walker_pkg::invalidation_t        invalidate_i,
  output logic                             ack_valid_o,
  input  logic                             ack_ready_i,
  // Record: what nested TLB and walk caches do in this cycle for a walk; the answer to a lookup.
  output logic                             cache_valid_o,
  output walker_pkg::cache_op_t            cache_o,
  output logic                             cache_hit_o,
  output walker_pkg::resume_t              cache_resume_o,
  // Record: walks that begin anew in this cycle, after a kill or a lost update.
  output logic [Slots-1:0]                 killed_o,
  output logic [Slots-1:0]                 restarted_o
);

  localparam int unsigned INDEX_BITS = (Slots > 1) ? $clog2(Slots) : 1;

  logic [Slots-1:0]      request_valid, request_ready;
  logic [Slots-1:0]      response_valid, response_ready;
  logic [Slots-1:0]      read_valid, read_ready;
  logic [Slots-1:0]      update_valid, update_ready;
  logic [Slots-1:0]      cache_valid, cache_ready, cache_maintains;
  logic [Slots-1:0]      kill, concerns, is_busy, is_committed;
  walker_pkg::rule_t     rule;
  logic                  is_invalidated;
  // Flat: Yosys 0.23 drops connections to the elements of an array.
  logic [Slots*walker_pkg::RESPONSE_BITS-1:0] responses;
  logic [Slots*walker_pkg::READ_BITS-1:0]     reads;
  logic [Slots*walker_pkg::UPDATE_BITS-1:0]   updates;
  logic [Slots*walker_pkg::CACHE_OP_BITS-1:0] cache_ops;

  invalidate_rule u_invalidate_rule (
    .invalidation_i(invalidate_i),
    .rule_o        (rule)
  );

  for (genvar i = 0; i < Slots; i++) begin : gen_slots
    walker_pkg::context_t ctx;

    walk_slot #(
      .Slot           (walker_pkg::SLOT_BITS'(i)),
      .MaxRestarts    (MaxRestarts),
      .HasNtlb        (NtlbEntries != 0),
      .HasGuestPwc    (GuestPwcEntries != 0),
      .HasHostPwc     (HostPwcEntries != 0),
      .PwcGuestAddress(PwcGuestAddress != 0)
    ) u_walk_slot (
      .clk_i,
      .rst_ni,
      .request_valid_i (request_valid[i]),
      .request_ready_o (request_ready[i]),
      .request_i       (request_i),
      .response_valid_o(response_valid[i]),
      .response_ready_i(response_ready[i]),
      .response_o      (responses[i*walker_pkg::RESPONSE_BITS+:walker_pkg::RESPONSE_BITS]),
      .read_valid_o    (read_valid[i]),
      .read_ready_i    (read_ready[i]),
      .read_o          (reads[i*walker_pkg::READ_BITS+:walker_pkg::READ_BITS]),
      .data_valid_i    (data_valid_i && data_i.slot == walker_pkg::SLOT_BITS'(i)),
      .data_i          (data_i),
      .update_valid_o  (update_valid[i]),
      .update_ready_i  (update_ready[i]),
      .update_o        (updates[i*walker_pkg::UPDATE_BITS+:walker_pkg::UPDATE_BITS]),
      .done_valid_i    (done_valid_i && done_i.slot == walker_pkg::SLOT_BITS'(i)),
      .done_i          (done_i),
      .cache_valid_o   (cache_valid[i]),
      .cache_ready_i   (cache_ready[i]),
      .cache_maintains_o(cache_maintains[i]),
      .cache_o         (cache_ops[i*walker_pkg::CACHE_OP_BITS+:walker_pkg::CACHE_OP_BITS]),
      .cache_hit_i     (cache_hit_o),
      .cache_resume_i  (cache_resume_o),
      .kill_i          (kill[i]),
      .ctx_o           (ctx),
      .is_busy_o       (is_busy[i]),
      .is_committed_o  (is_committed[i]),
      .killed_o        (killed_o[i]),
      .restarted_o     (restarted_o[i])
    );

    invalidate_match u_invalidate_match (
      .invalidation_i(invalidate_i),
      .rule_i        (rule),
      .ctx_i         (ctx),
      .concerns_o    (concerns[i])
    );
  end

  // The lowest free slot.
  always_comb begin
    request_slot_o = '0;
    for (int unsigned i = 1; i <= Slots; i++) begin
      if (request_ready[Slots-i]) begin
        request_slot_o = walker_pkg::SLOT_BITS'(Slots - i);
      end
    end
    request_valid = '0;
    request_valid[request_slot_o[INDEX_BITS-1:0]] = request_valid_i;
    request_ready_o = |request_ready;
  end

  logic [INDEX_BITS-1:0] response_grant, read_grant, update_grant;

  stream_arbiter #(
    .Streams(Slots)
  ) u_response_arbiter (
    .clk_i,
    .rst_ni,
    .valid_i(response_valid),
    .ready_o(response_ready),
    .valid_o(response_valid_o),
    .ready_i(response_ready_i),
    .grant_o(response_grant)
  );

  stream_arbiter #(
    .Streams(Slots)
  ) u_read_arbiter (
    .clk_i,
    .rst_ni,
    .valid_i(read_valid),
    .ready_o(read_ready),
    .valid_o(read_valid_o),
    .ready_i(read_ready_i),
    .grant_o(read_grant)
  );

  stream_arbiter #(
    .Streams(Slots)
  ) u_update_arbiter (
    .clk_i,
    .rst_ni,
    .valid_i(update_valid),
    .ready_o(update_ready),
    .valid_o(update_valid_o),
    .ready_i(update_ready_i),
    .grant_o(update_grant)
  );

  // The caches do one thing a cycle: an invalidation, what fills or drops, a lookup.
  logic [Slots-1:0]      cache_asks;
  logic [INDEX_BITS-1:0] cache_grant;
  assign is_invalidated = invalidate_valid_i && invalidate_ready_o;
  assign cache_asks = (cache_maintains != '0) ? cache_maintains : cache_valid;

  stream_arbiter #(
    .Streams(Slots),
    .Holds  (1'b0)
  ) u_cache_arbiter (
    .clk_i,
    .rst_ni,
    .valid_i(is_invalidated ? '0 : cache_asks),
    .ready_o(cache_ready),
    .valid_o(cache_valid_o),
    .ready_i(!is_invalidated),
    .grant_o(cache_grant)
  );
  assign cache_o = cache_ops[cache_grant*walker_pkg::CACHE_OP_BITS+:walker_pkg::CACHE_OP_BITS];

  walk_structures #(
    .NtlbEntries    (NtlbEntries),
    .GuestPwcEntries(GuestPwcEntries),
    .HostPwcEntries (HostPwcEntries),
    .PwcPerLevel    (PwcPerLevel != 0)
  ) u_walk_structures (
    .clk_i,
    .rst_ni,
    .invalidate_i  (is_invalidated),
    .invalidation_i(invalidate_i),
    .valid_i       (cache_valid_o),
    .op_i          (cache_o),
    .hit_o         (cache_hit_o),
    .resume_o      (cache_resume_o)
  );

  assign response_o = responses[response_grant*walker_pkg::RESPONSE_BITS+:walker_pkg::RESPONSE_BITS];
  assign read_o = reads[read_grant*walker_pkg::READ_BITS+:walker_pkg::READ_BITS];
  assign update_o = updates[update_grant*walker_pkg::UPDATE_BITS+:walker_pkg::UPDATE_BITS];

  invalidate_fence #(
    .Slots(Slots)
  ) u_invalidate_fence (
    .clk_i,
    .rst_ni,
    .invalidate_valid_i,
    .invalidate_ready_o,
    .ack_valid_o,
    .ack_ready_i,
    .concerns_i    (concerns),
    .is_busy_i     (is_busy),
    .is_committed_i(is_committed),
    .kill_o        (kill)
  );

endmodule
