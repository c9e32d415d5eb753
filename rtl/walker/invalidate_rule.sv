// What an invalidation may drop and which tags must be the same: one row for each operation and
// vendor. The rows are those of model/lookup/invalidate.cpp. Pure function of its input.
module invalidate_rule (
  input  walker_pkg::invalidation_t invalidation_i,
  output walker_pkg::rule_t         rule_o
);

  logic is_intel;
  assign is_intel = invalidation_i.rules == mmu_arch_pkg::TagIntel;

  always_comb begin
    rule_o = '0;
    case (invalidation_i.op)
      mmu_arch_pkg::OpInvlpg, mmu_arch_pkg::OpPageFault: begin
        rule_o.drops_guest = 1'b1;
        rule_o.same_context = 1'b1;
        rule_o.same_pcid = 1'b1;
        rule_o.page_by_address = 1'b1;
        // INVLPG names a page, but pointers to tables for any address.
        rule_o.tables_by_address = invalidation_i.op == mmu_arch_pkg::OpPageFault;
      end
      mmu_arch_pkg::OpInvpcidAddress, mmu_arch_pkg::OpInvpcidSingle,
      mmu_arch_pkg::OpMovCr3: begin
        rule_o.drops_guest = 1'b1;
        rule_o.same_context = 1'b1;
        rule_o.same_pcid = 1'b1;
        rule_o.keeps_globals = 1'b1;
        rule_o.page_by_address = invalidation_i.op == mmu_arch_pkg::OpInvpcidAddress;
        rule_o.tables_by_address = invalidation_i.op == mmu_arch_pkg::OpInvpcidAddress;
      end
      mmu_arch_pkg::OpInvpcidAllWithGlobals, mmu_arch_pkg::OpMovCr4: begin
        rule_o.drops_guest = 1'b1;
        rule_o.same_context = 1'b1;
      end
      mmu_arch_pkg::OpInvpcidAll: begin
        rule_o.drops_guest = 1'b1;
        rule_o.same_context = 1'b1;
        rule_o.keeps_globals = 1'b1;
      end
      mmu_arch_pkg::OpInvvpidAddress, mmu_arch_pkg::OpInvvpidSingle: begin
        rule_o.drops_guest = is_intel;
        rule_o.same_context = 1'b1;
        rule_o.page_by_address = invalidation_i.op == mmu_arch_pkg::OpInvvpidAddress;
        rule_o.tables_by_address = invalidation_i.op == mmu_arch_pkg::OpInvvpidAddress;
      end
      mmu_arch_pkg::OpInvvpidAll: begin
        rule_o.drops_guest = is_intel;
        rule_o.vpid_not_zero = 1'b1;
      end
      mmu_arch_pkg::OpInvvpidSingleKeepGlobal: begin
        rule_o.drops_guest = is_intel;
        rule_o.same_context = 1'b1;
        rule_o.keeps_globals = 1'b1;
      end
      mmu_arch_pkg::OpInveptSingle: begin
        rule_o.drops_host = is_intel;
        rule_o.same_ep4ta = 1'b1;
      end
      mmu_arch_pkg::OpInveptAll: begin
        rule_o.drops_host = is_intel;
      end
      mmu_arch_pkg::OpVmTransition: begin
        rule_o.drops_guest = is_intel && !invalidation_i.vpid_enabled;
        rule_o.vpid_zero = 1'b1;
      end
      mmu_arch_pkg::OpEptViolation, mmu_arch_pkg::OpNestedPageFault: begin
        rule_o.drops_host = is_intel == (invalidation_i.op == mmu_arch_pkg::OpEptViolation);
        rule_o.same_context = 1'b1;
        rule_o.same_pcid = 1'b1;
        rule_o.same_ep4ta = 1'b1;
        rule_o.host_by_address = 1'b1;
        rule_o.page_by_address = 1'b1;
        rule_o.tables_by_address = 1'b1;
      end
      mmu_arch_pkg::OpInvlpga: begin
        rule_o.drops_guest = !is_intel;
        rule_o.same_context = 1'b1;
        rule_o.page_by_address = 1'b1;
        rule_o.tables_by_address = 1'b1;
      end
      mmu_arch_pkg::OpTlbControlAll: begin
        rule_o.drops_guest = !is_intel;
        rule_o.drops_host = !is_intel;
      end
      mmu_arch_pkg::OpTlbControlAsid: begin
        rule_o.drops_guest = !is_intel;
        rule_o.drops_host = !is_intel;
        rule_o.same_context = 1'b1;
      end
      mmu_arch_pkg::OpTlbControlAsidNonGlobal: begin
        rule_o.drops_guest = !is_intel;
        rule_o.drops_host = !is_intel;
        rule_o.same_context = 1'b1;
        rule_o.keeps_globals = 1'b1;
      end
      default: ;  // a load of CR3 that keeps everything, and what is no operation
    endcase
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::AsidFlushKeepsHost && invalidation_i.op == mmu_arch_pkg::OpTlbControlAsid) begin
      rule_o.drops_host = 1'b0;
    end
`endif
  end

  logic unused_fields;
  assign unused_fields = ^invalidation_i;

endmodule
