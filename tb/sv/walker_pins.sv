// nested_walker with every field a pin of its own, of at most 64 bits, and the protocol checked at
// its channels. Its parameters are pins too, so that who drives it can tell what was built.
module walker_pins #(
  parameter int unsigned Slots = 1,
  parameter int unsigned MaxRestarts = 64,
  parameter int unsigned NtlbEntries = 0,
  parameter int unsigned GuestPwcEntries = 0,
  parameter int unsigned HostPwcEntries = 0,
  parameter int unsigned PwcPerLevel = 0,
  parameter int unsigned PwcGuestAddress = 0
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  output logic [31:0] slots_o,
  output logic [31:0] max_restarts_o,
  output logic [31:0] ntlb_entries_o,
  output logic [31:0] guest_pwc_entries_o,
  output logic [31:0] host_pwc_entries_o,
  output logic        pwc_per_level_o,
  output logic        pwc_guest_address_o,

  input  logic        request_valid_i,
  output logic        request_ready_o,
  output logic [3:0]  request_slot_o,
  input  logic [7:0]  request_id_i,
  input  logic        has_guest_i,
  input  logic [2:0]  guest_format_i,
  input  logic [63:0] guest_root_i,
  input  logic [63:0] pdpte_0_i,
  input  logic [63:0] pdpte_1_i,
  input  logic [63:0] pdpte_2_i,
  input  logic [63:0] pdpte_3_i,
  input  logic        has_host_i,
  input  logic [2:0]  host_format_i,
  input  logic [63:0] host_root_i,
  input  logic        wp_i,
  input  logic        nxe_i,
  input  logic        smep_i,
  input  logic        smap_i,
  input  logic        ac_i,
  input  logic        pke_i,
  input  logic        pse_i,
  input  logic        page_1g_i,
  input  logic        accessed_dirty_i,
  input  logic        execute_only_i,
  input  logic        mode_based_execute_i,
  input  logic [5:0]  maxphyaddr_i,
  input  logic [5:0]  guest_maxphyaddr_i,
  input  logic [31:0] pkru_i,
  input  logic [15:0] vpid_i,
  input  logic [11:0] pcid_i,
  input  logic [39:0] ep4ta_i,
  input  logic [31:0] asid_i,
  input  logic [63:0] address_i,
  input  logic [1:0]  access_i,
  input  logic        is_user_i,
  input  logic        is_implicit_i,
  input  logic        is_pdpte_load_i,

  output logic        response_valid_o,
  input  logic        response_ready_i,
  output logic [7:0]  response_id_o,
  output logic [3:0]  response_slot_o,
  output logic        is_translation_o,
  output logic [63:0] response_address_o,
  output logic [63:0] response_gpa_o,
  output logic [63:0] response_hpa_o,
  output logic [6:0]  guest_page_bits_o,
  output logic [6:0]  host_page_bits_o,
  output logic [3:0]  protection_key_o,
  output logic        dirty_o,
  output logic        global_o,
  output logic [2:0]  guest_rights_o,
  output logic [4:0]  host_rights_o,
  output logic [2:0]  fault_o,
  output logic [33:0] fault_code_o,
  output logic        has_gpa_o,
  output logic [2:0]  fault_g_o,
  output logic [2:0]  fault_h_o,
  output logic [6:0]  num_restarts_o,

  output logic        read_valid_o,
  input  logic        read_ready_i,
  output logic [3:0]  read_slot_o,
  output logic        read_stage_o,
  output logic [2:0]  read_g_o,
  output logic [2:0]  read_h_o,
  output logic        read_short_o,
  output logic [51:0] read_address_o,
  input  logic        data_valid_i,
  input  logic [3:0]  data_slot_i,
  input  logic        data_error_i,
  input  logic [63:0] data_i,

  output logic        update_valid_o,
  input  logic        update_ready_i,
  output logic [3:0]  update_slot_o,
  output logic        update_stage_o,
  output logic [2:0]  update_g_o,
  output logic [2:0]  update_h_o,
  output logic        update_short_o,
  output logic [51:0] update_address_o,
  output logic [63:0] update_expected_o,
  output logic [63:0] update_desired_o,
  input  logic        done_valid_i,
  input  logic [3:0]  done_slot_i,
  input  logic [1:0]  done_outcome_i,

  input  logic        invalidate_valid_i,
  output logic        invalidate_ready_o,
  input  logic [4:0]  invalidate_op_i,
  input  logic        invalidate_rules_i,
  input  logic [15:0] invalidate_vpid_i,
  input  logic [11:0] invalidate_pcid_i,
  input  logic [39:0] invalidate_ep4ta_i,
  input  logic [31:0] invalidate_asid_i,
  input  logic        vpid_enabled_i,
  input  logic [63:0] invalidate_address_i,
  input  logic [63:0] invalidate_gpa_i,
  output logic        ack_valid_o,
  input  logic        ack_ready_i,

  output logic        cache_valid_o,
  output logic [3:0]  cache_slot_o,
  output logic        cache_stage_o,
  output logic [2:0]  cache_g_o,
  output logic [2:0]  cache_h_o,
  output logic [1:0]  cache_op_o,
  output logic [4:0]  cache_drop_o,
  output logic [63:0] cache_address_o,
  output logic [63:0] cache_gpa_o,
  output logic        cache_hit_o,
  output logic [63:0] cache_base_o,     // of what is filled, or has been found
  output logic [2:0]  cache_next_level_o,
  output logic        cache_is_gpa_o,
  output logic        cache_dirty_o,
  output logic [6:0]  cache_page_bits_o,
  output logic [2:0]  cache_guest_rights_o,
  output logic [4:0]  cache_host_rights_o,
  output logic [4:0]  cache_table_rights_o,
  output logic [63:0] cache_table_gpa_o,

  output logic [15:0] killed_o,
  output logic [15:0] restarted_o
