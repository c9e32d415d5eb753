// Which entry of a fully associative array is to be written: the lowest free one, else the least
// recently used one. Combinational from is_taken_i to index_o; a use counts from the next cycle on.
module fill_choice #(
  parameter int unsigned Entries = 4,  // 1 to 64
  parameter int unsigned IndexBits = (Entries > 1) ? $clog2(Entries) : 1
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic [Entries-1:0]   is_taken_i,  // not free, and not about to be
  input  logic                 use_i,       // a hit, or a fill
  input  logic [IndexBits-1:0] used_i,
  output logic [IndexBits-1:0] index_o
);

  logic [IndexBits-1:0] victim;

  replacement #(
    .Ways(Entries)
  ) u_replacement (
    .clk_i,
    .rst_ni,
    .use_i,
    .way_i   (used_i),
    .victim_o(victim)
  );

  always_comb begin
    index_o = victim;
    for (int unsigned i = 1; i <= Entries; i++) begin
      if (!is_taken_i[Entries-i]) begin
        index_o = IndexBits'(Entries - i);
      end
    end
  end

endmodule
