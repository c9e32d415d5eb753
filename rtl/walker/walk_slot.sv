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
// so does a guest-physical address that the host stage does not reach. With a nested TLB each lookup
// and each fill is a step of one cycle, if it is taken at once, and a fault of the host stage costs
// one more.
//
// kill_i: what has been read is forgotten and the walk begins anew, unless its response is valid
// already. A read or update that is under way is waited for and its answer dropped.
module walk_slot #(
  parameter logic [walker_pkg::SLOT_BITS-1:0] Slot = '0,
  parameter int unsigned MaxRestarts = 64,  // lost updates; one more ends in a memory error
  parameter bit HasNtlb = 1'b0
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
  output logic                       ntlb_valid_o,   // taken back when the walk is killed
  output logic                       ntlb_maintains_o,  // valid, and no lookup
  input  logic                       ntlb_ready_i,
  output walker_pkg::ntlb_op_t       ntlb_o,
  input  logic                       ntlb_hit_i,     // answers a lookup in the same cycle
  input  walker_pkg::ntlb_page_t     ntlb_page_i,
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

  // Address bits of a PDPTE register.
  localparam logic [63:0] PDPTE_ADDRESS = 64'h000f_ffff_ffff_f000;

  logic has_guest;
  logic has_host;
  logic is_write;
  assign has_guest = request_q.ctx.has_guest;
  assign has_host = request_q.ctx.has_host;
  assign is_write = request_q.access == mmu_arch_pkg::AccessWrite;

  walker_pkg::phase_e phase;
  walker_pkg::go_e    go;
  logic               passes, hits, updates, faults;
  logic [1:0]         ntlb_op;
  mmu_arch_pkg::fault_e fault;
  logic [6:0]         num_restarts;
  logic               is_idle, is_data, to_host, is_outside;
  assign is_data = phase == walker_pkg::PhaseData;

  // ------------------------------------------------------------------ the entry that has come
  walker_pkg::entry_kind_e kind;
  logic [2:0]              entry_guest_rights;
  logic [4:0]              entry_host_rights;
  logic [63:0]             entry_table, entry_page, entry_page_offset;
  logic [6:0]              entry_page_bits;
  logic                    entry_lacks_accessed, entry_is_dirty;
  logic [63:0]             accessed_bit, dirty_bit;
  logic                    is_npt, host_has_ad, host_is_write;

  logic [4:0]              decoded_host_rights;
  logic [63:0]             decoded_page, decoded_page_offset;
  logic [6:0]              decoded_page_bits;
  logic                    decoded_is_dirty;

  entry_decode u_entry_decode (
    .format_i        (is_host_q ? request_q.ctx.host_format : request_q.ctx.guest_format),
    .level_i         (is_host_q ? h_q : g_q),
    .entry_i         (data_i.data),
    .physical_bits_i (is_host_q ? request_q.ctx.control.maxphyaddr
                                : request_q.ctx.control.guest_maxphyaddr),
    // The host side of NPT runs with NXE and PSE on, whatever the guest does (AMD APM vol. 2).
    .has_nx_i        (is_host_q || request_q.ctx.control.nxe),
    .has_4m_i        (is_host_q || request_q.ctx.control.pse),
    .has_1g_i        (request_q.ctx.control.page_1g),
    .has_ad_i        (!is_host_q || host_has_ad),
    .execute_only_i  (request_q.ctx.control.execute_only),
    .mode_based_i    (request_q.ctx.control.mode_based_execute),
    .kind_o          (kind),
    .guest_rights_o  (entry_guest_rights),
    .host_rights_o   (decoded_host_rights),
    .table_o         (entry_table),
    .page_o          (decoded_page),
    .page_offset_o   (decoded_page_offset),
    .page_bits_o     (decoded_page_bits),
    .lacks_accessed_o(entry_lacks_accessed),
    .is_dirty_o      (decoded_is_dirty),
    .accessed_o      (accessed_bit),
    .dirty_o         (dirty_bit)
  );

  // A page of the nested TLB counts as a leaf that has come.
  logic is_lookup;
  assign is_lookup = ntlb_valid_o && ntlb_op == walker_pkg::NTLB_LOOKUP;
  assign ntlb_maintains_o = ntlb_valid_o && !is_lookup;
  always_comb begin
    entry_host_rights = decoded_host_rights;
    entry_page = decoded_page;
    entry_page_offset = decoded_page_offset;
    entry_page_bits = decoded_page_bits;
    entry_is_dirty = decoded_is_dirty;
    if (is_lookup) begin
      entry_host_rights = ntlb_page_i.rights;
      entry_page = ntlb_page_i.base;
      entry_page_offset = (64'd1 << ntlb_page_i.page_bits) - 64'd1;
      entry_page_bits = ntlb_page_i.page_bits;
      entry_is_dirty = ntlb_page_i.dirty || !host_has_ad;
    end
  end

  logic is_leaf;
  logic wants_dirty;
  logic entry_lacks;
  assign is_leaf = kind == walker_pkg::EntryLeaf;
  assign wants_dirty = is_host_q ? host_is_write : is_write;
  assign entry_lacks = entry_lacks_accessed || (is_leaf && wants_dirty && !entry_is_dirty);

  logic        guest_permits, host_permits;
  logic [33:0] guest_code, host_code;
  logic        denies_update;  // EPT without A/D does not let the guest entry be written

  guest_judge u_guest_judge (
    .request_i    (request_q),
    .rights_i     (guest_rights & entry_guest_rights),
    .key_i        (data_i.data[mmu_arch_pkg::X86_KEY_LOW+:mmu_arch_pkg::X86_KEY_WIDTH]),
    .is_leaf_i    (is_data && is_leaf),
    .is_present_i (is_data && kind != walker_pkg::EntryNotPresent),
    .is_reserved_i(is_data && kind == walker_pkg::EntryMalformed),
    .permits_o    (guest_permits),
    .code_o       (guest_code)
  );

  logic [4:0] update_host_rights;
  logic [4:0] reported_rights;
  always_comb begin
    reported_rights = '0;
    if (phase == walker_pkg::PhaseDenied) begin
      reported_rights = update_host_rights;
    end else if (is_data && is_leaf) begin
      reported_rights = host_rights & entry_host_rights;
    end
  end

  host_judge u_host_judge (
    .request_i    (request_q),
    .purpose_i    (purpose_q),
    .user_page_i  (!has_guest || guest_rights[mmu_arch_pkg::GUEST_USER]),
    .rights_i     (host_rights & entry_host_rights),
    .reported_i   (reported_rights),
    .is_present_i (is_data && kind != walker_pkg::EntryNotPresent),
    .is_reserved_i(is_data && kind == walker_pkg::EntryMalformed),
    .is_npt_o     (is_npt),
    .has_ad_o     (host_has_ad),
    .is_write_o   (host_is_write),
    .permits_o    (host_permits),
    .code_o       (host_code)
  );

  // ------------------------------------------------------------------ what has been passed
  logic                            guest_lacks, guest_is_last, host_lacks, host_is_last;
  logic [2:0]                      guest_level, host_level;
  logic [63:0]                     guest_entry, host_entry;
  logic [walker_pkg::HPA_BITS-1:0] guest_hpa, host_hpa;
  logic [68:0]                     guest_extra;
  logic                            unused_extra;

  walk_path #(
    .ExtraBits(69)  // GPA of the entry, host rights of the page that holds it
  ) u_guest_path (
    .clk_i,
    .rst_ni,
    .clear_i     (phase == walker_pkg::PhaseBegin),
    .pass_i      (passes && !is_host_q),
    .level_i     (g_q),
    .entry_i     (data_i.data),
    .hpa_i       (address_q),
    .extra_i     ({host_rights, gpa_q}),
    .lacks_i     (entry_lacks),
    .updated_i   (updates && !is_host_q),
    .lacks_o     (guest_lacks),
    .is_last_o   (guest_is_last),
    .next_level_o(guest_level),
    .next_entry_o(guest_entry),
    .next_hpa_o  (guest_hpa),
    .next_extra_o(guest_extra)
  );

  walk_path #(
    .ExtraBits(1)
  ) u_host_path (
    .clk_i,
    .rst_ni,
    .clear_i     (to_host),
    .pass_i      (passes && is_host_q),
    .level_i     (h_q),
    .entry_i     (data_i.data),
    .hpa_i       (address_q),
    .extra_i     (1'b0),
    .lacks_i     (entry_lacks),
    .updated_i   (updates && is_host_q),
    .lacks_o     (host_lacks),
    .is_last_o   (host_is_last),
    .next_level_o(host_level),
    .next_entry_o(host_entry),
    .next_hpa_o  (host_hpa),
    .next_extra_o(unused_extra)
  );

  logic [2:0] update_g, update_h;
  assign update_host_rights = guest_extra[68:64];
  // Of consequence while an update is due.
  assign denies_update = !is_host_q && has_host &&
                         !update_host_rights[mmu_arch_pkg::HOST_WRITE];
  assign update_g = is_host_q ? g_q : guest_level;
  assign update_h = is_host_q ? host_level : 3'd0;

  // ------------------------------------------------------------------ where the walk goes on
  logic [2:0]                      go_level;
  logic [63:0]                     go_base, go_gpa;
  logic [2:0]                      go_host_level;
  logic [walker_pkg::HPA_BITS-1:0] go_address;

  walk_address u_walk_address (
    .request_i   (request_q),
    .go_i        (go),
    .level_i     (go_level),
    .base_i      (go_base),
    .gpa_i       (gpa_q),
    .gpa_o       (go_gpa),
    .to_host_o   (to_host),
    .is_outside_o(is_outside),
    .host_level_o(go_host_level),
    .address_o   (go_address)
  );

  logic is_canonical;
  logic uses_pdptes;
  logic [63:0] canonical_mask;
  logic [63:0] pdpte;
  always_comb begin
    canonical_mask = mmu_arch_pkg::canonical_mask(request_q.ctx.guest_format);
    is_canonical = !mmu_arch_pkg::is_sign_extended(request_q.ctx.guest_format) ||
                   (request_q.address & canonical_mask) == '0 ||
                   (request_q.address & canonical_mask) == canonical_mask;
    // PAE PDPTEs are registers, but not over NPT.
    uses_pdptes = request_q.ctx.guest_format == mmu_arch_pkg::FormatX86Pae &&
                  !(has_host && is_npt);
    pdpte = request_q.ctx.pdptes[{request_q.address[31:30], 6'd0}+:64];
  end

  logic [63:0] leaf_gpa, leaf_hpa;
  assign leaf_gpa = entry_page | (request_q.address & entry_page_offset);
  assign leaf_hpa = entry_page | (gpa_q & entry_page_offset);

  always_comb begin
    go_level = g_q;
    go_base = '0;
    unique case (phase)
      walker_pkg::PhaseBegin: begin
        go_level = uses_pdptes ? 3'd2 : mmu_arch_pkg::levels(request_q.ctx.guest_format);
        if (!has_guest) begin
          go_base = request_q.address;
        end else if (uses_pdptes) begin
          go_base = pdpte & PDPTE_ADDRESS;
        end else begin
          go_base = request_q.ctx.guest_root & mmu_arch_pkg::root_mask(request_q.ctx.guest_format);
        end
      end
      walker_pkg::PhaseData: begin
        go_level = (is_host_q ? h_q : g_q) - 3'd1;
        go_base = entry_table;
        if (is_leaf) begin
          go_base = is_host_q ? leaf_hpa : leaf_gpa;
        end
      end
      walker_pkg::PhaseLookup: go_base = leaf_hpa;
      default: go_base = is_host_q ? hpa_q : gpa_q;  // after the last update
    endcase
  end

  walk_control #(
    .MaxRestarts(MaxRestarts),
    .HasNtlb    (HasNtlb)
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
    .ntlb_ready_i,
    .ntlb_valid_o,
    .ntlb_op_o       (ntlb_op),
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
    .pdpte_present_i (pdpte[mmu_arch_pkg::X86_PRESENT]),
    .is_host_i       (is_host_q),
    .for_table_i     (purpose_q == walker_pkg::PurposeGuestTable),
    .is_error_i      (data_i.is_error),
    .kind_i          (kind),
    .permits_i       (is_host_q ? host_permits : guest_permits),
    .lacks_i         (entry_lacks || (is_host_q ? host_lacks : guest_lacks)),
    .denies_update_i (denies_update),
    .is_last_update_i(is_host_q ? host_is_last : guest_is_last),
    .outcome_i       (done_i.outcome),
    .serves_i        (ntlb_hit_i && host_permits && (entry_is_dirty || !host_is_write)),
    .to_host_i       (to_host),
    .is_outside_i    (is_outside),
    .phase_o         (phase),
    .go_o            (go),
    .passes_o        (passes),
    .hits_o          (hits),
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
      gpa_d = guest_extra[63:0];
    end
    if (go != walker_pkg::GoNowhere) begin
      is_host_d = to_host || go == walker_pkg::GoHostEntry;
      address_d = go_address;
      h_d = is_host_d ? go_host_level : 3'd0;
    end
    if (go == walker_pkg::GoGuestEntry) begin
      g_d = go_level;
      gpa_d = go_gpa;
      purpose_d = walker_pkg::PurposeGuestTable;
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

  logic [6:0] host_page_bits;
  logic       host_dirty;
  logic [63:0] page_offset;
  assign page_offset = (64'd1 << host_page_bits) - 64'd1;
  assign ntlb_o = {Slot, g_q, h_q, ntlb_op, gpa_q, hpa_q & ~page_offset, host_page_bits, host_rights,
                   host_dirty, request_q.ctx.tags.ep4ta, request_q.ctx.tags.asid};

  logic [63:0] update_entry, update_desired;
  logic        update_leaf;
  always_comb begin
    update_entry = is_host_q ? host_entry : guest_entry;
    update_leaf = is_host_q ? host_level == h_q : guest_level == g_q;
    update_desired = update_entry | accessed_bit;
    if (update_leaf && wants_dirty) begin
      update_desired |= dirty_bit;
    end
    update_o = {Slot, is_host_q, update_g, update_h, is_short, is_host_q ? host_hpa : guest_hpa,
                update_entry, update_desired};
  end

  walk_result #(
    .Slot(Slot)
  ) u_walk_result (
    .clk_i,
    .request_i           (request_q),
    .phase_i             (phase),
    .to_host_i           (to_host),
    .is_host_i           (is_host_q),
    .passes_i            (passes || hits),
    .is_leaf_i           (is_leaf || hits),
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
    .response_o
  );

  logic unused_slots;
  assign unused_slots = ^{data_i.slot, done_i.slot, ntlb_page_i};

endmodule
