// The state machine of one walk: which step comes next. It sees what the decoders say of the answer
// that has come and steers the registers of walk_slot, where protocol and cycles are described.
// Levels and stages are numbers there; no state here is named after one.
module walk_control #(
  parameter int unsigned MaxRestarts = 64,  // lost updates; one more ends in a memory error
  parameter bit HasNtlb = 1'b0,
  parameter bit HasGuestPwc = 1'b0,
  parameter bit HasHostPwc = 1'b0
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  input  logic                    kill_i,
  // Handshakes.
  input  logic                    request_valid_i,
  input  logic                    read_ready_i,
  input  logic                    data_valid_i,
  input  logic                    update_ready_i,
  input  logic                    done_valid_i,
  input  logic                    response_ready_i,
  input  logic                    cache_ready_i,
  output logic                    cache_valid_o,
  output logic [1:0]              cache_op_o,
  output logic                    is_idle_o,
  output logic                    read_valid_o,
  output logic                    update_valid_o,
  output logic                    response_valid_o,
  output logic                    is_committed_o,   // an update or a response is under way
  // The request.
  input  logic                    has_guest_i,
  input  logic                    has_host_i,
  input  logic                    is_npt_i,
  input  logic                    is_canonical_i,
  input  logic                    uses_pdptes_i,    // PAE PDPTEs are registers
  input  logic                    pdpte_present_i,
  // The answer.
  input  logic                    is_host_i,        // stage of the step under way
  input  logic                    for_table_i,      // the host walk is for a guest table
  input  logic                    is_error_i,
  input  walker_pkg::entry_kind_e kind_i,
  input  logic                    permits_i,        // a leaf with what was passed before it
  input  logic                    lacks_i,          // an A or D bit is missing on the path
  input  logic                    denies_update_i,
  input  logic                    is_last_update_i,
  input  logic [1:0]              outcome_i,        // of the update
  // What the caches answer to a lookup.
  input  logic                    hit_i,
  input  logic                    hit_is_gpa_i,     // a table whose GPA is known
  input  logic                    hit_is_page_i,
  input  logic                    serves_i,         // that page serves the access
  // What they are to be told.
  input  logic                    has_tables_i,     // pointers to tables; of a leaf, before it
  input  logic                    is_last_table_i,
  // Where the walk goes on turns out to lie in or outside of the host's input addresses.
  input  logic                    to_host_i,
  input  logic                    is_outside_i,
  // What happens in this cycle.
  output walker_pkg::phase_e      phase_o,
  output walker_pkg::go_e         go_o,
  output logic                    passes_o,         // the entry that has come is good
  output logic                    hits_o,           // the nested TLB has given the page
  output logic                    resumes_o,        // a walk cache has given a table
  output logic                    filled_o,         // a walk cache has taken a table
  output logic                    updates_o,        // the update took place
  output logic                    faults_o,
  output mmu_arch_pkg::fault_e    fault_o,
  output logic                    killed_o,         // the walk begins anew after a kill
  output logic                    restarted_o,      // the same after a lost update
  output logic [6:0]              num_restarts_o
);

  typedef enum logic [3:0] {
    StIdle,
    StBegin,
    StLookup,
    StRead,
    StData,
    StUpdate,
    StDone,
    StFill,
    StOutside,
    StDrop,
    StRespond
  } state_e;

  localparam bit HAS_HOST_CACHE = HasNtlb || HasHostPwc;

  state_e     state_d, state_q;
  logic       is_killed_d, is_killed_q;  // the answer under way is to be dropped
  logic [6:0] restarts_d, restarts_q;
  logic       is_dropped;
  assign is_dropped = is_killed_q || kill_i;

  // What there is to act upon.
  always_comb begin
    phase_o = walker_pkg::PhaseNone;
    killed_o = 1'b0;
    unique case (state_q)
      StBegin: begin
        phase_o = walker_pkg::PhaseBegin;
        killed_o = kill_i;
      end
`ifdef NESTWALK_BUGS
      StRead: killed_o = kill_i && bug_pkg::active == bug_pkg::ReadTakenBack;
`endif
      StData: begin
        if (data_valid_i) begin
          phase_o = walker_pkg::PhaseData;
          killed_o = is_dropped;
        end
      end
      StUpdate: begin
        if (denies_update_i) begin
          phase_o = walker_pkg::PhaseDenied;
          killed_o = is_dropped;
        end
      end
      StDone: begin
        if (done_valid_i) begin
          phase_o = walker_pkg::PhaseDone;
          killed_o = is_dropped;
        end
      end
      StOutside: begin
        phase_o = walker_pkg::PhaseOutside;
        killed_o = kill_i;
      end
      StLookup: begin
        phase_o = cache_ready_i ? walker_pkg::PhaseLookup : walker_pkg::PhaseNone;
        killed_o = kill_i;
      end
      StFill: begin
        phase_o = cache_ready_i ? walker_pkg::PhaseFilled : walker_pkg::PhaseNone;
        killed_o = kill_i;
      end
      StDrop: killed_o = kill_i;
      default: phase_o = walker_pkg::PhaseNone;
    endcase
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::FillOutlivesKill && state_q == StFill) begin
      killed_o = 1'b0;
    end
