// Which way of a full set gives way: exact LRU, or a tree of bits that point away from the last use;
// the rules are those of model/lookup/replacement.h. One use a cycle; the victim is known at any
// time. Not for free ways: who has one takes that, and tells.
module replacement #(
  parameter int unsigned Ways = 4,      // 1 to 64
  parameter int unsigned IsTree = 0,
  parameter int unsigned IndexBits = (Ways > 1) ? $clog2(Ways) : 1
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 use_i,
  input  logic [IndexBits-1:0] way_i,
  output logic [IndexBits-1:0] victim_o
);

  if (Ways == 1) begin : gen_one
    logic unused_inputs;
    assign victim_o = '0;
    assign unused_inputs = ^{clk_i, rst_ni, use_i, way_i};
  end else if (IsTree != 0) begin : gen_tree
    // Node n has the children 2n and 2n + 1, the root is 1; a bit says that the victim is right.
    localparam int unsigned LEAVES = 1 << IndexBits;
    logic [LEAVES-1:0]    tree_d, tree_q;
    logic [IndexBits:0]   used_node;
    logic [IndexBits-1:0] node;
    logic                 goes_right;

    always_comb begin
      tree_d = tree_q;
      used_node = {1'b1, way_i};
      for (int unsigned level = 0; level < IndexBits; level++) begin
        if (use_i) begin
          tree_d[used_node[IndexBits:1]] = !used_node[0];
        end
        used_node = used_node >> 1;
      end
    end

    // A subtree without ways is never entered.
    always_comb begin
      node = IndexBits'(1);
      victim_o = '0;
      goes_right = 1'b0;
      for (int unsigned level = 1; level <= IndexBits; level++) begin
        goes_right = tree_q[node] && 32'(victim_o) + (LEAVES >> level) < Ways;
        victim_o = victim_o | (goes_right ? IndexBits'(LEAVES >> level) : '0);
        node = (node << 1) | IndexBits'(goes_right);
      end
    end

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        tree_q <= '0;
      end else begin
        tree_q <= tree_d;
      end
    end
  end else begin : gen_lru
    // Rank 0 is the least recently used. A use lowers the ranks above its own.
    logic [Ways*IndexBits-1:0] rank_d, rank_q, first_ranks;
    logic [IndexBits-1:0]      used_rank;

    always_comb begin
      victim_o = '0;
      used_rank = rank_q[way_i*IndexBits+:IndexBits];
      rank_d = rank_q;
      first_ranks = '0;
      for (int unsigned i = 0; i < Ways; i++) begin
        first_ranks[i*IndexBits+:IndexBits] = IndexBits'(i);
        if (rank_q[i*IndexBits+:IndexBits] == '0) begin
          victim_o = IndexBits'(i);
        end
        if (use_i && rank_q[i*IndexBits+:IndexBits] > used_rank) begin
          rank_d[i*IndexBits+:IndexBits] = rank_q[i*IndexBits+:IndexBits] - 1'b1;
        end
      end
      if (use_i) begin
        rank_d[way_i*IndexBits+:IndexBits] = IndexBits'(Ways - 1);
      end
    end

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        rank_q <= first_ranks;
      end else begin
        rank_q <= rank_d;
      end
    end
  end

endmodule
