// Whether an invalidation concerns a walk that began earlier: it could read, write, fill or answer
// old information. By tags alone; an address excuses no walk. Pure function of its inputs; tests
// compare every operation with the model's model/tlm/walk_kill.h.
module invalidate_match (
  input  walker_pkg::invalidation_t invalidation_i,
  input  walker_pkg::rule_t         rule_i,
  input  walker_pkg::context_t      ctx_i,
  output logic                      concerns_o
);

  logic asid_matches;
  logic vpid_matches;
  logic pcid_matches;
  logic ep4ta_matches;
  always_comb begin
    asid_matches = !rule_i.same_context || ctx_i.tags.asid == invalidation_i.tags.asid;
    vpid_matches = (!rule_i.same_context || ctx_i.tags.vpid == invalidation_i.tags.vpid) &&
                   (!rule_i.vpid_zero || ctx_i.tags.vpid == '0) &&
                   (!rule_i.vpid_not_zero || ctx_i.tags.vpid != '0);
    // Its page may turn out to be global.
    pcid_matches = !rule_i.same_pcid || !rule_i.keeps_globals ||
                   ctx_i.tags.pcid == invalidation_i.tags.pcid;
    ep4ta_matches = !rule_i.same_ep4ta || ctx_i.tags.ep4ta == invalidation_i.tags.ep4ta;
  end

  // Mappings that the walk may make: linear without a host stage, otherwise combined ones, with all
  // tags, and guest-physical ones, with EP4TA and ASID.
  logic concerns_combined;
  logic concerns_physical;
  logic concerns_linear;
  assign concerns_linear = rule_i.drops_guest && asid_matches && vpid_matches && pcid_matches;
  assign concerns_combined = (rule_i.drops_guest || rule_i.drops_host) && asid_matches && vpid_matches &&
                             pcid_matches && ep4ta_matches;
  assign concerns_physical = rule_i.drops_host && asid_matches && ep4ta_matches;
  always_comb begin
    concerns_o = ctx_i.has_host ? concerns_combined || concerns_physical : concerns_linear;
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::KillsTheUnconcerned) begin
      concerns_o = 1'b1;
    end
`endif
  end

  logic unused_fields;
  assign unused_fields = ^{invalidation_i, rule_i, ctx_i};

endmodule
