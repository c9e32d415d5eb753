// Lets one of N waiting streams through, in turn. With Holds, a stream that has been shown stays until
// it is taken, so that a record that waits does not change; without, streams may withdraw. Combinational from valid_i to valid_o and from
// ready_i to ready_o; no cycle is lost. Not for payloads: who instantiates it selects by grant_o.
module stream_arbiter #(
  parameter int unsigned Streams = 2,  // 1 to 16
  parameter bit Holds = 1'b1,
  parameter int unsigned IndexBits = (Streams > 1) ? $clog2(Streams) : 1
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic [Streams-1:0]   valid_i,
  output logic [Streams-1:0]   ready_o,
  output logic                 valid_o,
  input  logic                 ready_i,
  output logic [IndexBits-1:0] grant_o
);

  logic [IndexBits-1:0] first_d, first_q;  // who has the first choice
  logic                 is_held_q;         // it was shown and not taken

  // The first from first_q on, otherwise the first of all.
  always_comb begin
    grant_o = first_q;
    if (!is_held_q) begin
      for (int unsigned i = 1; i <= Streams; i++) begin
        if (valid_i[Streams-i]) begin
          grant_o = IndexBits'(Streams - i);
        end
      end
      for (int unsigned i = 1; i <= Streams; i++) begin
        if (valid_i[Streams-i] && IndexBits'(Streams - i) >= first_q) begin
          grant_o = IndexBits'(Streams - i);
        end
      end
    end
  end

  // Apart, so that nobody sees a path from ready to valid.
  assign valid_o = |valid_i;
  always_comb begin
    ready_o = '0;
    ready_o[grant_o] = ready_i;
  end

  always_comb begin
    first_d = first_q;
    if (valid_o) begin
      first_d = grant_o;
      if (ready_i) begin
        first_d = (grant_o == IndexBits'(Streams - 1)) ? '0 : grant_o + 1'b1;
      end
`ifdef NESTWALK_BUGS
      if (bug_pkg::active == bug_pkg::OvertakesWaiting) begin
        first_d = (grant_o == IndexBits'(Streams - 1)) ? '0 : grant_o + 1'b1;
      end
`endif
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      first_q <= '0;
      is_held_q <= 1'b0;
    end else begin
      first_q <= first_d;
      is_held_q <= Holds && valid_o && !ready_i;
`ifdef NESTWALK_BUGS
      if (bug_pkg::active == bug_pkg::OvertakesWaiting) begin
        is_held_q <= 1'b0;
      end
`endif
    end
  end

endmodule
