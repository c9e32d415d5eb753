// Takes one invalidation at a time and acknowledges it when no older walk that it concerns can act
// on old information: walks are killed in the cycle in which it is taken; updates that they have
// under way, and responses that are valid already, are waited for. So a response must be accepted
// also by who waits for an acknowledgement. Acknowledged at the earliest in the cycle after.
module invalidate_fence #(
  parameter int unsigned Slots = 1
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             invalidate_valid_i,
  output logic             invalidate_ready_o,
  output logic             ack_valid_o,
  input  logic             ack_ready_i,
  input  logic [Slots-1:0] concerns_i,    // the invalidation that is valid now, by slot
  input  logic [Slots-1:0] is_busy_i,
  input  logic [Slots-1:0] is_committed_i,
  output logic [Slots-1:0] kill_o
);

  typedef enum logic {
    StIdle,
    StWait
  } state_e;

  state_e           state_d, state_q;
  logic [Slots-1:0] waits_d, waits_q;  // for these slots
  logic             is_taken;

  assign is_taken = invalidate_valid_i && invalidate_ready_o;
  assign kill_o = is_taken ? concerns_i & is_busy_i : '0;

  always_comb begin
    state_d = state_q;
    waits_d = waits_q & is_committed_i;
    unique case (state_q)
      StIdle: begin
        waits_d = kill_o & is_committed_i;
        state_d = is_taken ? StWait : StIdle;
      end
      StWait: state_d = ack_valid_o && ack_ready_i ? StIdle : StWait;
      default: state_d = StIdle;
    endcase
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::AcknowledgesEarly) begin
      waits_d = '0;
    end
`endif
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= StIdle;
      waits_q <= '0;
    end else begin
      state_q <= state_d;
      waits_q <= waits_d;
    end
  end

  assign invalidate_ready_o = state_q == StIdle;
  assign ack_valid_o = state_q == StWait && waits_q == '0;

endmodule
