// The entries that one stage of a walk has passed since its last start, and which of them still lack
// an A or D bit. Updates go from the root down: next_* is the highest entry that lacks something.
// One cycle from pass_i or updated_i to the outputs. Not for rights, which are ANDed elsewhere.
module walk_path #(
  parameter int unsigned ExtraBits = 1  // kept with each entry
) (
  input  logic                            clk_i,
  input  logic                            rst_ni,
  input  logic                            clear_i,    // a start; not together with pass_i
  input  logic                            pass_i,
  input  logic [2:0]                      level_i,
  input  logic [63:0]                     entry_i,
  input  logic [walker_pkg::HPA_BITS-1:0] hpa_i,
  input  logic [ExtraBits-1:0]            extra_i,
  input  logic                            lacks_i,    // the entry lacks a bit
  input  logic                            updated_i,  // the entry next_* has been updated
  output logic                            lacks_o,    // some entry passed before lacks a bit
  output logic                            is_last_o,  // one only
  output logic [2:0]                      next_level_o,
  output logic [63:0]                     next_entry_o,
  output logic [walker_pkg::HPA_BITS-1:0] next_hpa_o,
  output logic [ExtraBits-1:0]            next_extra_o
);

  logic [63:0]                     entry_q [mmu_arch_pkg::MAX_LEVELS+1];
  logic [walker_pkg::HPA_BITS-1:0] hpa_q   [mmu_arch_pkg::MAX_LEVELS+1];
  logic [ExtraBits-1:0]            extra_q [mmu_arch_pkg::MAX_LEVELS+1];
  logic [mmu_arch_pkg::MAX_LEVELS:0] lacks_d, lacks_q;  // by level; bit 0 is not used

  always_comb begin
    next_level_o = '0;
    for (int unsigned level = 1; level <= mmu_arch_pkg::MAX_LEVELS; level++) begin
      if (lacks_q[level]) begin
        next_level_o = 3'(level);
      end
    end
  end

  assign lacks_o = lacks_q != '0;
  assign is_last_o = (lacks_q & (lacks_q - 1'b1)) == '0;
  assign next_entry_o = entry_q[next_level_o];
  assign next_hpa_o = hpa_q[next_level_o];
  assign next_extra_o = extra_q[next_level_o];

  always_comb begin
    lacks_d = lacks_q;
    if (updated_i) begin
      lacks_d[next_level_o] = 1'b0;
    end
    if (pass_i) begin
      lacks_d[level_i] = lacks_i;
    end
    if (clear_i) begin
      lacks_d = '0;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      lacks_q <= '0;
    end else begin
      lacks_q <= lacks_d;
    end
  end

  always_ff @(posedge clk_i) begin
    if (pass_i) begin
      entry_q[level_i] <= entry_i;
      hpa_q[level_i] <= hpa_i;
      extra_q[level_i] <= extra_i;
    end
  end

endmodule
