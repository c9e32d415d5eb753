// One walk at a time: native or nested, A and D bits, faults. The semantics are those of
// model/walk/engine.h, step by step.
//
// Channels: request, read, read data, update, update done, response; a record passes where valid and
// ready meet, valid waits for no ready, a record that waits does not change. Read data and update
// done are always taken; a slot has one read or one update under way.
//
// Cycles: request taken in cycle 0, first read valid in cycle 2. The next read or update, or the
// response, is valid in the cycle after the data (or the done) came. So a walk whose every request
// is taken at once lasts 2 + the sum over its steps of (latency + 1), latency counted from the cycle
// that a request is taken in to the one that brings the answer. A restart costs one cycle more, and
// so does a guest-physical address that the host stage does not reach. With a nested TLB or walk caches
// each lookup, each fill and what a fault drops is a step of one cycle, if it is taken at once.
//
// kill_i: what has been read is forgotten and the walk begins anew, unless its response is valid
// already. A read or update that is under way is waited for and its answer dropped.
module walk_slot #(
  parameter logic [walker_pkg::SLOT_BITS-1:0] Slot = '0,
  parameter int unsigned MaxRestarts = 64,  // lost updates; one more ends in a memory error
  parameter bit HasNtlb = 1'b0,
  parameter bit HasGuestPwc = 1'b0,
  parameter bit HasHostPwc = 1'b0,
  parameter bit PwcGuestAddress = 1'b0      // guest entries hold the GPA of the next table
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,
  input  logic                       request_valid_i,
  output logic                       request_ready_o,
  input  walker_pkg::request_t       request_i,
  output logic                       response_valid_o,
  input  logic                       response_ready_i,
  output walker_pkg::response_t      response_o,
  output logic                       read_valid_o,
  input  logic                       read_ready_i,
  output walker_pkg::read_t          read_o,
  input  logic                       data_valid_i,
  input  walker_pkg::read_data_t     data_i,
  output logic                       update_valid_o,
  input  logic                       update_ready_i,
  output walker_pkg::update_t        update_o,
  input  logic                       done_valid_i,
  input  walker_pkg::update_done_t   done_i,
  output logic                       cache_valid_o,  // taken back when the walk is killed
  output logic                       cache_maintains_o,  // valid, and no lookup
  input  logic                       cache_ready_i,
  output walker_pkg::cache_op_t      cache_o,
  input  logic                       cache_hit_i,    // answers a lookup in the same cycle
  input  walker_pkg::resume_t        cache_resume_i,
  input  logic                       kill_i,
  output walker_pkg::context_t       ctx_o,          // of the walk under way
  output logic                       is_busy_o,
  output logic                       is_committed_o,  // an update or a response is under way
  output logic                       killed_o,       // the walk begins anew after a kill
  output logic                       restarted_o     // the same after a lost update
);

  walker_pkg::request_t            request_q;
  logic [2:0]                      guest_rights;  // of the path so far
  logic [4:0]                      host_rights;
  logic                            is_host_d, is_host_q;  // stage of the step under way
  logic [2:0]                      g_d, g_q, h_d, h_q;
  walker_pkg::purpose_e            purpose_d, purpose_q;
  logic [walker_pkg::HPA_BITS-1:0] address_d, address_q;
  logic [63:0]                     gpa_d, gpa_q;  // under translation, or of the guest entry
  logic [63:0]                     hpa_d, hpa_q;  // that the host stage found

  logic has_guest;
  logic has_host;
  assign has_guest = request_q.ctx.has_guest;
  assign has_host = request_q.ctx.has_host;

  walker_pkg::phase_e phase;
  walker_pkg::go_e    go;
  logic               passes, hits, resumes, updates, filled, faults;
  logic [1:0]         cache_op;
  mmu_arch_pkg::fault_e fault;
  logic [6:0]         num_restarts;
  logic               is_idle, is_data, to_host, is_outside;
  assign is_data = phase == walker_pkg::PhaseData;

  // ------------------------------------------------------------------ the answer that has come
  walker_pkg::entry_kind_e kind;
  logic [2:0]              entry_guest_rights;
  logic [4:0]              entry_host_rights;
  logic [63:0]             entry_table, entry_page, entry_page_offset;
  logic [6:0]              entry_page_bits;
  logic                    entry_is_dirty, entry_lacks;
  logic [63:0]             accessed_bit, wanted_dirty_bit;
  logic                    is_leaf, is_npt, host_is_write, permits, serves;
  logic [33:0]             guest_code, host_code;
  logic [4:0]              path_table_rights;

  logic is_lookup;
  assign is_lookup = cache_valid_o && cache_op == walker_pkg::CACHE_LOOKUP;
  assign cache_maintains_o = cache_valid_o && !is_lookup;

  walk_answer u_walk_answer (
    .request_i      (request_q),
    .is_host_i      (is_host_q),
    .level_i        (is_host_q ? h_q : g_q),
    .entry_i        (data_i.data),
    .is_entry_i     (is_data),
    .is_lookup_i    (is_lookup),
    .resume_i       (cache_resume_i),
    .is_denied_i    (phase == walker_pkg::PhaseDenied),
    .denied_rights_i(path_table_rights),
    .purpose_i      (purpose_q),
    .guest_passed_i (guest_rights),
    .host_passed_i  (host_rights),
    .kind_o         (kind),
    .is_leaf_o      (is_leaf),
    .guest_rights_o (entry_guest_rights),
    .host_rights_o  (entry_host_rights),
    .table_o        (entry_table),
    .page_o         (entry_page),
    .page_offset_o  (entry_page_offset),
    .page_bits_o    (entry_page_bits),
    .is_dirty_o     (entry_is_dirty),
    .lacks_o        (entry_lacks),
    .accessed_o     (accessed_bit),
    .wanted_dirty_o (wanted_dirty_bit),
    .is_npt_o       (is_npt),
    .host_is_write_o(host_is_write),
    .permits_o      (permits),
    .serves_o       (serves),
    .guest_code_o   (guest_code),
    .host_code_o    (host_code)
  );

  // ------------------------------------------------------------------ what has been passed
  logic                            path_lacks, is_last_update, has_tables, is_last_table;
  logic [2:0]                      path_level, path_guest_rights;
  logic [63:0]                     path_entry, path_gpa;
  logic [walker_pkg::HPA_BITS-1:0] path_hpa;
  logic [4:0]                      path_host_rights;

  walk_paths #(
    .HasGuestPwc(HasGuestPwc),
    .HasHostPwc (HasHostPwc)
  ) u_walk_paths (
    .clk_i,
    .rst_ni,
    .begins_i       (phase == walker_pkg::PhaseBegin),
    .to_host_i      (to_host),
    .is_host_i      (is_host_q),
    .is_data_i      (is_data),
    .passes_i       (passes),
    .level_i        (is_host_q ? h_q : g_q),
    .entry_i        (data_i.data),
    .lacks_i        (entry_lacks),
    .hpa_i          (address_q),
    .gpa_i          (gpa_q),
    .guest_rights_i (guest_rights),
    .host_rights_i  (host_rights),
    .updated_i      (updates),
    .filled_i       (filled),
    .lacks_o        (path_lacks),
    .is_last_o      (is_last_update),
    .has_tables_o   (has_tables),
    .is_last_table_o(is_last_table),
    .level_o        (path_level),
    .entry_o        (path_entry),
    .hpa_o          (path_hpa),
    .gpa_o          (path_gpa),
    .guest_rights_o (path_guest_rights),
    .host_rights_o  (path_host_rights),
    .table_rights_o (path_table_rights)
  );

  logic [2:0] update_g, update_h;
  // EPT without A/D does not let the guest's entry be written. Of consequence while an update is due.
  logic denies_update;
  always_comb begin
    denies_update = !is_host_q && has_host && !path_table_rights[mmu_arch_pkg::HOST_WRITE];
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::UpdatesUnasked) begin
      denies_update = 1'b0;
    end
