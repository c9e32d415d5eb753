// Which entry of a fully associative array is to be written: the lowest free one, else the least
// recently used one. Exact LRU, as model/lookup/replacement.h: by the rank of every entry. Combinational
// from is_taken_i to victim_o; a use counts from the next cycle on.
module lru_replacement #(
  parameter int unsigned Entries = 4,  // 1 to 64
  parameter int unsigned IndexBits = (Entries > 1) ? $clog2(Entries) : 1
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic [Entries-1:0]   is_taken_i,  // not free, and not about to be
  input  logic                 use_i,       // a hit, or a fill
  input  logic [IndexBits-1:0] used_i,
  output logic [IndexBits-1:0] victim_o
);

  // Rank 0 is the least recently used. A use lowers the ranks above its own.
  logic [Entries*IndexBits-1:0] rank_d, rank_q, first_ranks;
  logic [IndexBits-1:0]         used_rank;

  always_comb begin
    victim_o = '0;
    for (int unsigned i = 0; i < Entries; i++) begin
      if (rank_q[i*IndexBits+:IndexBits] == '0) begin
        victim_o = IndexBits'(i);
      end
    end
    for (int unsigned i = 1; i <= Entries; i++) begin
      if (!is_taken_i[Entries-i]) begin
        victim_o = IndexBits'(Entries - i);
      end
    end
  end

  always_comb begin
    used_rank = rank_q[used_i*IndexBits+:IndexBits];
    rank_d = rank_q;
    for (int unsigned i = 0; i < Entries; i++) begin
      if (use_i && rank_q[i*IndexBits+:IndexBits] > used_rank) begin
        rank_d[i*IndexBits+:IndexBits] = rank_q[i*IndexBits+:IndexBits] - 1'b1;
      end
    end
    if (use_i) begin
      rank_d[used_i*IndexBits+:IndexBits] = IndexBits'(Entries - 1);
    end
  end

  for (genvar i = 0; i < Entries; i++) begin : gen_ranks
    assign first_ranks[i*IndexBits+:IndexBits] = IndexBits'(i);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rank_q <= first_ranks;
    end else begin
      rank_q <= rank_d;
    end
  end

endmodule