`endif
    if (killed_o) begin
      phase_o = walker_pkg::PhaseNone;
    end
  end

  logic [1:0] outcome;
  always_comb begin
    outcome = outcome_i;
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::LostUpdateStands && outcome_i == walker_pkg::UPDATE_LOST) begin
      outcome = walker_pkg::UPDATE_STORED;
    end
    if (bug_pkg::active == bug_pkg::FailedUpdateStands && outcome_i == walker_pkg::UPDATE_ERROR) begin
      outcome = walker_pkg::UPDATE_STORED;
    end
`endif
  end

  // What it means.
  logic is_leaf, needs_update, needs_fill, has_fills;
  assign is_leaf = kind_i == walker_pkg::EntryLeaf;
  assign has_fills = has_tables_i || (is_host_i && HasNtlb);
  always_comb begin
    go_o = walker_pkg::GoNowhere;
    passes_o = 1'b0;
    updates_o = 1'b0;
    hits_o = 1'b0;
    resumes_o = 1'b0;
    filled_o = 1'b0;
    needs_update = 1'b0;
    needs_fill = 1'b0;
    faults_o = 1'b0;
    fault_o = mmu_arch_pkg::FaultMemoryError;
    restarted_o = 1'b0;
    unique case (phase_o)
      walker_pkg::PhaseBegin: begin
        fault_o = is_canonical_i ? mmu_arch_pkg::FaultGuestPageFault
                                 : mmu_arch_pkg::FaultNonCanonical;
        if (!has_guest_i) begin
          go_o = walker_pkg::GoFinal;
        end else if (!is_canonical_i) begin
          faults_o = 1'b1;
        end else if (HasGuestPwc) begin
          go_o = walker_pkg::GoGuestLookup;
        end else if (uses_pdptes_i && !pdpte_present_i) begin
          faults_o = 1'b1;
        end else begin
          go_o = walker_pkg::GoGuestEntry;
        end
      end

      walker_pkg::PhaseData: begin
        if (is_error_i) begin
          faults_o = 1'b1;
        end else if (kind_i == walker_pkg::EntryNotPresent ||
                     kind_i == walker_pkg::EntryMalformed || (is_leaf && !permits_i)) begin
          faults_o = 1'b1;
          if (!is_host_i) begin
            fault_o = mmu_arch_pkg::FaultGuestPageFault;
          end else if (is_npt_i) begin
            fault_o = mmu_arch_pkg::FaultNestedPageFault;
          end else if (kind_i == walker_pkg::EntryMalformed) begin
            fault_o = mmu_arch_pkg::FaultEptMisconfiguration;
          end else begin
            fault_o = mmu_arch_pkg::FaultEptViolation;
          end
        end else begin
          passes_o = 1'b1;
          if (!is_leaf) begin
            go_o = is_host_i ? walker_pkg::GoHostEntry : walker_pkg::GoGuestEntry;
          end else if (lacks_i) begin
            needs_update = 1'b1;
          end else if (has_fills) begin
            needs_fill = 1'b1;
          end else begin
            go_o = is_host_i ? walker_pkg::GoGuestRead : walker_pkg::GoFinal;
          end
        end
      end

      walker_pkg::PhaseDenied: begin
        faults_o = 1'b1;
        fault_o = mmu_arch_pkg::FaultEptViolation;
      end

      walker_pkg::PhaseDone: begin
        if (outcome == walker_pkg::UPDATE_STORED) begin
          updates_o = 1'b1;
          if (!is_last_update_i) begin
            needs_update = 1'b1;
          end else if (has_fills) begin
            needs_fill = 1'b1;
          end else begin
            go_o = is_host_i ? walker_pkg::GoGuestRead : walker_pkg::GoFinal;
          end
        end else if (outcome == walker_pkg::UPDATE_LOST) begin
          restarted_o = 1'b1;
          faults_o = restarts_q == 7'(MaxRestarts);
        end else begin
          faults_o = 1'b1;
        end
      end

      walker_pkg::PhaseOutside: begin
        faults_o = 1'b1;
        fault_o = is_npt_i ? mmu_arch_pkg::FaultNestedPageFault
                           : mmu_arch_pkg::FaultEptViolation;
      end

      walker_pkg::PhaseLookup: begin
        resumes_o = hit_i && !hit_is_page_i;
        if (is_host_i) begin
          // A page that does not serve the access is a miss: the walk decides, from the root.
          hits_o = hit_i && hit_is_page_i && serves_i;
          if (hits_o) begin
            go_o = walker_pkg::GoGuestRead;
          end else if (resumes_o) begin
            go_o = walker_pkg::GoHostEntry;
          end
        end else if (resumes_o) begin
          go_o = hit_is_gpa_i ? walker_pkg::GoGuestEntry : walker_pkg::GoGuestTable;
        end else if (uses_pdptes_i && !pdpte_present_i) begin
          faults_o = 1'b1;
          fault_o = mmu_arch_pkg::FaultGuestPageFault;
        end else begin
          go_o = walker_pkg::GoGuestEntry;
        end
      end

      walker_pkg::PhaseFilled: begin
        // Pointers to tables from the root down, then the host's page.
        filled_o = has_tables_i;
        if (!has_tables_i || (is_last_table_i && !(is_host_i && HasNtlb))) begin
          go_o = is_host_i ? walker_pkg::GoGuestRead : walker_pkg::GoFinal;
        end
      end

      default: go_o = walker_pkg::GoNowhere;
    endcase
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::NonCanonicalStays && phase_o == walker_pkg::PhaseBegin && !is_canonical_i) begin
      faults_o = 1'b0;
    end
