// The entries that one stage of a walk has passed since its last start: which of them still lack an A
// or D bit, and which pointers to tables they hold that a walk cache may keep. From the root down:
// next_* is the highest entry that lacks something; when none does, the highest one whose table was
// found by the entry passed before it. Of that pointer the walk cache keeps where this entry stands,
// and what was known of the path above it (extra_i).
// One cycle from pass_i, updated_i or filled_i to the outputs. Not for rights, which are ANDed elsewhere.
module walk_path #(
  parameter int unsigned ExtraBits = 1,  // kept with each entry
  parameter bit KeepsTables = 1'b0       // there is a walk cache
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
  input  logic                            filled_i,   // the table of the entry next_* has been kept
  output logic                            lacks_o,    // some entry passed before lacks a bit
  output logic                            is_last_o,  // one only
  output logic                            is_first_o,  // no entry has been passed before
  output logic                            has_tables_o,  // some table is to be kept
  output logic                            is_last_table_o,  // one only
  output logic [2:0]                      next_level_o,
  output logic [63:0]                     next_entry_o,
  output logic [walker_pkg::HPA_BITS-1:0] next_hpa_o,
  output logic [ExtraBits-1:0]            next_extra_o
);

  logic [63:0]                     entry_q [mmu_arch_pkg::MAX_LEVELS+1];
  logic [walker_pkg::HPA_BITS-1:0] hpa_q   [mmu_arch_pkg::MAX_LEVELS+1];
  logic [ExtraBits-1:0]            extra_q [mmu_arch_pkg::MAX_LEVELS+1];
  // By level; bit 0 is not used.
  logic [mmu_arch_pkg::MAX_LEVELS:0] lacks_d, lacks_q, tables_d, tables_q, due;
  logic                              is_first_d, is_first_q;

  assign due = lacks_o ? lacks_q : tables_q;
  always_comb begin
    next_level_o = '0;
    for (int unsigned level = 1; level <= mmu_arch_pkg::MAX_LEVELS; level++) begin
      if (due[level]) begin
        next_level_o = 3'(level);
      end
    end
  end

  assign lacks_o = lacks_q != '0;
  assign is_last_o = (lacks_q & (lacks_q - 1'b1)) == '0;
  assign is_first_o = is_first_q;
  assign has_tables_o = tables_q != '0;
  assign is_last_table_o = (tables_q & (tables_q - 1'b1)) == '0;
  assign next_entry_o = entry_q[next_level_o];
  assign next_hpa_o = hpa_q[next_level_o];
  assign next_extra_o = extra_q[next_level_o];

  always_comb begin
    lacks_d = lacks_q;
    tables_d = tables_q;
    is_first_d = is_first_q && !pass_i;
    if (updated_i) begin
      lacks_d[next_level_o] = 1'b0;
    end
    if (filled_i) begin
      tables_d[next_level_o] = 1'b0;
    end
    if (pass_i) begin
      lacks_d[level_i] = lacks_i;
      tables_d[level_i] = KeepsTables && !is_first_q;
    end
    if (clear_i) begin
      lacks_d = '0;
      tables_d = '0;
      is_first_d = 1'b1;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      lacks_q <= '0;
      tables_q <= '0;
      is_first_q <= 1'b1;
    end else begin
      lacks_q <= lacks_d;
      tables_q <= tables_d;
      is_first_q <= is_first_d;
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
