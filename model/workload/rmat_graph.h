// A directed Kronecker graph (R-MAT: Chakrabarti, Zhan and Faloutsos, 2004) with the probabilities
// of Graph500 (A .57, B .19, C .19, D .05), none of it stored: which edges a vertex has is computed
// from its number.
//
//   const RmatGraph graph(scale, edge_factor, seed);
//   const RmatGraph::Row row = graph.row(vertex);
//   for (std::uint64_t i = 0; i < row.num_edges; ++i) graph.target(row, i);
//
// R-MAT draws both ends of each edge bit by bit. Drawn row by row instead, that is: of the edges of
// an aligned block of vertices, a binomial part (A + B) belongs to the block's lower half, down to
// single vertices; and each bit of a target depends on the same bit of its source alone. So the
// degrees, and their prefix sums, come from a descent of `scale` steps, and the law of the whole
// graph is that of R-MAT. Loops and repeated edges stay. Vertices are numbered as drawn: those with
// many edges come first; scramble the numbers for labels as Graph500 does.
//
// Not for undirected graphs: an edge is not in the row of its target.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace nestwalk {

class RmatGraph {
 public:
  struct Row {
    std::uint64_t vertex = 0;
    std::uint64_t first_edge = 0;  // edges before this row's, in the order of vertices
    std::uint64_t num_edges = 0;
  };

  RmatGraph(unsigned scale, std::uint64_t edge_factor, std::uint64_t seed);

  [[nodiscard]] std::uint64_t num_vertices() const { return std::uint64_t{1} << scale_; }
  [[nodiscard]] std::uint64_t num_edges() const { return num_edges_; }
  [[nodiscard]] Row row(std::uint64_t vertex) const;
  [[nodiscard]] std::uint64_t target(const Row& row, std::uint64_t index) const;

 private:
  // Of the edges of a block of vertices, those of its lower half. A block is numbered as the node
  // of a binary tree: 1 is all vertices, 2n and 2n+1 the halves of n.
  [[nodiscard]] std::uint64_t lower_half(std::uint64_t block, std::uint64_t num_edges) const;

  unsigned scale_;
  std::uint64_t num_edges_;
  std::uint64_t row_seed_;
  std::uint64_t edge_seed_;
  unsigned table_scale_;                                           // the top of the tree is kept
  std::shared_ptr<const std::vector<std::uint64_t>> first_edges_;  // of its blocks, and the total
};

}  // namespace nestwalk