`endif
  end
  assign update_g = is_host_q ? g_q : path_level;
  assign update_h = is_host_q ? path_level : 3'd0;

  // ------------------------------------------------------------------ where the walk goes on
  logic [2:0]                      go_level;
  logic [63:0]                     go_base, go_gpa;
  logic [2:0]                      go_host_level;
  logic [walker_pkg::HPA_BITS-1:0] go_address;

  // A guest's entry stands in the table that its walk cache names.
  logic [63:0] go_table_gpa;
  assign go_table_gpa = is_host_q ? gpa_q : cache_resume_i.table_gpa;

  walk_address u_walk_address (
    .request_i   (request_q),
    .go_i        (go),
    .level_i     (go_level),
    .base_i      (go_base),
    .gpa_i       (go_table_gpa),
    .gpa_o       (go_gpa),
    .to_host_o   (to_host),
    .is_outside_o(is_outside),
    .host_level_o(go_host_level),
    .address_o   (go_address)
  );

  logic        is_canonical, uses_pdptes, pdpte_present;
  logic [2:0]  first_level;
  logic [63:0] first_base;

  walker_pkg::request_t begin_request;
  always_comb begin
    begin_request = request_q;
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::RootNotLatched) begin
      begin_request.ctx.guest_root = request_i.ctx.guest_root;
    end
`endif
  end

  walk_begin u_walk_begin (
    .request_i      (begin_request),
    .is_npt_i       (is_npt),
    .is_canonical_o (is_canonical),
    .uses_pdptes_o  (uses_pdptes),
    .pdpte_present_o(pdpte_present),
    .level_o        (first_level),
    .base_o         (first_base)
  );

  logic [63:0] leaf_gpa, leaf_hpa;
  assign leaf_gpa = entry_page | (request_q.address & entry_page_offset);
  always_comb begin
    leaf_hpa = entry_page | (gpa_q & entry_page_offset);
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::OffsetOfLinearAddress && purpose_q == walker_pkg::PurposeFinal) begin
      leaf_hpa = entry_page | (request_q.address & entry_page_offset);
    end
