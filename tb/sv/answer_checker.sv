// What answers of a memory promise: each belongs to a request of its slot that was taken before, and
// a slot has one under way.
module answer_checker #(
  parameter string Channel = "channel"
) (
  input logic                             clk_i,
  input logic                             rst_ni,
  input logic                             taken_i,
  input logic [walker_pkg::SLOT_BITS-1:0] slot_i,
  input logic                             answer_i,
  input logic [walker_pkg::SLOT_BITS-1:0] answer_slot_i
);

  logic [15:0] is_open_q;  // by slot

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      is_open_q <= '0;
    end else begin
      if (answer_i) begin
        is_open_q[answer_slot_i] <= 1'b0;
      end
      if (taken_i) begin
        is_open_q[slot_i] <= 1'b1;
      end
    end
  end

  Asked_A :
  assert property (@(posedge clk_i) disable iff (!rst_ni) answer_i |-> is_open_q[answer_slot_i])
  else $error("%s: an answer to no request", Channel);

  OneAtATime_A :
  assert property (@(posedge clk_i) disable iff (!rst_ni) taken_i |-> !is_open_q[slot_i])
  else $error("%s: a second request of a slot", Channel);

endmodule