`ifdef NESTWALK_BUGS
  ,
  input  logic [5:0]  bug_i  // of bug_pkg
`endif
);

  walker_pkg::request_t      request;
  walker_pkg::response_t     response;
  walker_pkg::read_t         read;
  walker_pkg::update_t       update;
  walker_pkg::invalidation_t invalidation;

`ifdef NESTWALK_BUGS
  always_comb bug_pkg::active = bug_i;
`endif

  assign slots_o = Slots;
  assign max_restarts_o = MaxRestarts;
  assign ntlb_entries_o = NtlbEntries;

  assign guest_pwc_entries_o = GuestPwcEntries;
  assign host_pwc_entries_o = HostPwcEntries;
  assign pwc_per_level_o = PwcPerLevel != 0;
  assign pwc_guest_address_o = PwcGuestAddress != 0;

  walker_pkg::cache_op_t cache;
  walker_pkg::resume_t   cache_answer, cache_resume;
  logic                  unused_cache;
  assign cache_resume = (cache.op == walker_pkg::CACHE_LOOKUP) ? cache_answer : cache.resume;
  assign {cache_slot_o, cache_stage_o, cache_g_o, cache_h_o, cache_op_o, cache_drop_o} =
      {cache.slot, cache.stage, cache.g, cache.h, cache.op, cache.drop};
  assign {cache_address_o, cache_gpa_o} = {cache.address, cache.gpa};
  assign {cache_base_o, cache_next_level_o, cache_is_gpa_o, cache_dirty_o, cache_page_bits_o,
          cache_guest_rights_o, cache_host_rights_o, cache_table_rights_o, cache_table_gpa_o} =
      cache_resume;
  assign unused_cache = ^cache;

  always_comb begin
    request.id = request_id_i;
    request.address = address_i;
    request.access = access_i;
    request.is_user = is_user_i;
    request.is_implicit = is_implicit_i;
    request.is_pdpte_load = is_pdpte_load_i;
    request.ctx.has_guest = has_guest_i;
    request.ctx.guest_format = guest_format_i;
    request.ctx.guest_root = guest_root_i;
    request.ctx.pdptes = {pdpte_3_i, pdpte_2_i, pdpte_1_i, pdpte_0_i};
    request.ctx.has_host = has_host_i;
    request.ctx.host_format = host_format_i;
    request.ctx.host_root = host_root_i;
    request.ctx.control.wp = wp_i;
    request.ctx.control.nxe = nxe_i;
    request.ctx.control.smep = smep_i;
    request.ctx.control.smap = smap_i;
    request.ctx.control.ac = ac_i;
    request.ctx.control.pke = pke_i;
    request.ctx.control.pse = pse_i;
    request.ctx.control.page_1g = page_1g_i;
    request.ctx.control.accessed_dirty = accessed_dirty_i;
    request.ctx.control.execute_only = execute_only_i;
    request.ctx.control.mode_based_execute = mode_based_execute_i;
    request.ctx.control.maxphyaddr = maxphyaddr_i;
    request.ctx.control.guest_maxphyaddr = guest_maxphyaddr_i;
    request.ctx.control.pkru = pkru_i;
    request.ctx.tags = {vpid_i, pcid_i, ep4ta_i, asid_i};
  end

  assign {response_id_o, response_slot_o, is_translation_o, response_address_o, response_gpa_o,
          response_hpa_o, guest_page_bits_o, host_page_bits_o, protection_key_o, dirty_o, global_o,
          guest_rights_o, host_rights_o, fault_o, fault_code_o, has_gpa_o, fault_g_o, fault_h_o,
          num_restarts_o} = response;
  assign {read_slot_o, read_stage_o, read_g_o, read_h_o, read_short_o, read_address_o} = read;
  assign {update_slot_o, update_stage_o, update_g_o, update_h_o, update_short_o, update_address_o,
          update_expected_o, update_desired_o} = update;

  always_comb begin
    invalidation.op = invalidate_op_i;
    invalidation.rules = invalidate_rules_i;
    invalidation.tags = {invalidate_vpid_i, invalidate_pcid_i, invalidate_ep4ta_i,
                         invalidate_asid_i};
    invalidation.vpid_enabled = vpid_enabled_i;
    invalidation.address = invalidate_address_i;
    invalidation.gpa = invalidate_gpa_i;
  end

  logic [Slots-1:0] killed, restarted;
  assign killed_o = 16'(killed);
  assign restarted_o = 16'(restarted);

  nested_walker #(
    .Slots          (Slots),
    .MaxRestarts    (MaxRestarts),
    .NtlbEntries    (NtlbEntries),
    .GuestPwcEntries(GuestPwcEntries),
    .HostPwcEntries (HostPwcEntries),
    .PwcPerLevel    (PwcPerLevel),
    .PwcGuestAddress(PwcGuestAddress)
  ) u_nested_walker (
    .clk_i,
    .rst_ni,
    .request_valid_i,
    .request_ready_o,
    .request_i   (request),
    .request_slot_o,
    .response_valid_o,
    .response_ready_i,
    .response_o  (response),
    .read_valid_o,
    .read_ready_i,
    .read_o      (read),
    .data_valid_i,
    .data_i      ({data_slot_i, data_error_i, data_i}),
    .update_valid_o,
    .update_ready_i,
    .update_o    (update),
    .done_valid_i,
    .done_i      ({done_slot_i, done_outcome_i}),
    .invalidate_valid_i,
    .invalidate_ready_o,
    .invalidate_i(invalidation),
    .ack_valid_o,
    .ack_ready_i,
    .cache_valid_o,
    .cache_o     (cache),
    .cache_hit_o,
    .cache_resume_o(cache_answer),
    .killed_o    (killed),
    .restarted_o (restarted)
  );

  channel_checker #(
    .Width  ($bits(walker_pkg::request_t)),
    .Channel("request")
  ) u_request_checker (
    .clk_i,
    .rst_ni,
    .valid_i  (request_valid_i),
    .ready_i  (request_ready_o),
    .payload_i(request)
  );

  channel_checker #(
    .Width  ($bits(walker_pkg::response_t)),
    .Channel("response")
  ) u_response_checker (
    .clk_i,
    .rst_ni,
    .valid_i  (response_valid_o),
    .ready_i  (response_ready_i),
    .payload_i(response)
  );

  channel_checker #(
    .Width  ($bits(walker_pkg::read_t)),
    .Channel("read")
  ) u_read_checker (
    .clk_i,
    .rst_ni,
    .valid_i  (read_valid_o),
    .ready_i  (read_ready_i),
    .payload_i(read)
  );

  channel_checker #(
    .Width  ($bits(walker_pkg::update_t)),
    .Channel("update")
  ) u_update_checker (
    .clk_i,
    .rst_ni,
    .valid_i  (update_valid_o),
    .ready_i  (update_ready_i),
    .payload_i(update)
  );

  channel_checker #(
    .Width  ($bits(walker_pkg::invalidation_t)),
    .Channel("invalidate")
  ) u_invalidate_checker (
    .clk_i,
    .rst_ni,
    .valid_i  (invalidate_valid_i),
    .ready_i  (invalidate_ready_o),
    .payload_i(invalidation)
  );

  channel_checker #(
    .Width  (1),
    .Channel("acknowledge")
  ) u_ack_checker (
    .clk_i,
    .rst_ni,
    .valid_i  (ack_valid_o),
    .ready_i  (ack_ready_i),
    .payload_i(1'b0)
  );

  answer_checker #(
    .Channel("read data")
  ) u_data_checker (
    .clk_i,
    .rst_ni,
    .taken_i      (read_valid_o && read_ready_i),
    .slot_i       (read_slot_o),
    .answer_i     (data_valid_i),
    .answer_slot_i(data_slot_i)
  );

  answer_checker #(
    .Channel("update done")
  ) u_done_checker (
    .clk_i,
    .rst_ni,
    .taken_i      (update_valid_o && update_ready_i),
    .slot_i       (update_slot_o),
    .answer_i     (done_valid_i),
    .answer_slot_i(done_slot_i)
  );

endmodule
