// What a walk asks of nested TLB and walk caches: pure function of its inputs. A fill of a walk cache
// is made from the path: the entry at which the next table was found to stand, and what was known
// before that entry was passed.
module walk_cache_op #(
  parameter logic [walker_pkg::SLOT_BITS-1:0] Slot = '0,
  parameter bit PwcGuestAddress = 1'b0  // guest entries hold the GPA of the next table
) (
  input  walker_pkg::request_t            request_i,
  input  logic                            is_host_i,
  input  logic [2:0]                      g_i,
  input  logic [2:0]                      h_i,
  input  logic [63:0]                     gpa_i,         // under translation
  input  logic [1:0]                      op_i,
  input  mmu_arch_pkg::fault_e            fault_i,       // that drops what is cached
  // A fill: of a pointer to a table, otherwise of the host's page.
  input  logic                            is_table_i,
  input  logic [2:0]                      table_level_i,  // of the entries in the table
  input  logic [walker_pkg::HPA_BITS-1:0] table_hpa_i,    // of the one that was read there
  input  logic [63:0]                     table_gpa_i,    // likewise
  input  logic [2:0]                      guest_rights_i,
  input  logic [4:0]                      host_rights_i,
  input  logic [4:0]                      table_rights_i,  // the host's, of the page it stands in
  input  logic [63:0]                     page_i,
  input  logic [6:0]                      page_bits_i,
  input  logic [4:0]                      page_rights_i,
  input  logic                            page_dirty_i,
  output walker_pkg::cache_op_t           op_o
);

  localparam logic [63:0] TABLE_ADDRESS = ~64'hfff;

  logic                fills_table;
  logic [63:0]         table_hpa;
  walker_pkg::resume_t resume;
  assign fills_table = op_i == walker_pkg::CACHE_FILL && is_table_i;
  assign table_hpa = 64'(table_hpa_i) & TABLE_ADDRESS;

  always_comb begin
    resume = '0;
    resume.guest_rights = '1;
    resume.host_rights = '1;
    resume.table_rights = '1;
    if (!is_table_i) begin
      resume.base = page_i & ~((64'd1 << page_bits_i) - 64'd1);
      resume.page_bits = page_bits_i;
      resume.host_rights = page_rights_i;
      resume.dirty = page_dirty_i;
    end else begin
      resume.base = table_hpa;
      resume.next_level = table_level_i;
      if (is_host_i) begin
        resume.host_rights = host_rights_i;
      end else begin
        resume.guest_rights = guest_rights_i;
        resume.table_gpa = table_gpa_i & TABLE_ADDRESS;
`ifdef NESTWALK_BUGS
        if (bug_pkg::active == bug_pkg::CacheForgetsRights) begin
          resume.guest_rights = '1;
        end
`endif
        if (PwcGuestAddress && request_i.ctx.has_host) begin
          resume.is_gpa = 1'b1;
          resume.base = table_gpa_i & TABLE_ADDRESS;
        end else begin
          // Without them a warm walk could not judge whether the entry may be written.
          resume.table_rights = table_rights_i;
        end
      end
    end
  end

  always_comb begin
    op_o.slot = Slot;
    op_o.stage = is_host_i;
    op_o.g = g_i;
    op_o.h = h_i;
    op_o.op = op_i;
    op_o.address = request_i.address;
    op_o.gpa = gpa_i;
    op_o.is_combined = request_i.ctx.has_host;
    op_o.format = is_host_i ? request_i.ctx.host_format : request_i.ctx.guest_format;
    op_o.tags = request_i.ctx.tags;
    op_o.resume = resume;
    // The place of the entry that points to the table.
    if (fills_table && is_host_i) begin
      op_o.h = table_level_i + 3'd1;
    end
    if (fills_table && !is_host_i) begin
      op_o.g = table_level_i + 3'd1;
    end
    case (fault_i)
      mmu_arch_pkg::FaultEptViolation: op_o.drop = mmu_arch_pkg::OpEptViolation;
      mmu_arch_pkg::FaultNestedPageFault: op_o.drop = mmu_arch_pkg::OpNestedPageFault;
      default: op_o.drop = mmu_arch_pkg::OpPageFault;
    endcase
  end

endmodule
