// What every valid/ready channel promises: a record that waits stays, as it is, until it is taken.
// An assertion that fails names its channel.
module channel_checker #(
  parameter int unsigned Width = 1,
  parameter string Channel = "channel"
) (
  input logic             clk_i,
  input logic             rst_ni,
  input logic             valid_i,
  input logic             ready_i,
  input logic [Width-1:0] payload_i
);

  StaysValid_A :
  assert property (@(posedge clk_i) disable iff (!rst_ni) valid_i && !ready_i |=> valid_i)
  else $error("%s: valid was taken back before the record was taken", Channel);

  StaysSame_A :
  assert property (@(posedge clk_i) disable iff (!rst_ni)
                   valid_i && !ready_i |=> $stable(payload_i))
  else $error("%s: a record that waits was changed", Channel);

endmodule