`endif
  end

  always_comb begin
    go_level = g_q;
    go_base = '0;
    unique case (phase)
      walker_pkg::PhaseBegin: begin
        go_level = first_level;
        go_base = first_base;
      end
      walker_pkg::PhaseData: begin
        go_level = (is_host_q ? h_q : g_q) - 3'd1;
        go_base = entry_table;
        if (is_leaf) begin
          go_base = is_host_q ? leaf_hpa : leaf_gpa;
        end
      end
      walker_pkg::PhaseLookup: begin
        go_level = cache_resume_i.next_level;
        go_base = hits ? leaf_hpa : entry_table;
        if (!is_host_q && !resumes) begin
          go_level = first_level;
          go_base = first_base;
        end
      end
      default: go_base = is_host_q ? hpa_q : gpa_q;  // after the last update or fill
    endcase
  end

  walk_control #(
    .MaxRestarts(MaxRestarts),
    .HasNtlb    (HasNtlb),
    .HasGuestPwc(HasGuestPwc),
    .HasHostPwc (HasHostPwc)
  ) u_walk_control (
    .clk_i,
    .rst_ni,
    .kill_i,
    .request_valid_i,
    .read_ready_i,
    .data_valid_i,
    .update_ready_i,
    .done_valid_i,
    .response_ready_i,
    .cache_ready_i,
    .cache_valid_o,
    .cache_op_o      (cache_op),
    .is_idle_o       (is_idle),
    .read_valid_o,
    .update_valid_o,
    .response_valid_o,
    .is_committed_o,
    .has_guest_i     (has_guest),
    .has_host_i      (has_host),
    .is_npt_i        (is_npt),
    .is_canonical_i  (is_canonical),
    .uses_pdptes_i   (uses_pdptes),
    .pdpte_present_i (pdpte_present),
    .is_host_i       (is_host_q),
    .for_table_i     (purpose_q == walker_pkg::PurposeGuestTable),
    .is_error_i      (data_i.is_error),
    .kind_i          (kind),
    .permits_i       (permits),
    .lacks_i         (entry_lacks || path_lacks),
    .denies_update_i (denies_update),
    .is_last_update_i(is_last_update),
    .outcome_i       (done_i.outcome),
    .hit_i           (cache_hit_i),
    .hit_is_gpa_i    (cache_resume_i.is_gpa || !has_host),
    .hit_is_page_i   (cache_resume_i.next_level == '0),
    .serves_i        (serves),
    .has_tables_i    (has_tables),
    .is_last_table_i (is_last_table),
    .to_host_i       (to_host),
    .is_outside_i    (is_outside),
    .phase_o         (phase),
    .go_o            (go),
    .passes_o        (passes),
    .hits_o          (hits),
    .resumes_o       (resumes),
    .filled_o        (filled),
    .updates_o       (updates),
    .faults_o        (faults),
    .fault_o         (fault),
    .killed_o,
    .restarted_o,
    .num_restarts_o  (num_restarts)
  );

  // ------------------------------------------------------------------ registers
  logic passes_guest_leaf, passes_host_leaf;
  assign passes_guest_leaf = passes && is_leaf && !is_host_q;
  assign passes_host_leaf = (passes && is_leaf && is_host_q) || hits;

  // Position and addresses.
  always_comb begin
    is_host_d = is_host_q;
    g_d = g_q;
    h_d = h_q;
    purpose_d = purpose_q;
    address_d = address_q;
    gpa_d = passes_guest_leaf ? leaf_gpa : gpa_q;
    hpa_d = passes_host_leaf ? leaf_hpa : hpa_q;
    if (phase == walker_pkg::PhaseDenied) begin
      gpa_d = path_gpa;
    end
    if (go != walker_pkg::GoNowhere) begin
      is_host_d = to_host || go == walker_pkg::GoHostEntry;
      address_d = go_address;
      h_d = is_host_d ? go_host_level : 3'd0;
    end
    if (go == walker_pkg::GoGuestEntry || go == walker_pkg::GoGuestTable) begin
      g_d = go_level;
      gpa_d = go_gpa;
      purpose_d = walker_pkg::PurposeGuestTable;
    end
    if (go == walker_pkg::GoGuestLookup) begin
      g_d = mmu_arch_pkg::levels(request_q.ctx.guest_format);
    end
    if (go == walker_pkg::GoFinal) begin
      g_d = request_q.is_pdpte_load ? 3'd3 : 3'd0;
      gpa_d = go_gpa;
      purpose_d = request_q.is_pdpte_load ? walker_pkg::PurposePdpteLoad
                                          : walker_pkg::PurposeFinal;
      if (!has_host) begin
        hpa_d = go_gpa;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (request_valid_i && request_ready_o) begin
      request_q <= request_i;
    end
    is_host_q <= is_host_d;
    g_q <= g_d;
    h_q <= h_d;
    purpose_q <= purpose_d;
    address_q <= address_d;
    gpa_q <= gpa_d;
    hpa_q <= hpa_d;
  end

  // ------------------------------------------------------------------ outputs
  logic guest_is_short, host_is_short, is_short;
  assign guest_is_short = mmu_arch_pkg::has_short_entries(request_q.ctx.guest_format);
  assign host_is_short = mmu_arch_pkg::has_short_entries(request_q.ctx.host_format);
  assign is_short = is_host_q ? host_is_short : guest_is_short;

  assign request_ready_o = is_idle;
  assign is_busy_o = !is_idle;
  assign ctx_o = request_q.ctx;
  assign read_o = {Slot, is_host_q, g_q, h_q, is_short, address_q};

  logic [6:0]           host_page_bits;
  logic                 host_dirty;
  mmu_arch_pkg::fault_e ended_by;

  walker_pkg::request_t cache_request;
  always_comb begin
    cache_request = request_q;
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::TagsAtFill && !is_lookup) begin
      cache_request.ctx.tags = request_i.ctx.tags;
    end
`endif
  end

  walk_cache_op #(
    .Slot           (Slot),
    .PwcGuestAddress(PwcGuestAddress)
  ) u_walk_cache_op (
    .request_i     (cache_request),
    .is_host_i     (is_host_q),
    .g_i           (g_q),
    .h_i           (h_q),
    .gpa_i         (gpa_q),
    .op_i          (cache_op),
    .fault_i       (ended_by),
    .is_table_i    (has_tables),
    .table_level_i (path_level),
    .table_hpa_i   (path_hpa),
    .table_gpa_i   (path_gpa),
    .guest_rights_i(path_guest_rights),
    .host_rights_i (path_host_rights),
    .table_rights_i(path_table_rights),
    .page_i        (hpa_q),
    .page_bits_i   (host_page_bits),
    .page_rights_i (host_rights),
    .page_dirty_i  (host_dirty),
    .op_o          (cache_o)
  );

  logic [63:0] update_desired;
  always_comb begin
    update_desired = path_entry | accessed_bit;
    if (path_level == (is_host_q ? h_q : g_q)) begin  // the leaf
      update_desired |= wanted_dirty_bit;
    end
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::DirtyInTables) begin
      update_desired |= wanted_dirty_bit;
    end