`endif
  end

  // The state that follows.
  logic is_page_known, is_of_host;
  assign is_page_known = (go_o == walker_pkg::GoFinal && !has_host_i) ||
                         (go_o == walker_pkg::GoGuestRead && !for_table_i);
  assign is_of_host = fault_o == mmu_arch_pkg::FaultEptViolation ||
                      fault_o == mmu_arch_pkg::FaultNestedPageFault;
  always_comb begin
    state_d = state_q;
    restarts_d = restarts_q;
    is_killed_d = is_dropped && (state_q == StRead || state_q == StData || state_q == StUpdate ||
                                 state_q == StDone);
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::ForgetsKill && state_q == StData) begin
      is_killed_d = 1'b0;
    end
`endif
    unique case (state_q)
      StIdle: begin
        restarts_d = '0;
        state_d = request_valid_i ? StBegin : StIdle;
      end
      StRead: state_d = read_ready_i ? StData : StRead;
      StUpdate: state_d = update_ready_i && !denies_update_i ? StDone : StUpdate;
      StLookup: state_d = cache_ready_i ? StRead : StLookup;
      StDrop: state_d = cache_ready_i ? StRespond : StDrop;
      StRespond: state_d = response_ready_i ? StIdle : StRespond;
      default: state_d = state_q;
    endcase
    if (needs_update) begin
      state_d = StUpdate;
    end
    if (needs_fill) begin
      state_d = StFill;
    end
    if (go_o != walker_pkg::GoNowhere) begin
      state_d = StRead;
      if (to_host_i) begin
        state_d = HAS_HOST_CACHE ? StLookup : StRead;
        if (is_outside_i) begin
          state_d = StOutside;
        end
      end
      if (go_o == walker_pkg::GoGuestLookup) begin
        state_d = StLookup;
      end
      if (is_page_known) begin
        state_d = StRespond;
      end
    end
    if (restarted_o) begin
      restarts_d = restarts_q + 7'd1;
      state_d = StBegin;
    end
    if (faults_o) begin
      state_d = StRespond;
      // A fault drops what is cached for its addresses; of the host's caches, what that stage denies.
      if (HasGuestPwc || (HAS_HOST_CACHE && is_of_host)) begin
        state_d = StDrop;
      end
`ifdef NESTWALK_BUGS
      if (bug_pkg::active == bug_pkg::FaultKeepsCaches) begin
        state_d = StRespond;
      end
`endif
    end
    if (killed_o) begin
      state_d = StBegin;
      restarts_d = '0;
      is_killed_d = 1'b0;
    end
`ifdef NESTWALK_BUGS
    if (bug_pkg::active == bug_pkg::KilledWalkVanishes && killed_o && state_q == StLookup) begin
      state_d = StIdle;
    end
`endif
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= StIdle;
      is_killed_q <= 1'b0;
      restarts_q <= '0;
    end else begin
      state_q <= state_d;
      is_killed_q <= is_killed_d;
      restarts_q <= restarts_d;
    end
  end

  assign is_idle_o = state_q == StIdle;
  assign read_valid_o = state_q == StRead;
  assign update_valid_o = state_q == StUpdate && !denies_update_i;
  assign response_valid_o = state_q == StRespond;
  assign cache_valid_o = state_q == StLookup || state_q == StFill || state_q == StDrop;
  always_comb begin
    cache_op_o = walker_pkg::CACHE_LOOKUP;
    if (state_q == StFill) begin
      cache_op_o = walker_pkg::CACHE_FILL;
    end
    if (state_q == StDrop) begin
      cache_op_o = walker_pkg::CACHE_DROP;
    end
  end
  assign is_committed_o = state_q == StUpdate || state_q == StDone || state_q == StRespond;
  assign num_restarts_o = restarts_q;

endmodule
