// The page-walk cache (PWC) of one stage: pointers to the next table by address prefix, as
// model/lookup/walk_cache.h. Unified: levels share one array; per level: each of the levels 2 to 5
// has one, of Entries each. Fully associative, exact LRU. One operation a cycle: an invalidation, a
// fill, or a lookup, which answers in the same cycle: the deepest level that is known.
module walk_cache #(
  parameter int unsigned Entries = 4,  // 1 to 64
  parameter bit PerLevel = 1'b0,
  parameter bit IsGuest = 1'b1
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic                      invalidate_i,
  input  walker_pkg::invalidation_t invalidation_i,
  input  walker_pkg::rule_t         rule_i,
  input  logic                      fill_i,
  input  logic                      lookup_i,
  input  walker_pkg::cache_op_t     op_i,
  output logic                      hit_o,
  output walker_pkg::resume_t       resume_o
);

  localparam int unsigned ARRAYS = PerLevel ? mmu_arch_pkg::MAX_LEVELS - 1 : 1;

  logic [ARRAYS-1:0] hits, used;
  logic [ARRAYS*walker_pkg::RESUME_BITS-1:0] resumes;

  for (genvar i = 0; i < ARRAYS; i++) begin : gen_arrays
    walk_cache_array #(
      .Entries(Entries),
      .IsGuest(IsGuest)
    ) u_walk_cache_array (
      .clk_i,
      .rst_ni,
      .invalidate_i,
      .invalidation_i,
      .rule_i,
      .fill_i        (fill_i && (!PerLevel || op_i.resume.next_level == 3'(i + 1))),
      .use_i         (used[i]),
      .op_i,
      .hit_o         (hits[i]),
      .resume_o      (resumes[i*walker_pkg::RESUME_BITS+:walker_pkg::RESUME_BITS])
    );
  end

  // The first array is that of the deepest level; those above it are not asked after a hit.
  always_comb begin
    hit_o = |hits;
    used = '0;
    resume_o = '0;
    for (int unsigned i = 1; i <= ARRAYS; i++) begin
      if (hits[ARRAYS-i]) begin
        used = '0;
        used[ARRAYS-i] = lookup_i;
        resume_o = resumes[(ARRAYS-i)*walker_pkg::RESUME_BITS+:walker_pkg::RESUME_BITS];
      end
    end
  end

endmodule