`endif
  end

  logic update_is_short;
  always_comb begin
    update_is_short = is_short;
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::WidensUpdates) begin
      update_is_short = 1'b0;
    end
`endif
  end
  assign update_o = {Slot, is_host_q, update_g, update_h, update_is_short, path_hpa, path_entry,
                     update_desired};

  walk_result #(
    .Slot(Slot)
  ) u_walk_result (
    .clk_i,
    .request_i           (request_q),
    .phase_i             (phase),
    .to_host_i           (to_host),
    .is_host_i           (is_host_q),
    .passes_i            (passes || hits || resumes),
    .is_leaf_i           ((is_data && is_leaf) || hits),
    .resumes_i           (resumes),
    .faults_i            (faults),
    .fault_i             (fault),
    .is_canonical_i      (is_canonical),
    .host_is_write_i     (host_is_write),
    .entry_i             (data_i.data),
    .entry_guest_rights_i(entry_guest_rights),
    .entry_host_rights_i (entry_host_rights),
    .entry_page_bits_i   (entry_page_bits),
    .entry_is_dirty_i    (entry_is_dirty),
    .guest_code_i        (guest_code),
    .host_code_i         (host_code),
    .g_i                 (g_q),
    .h_i                 (h_q),
    .update_g_i          (update_g),
    .update_h_i          (update_h),
    .gpa_i               (gpa_q),
    .hpa_i               (hpa_q),
    .num_restarts_i      (num_restarts),
    .guest_rights_o      (guest_rights),
    .host_rights_o       (host_rights),
    .host_page_bits_o    (host_page_bits),
    .host_dirty_o        (host_dirty),
    .fault_o             (ended_by),
    .response_o
  );

  logic unused_slots;
  assign unused_slots = ^{data_i.slot, done_i.slot};

endmodule
