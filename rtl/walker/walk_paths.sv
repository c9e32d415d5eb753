// What a walk has passed, for each stage, and what comes next of it for the stage under way: the
// entry that lacks an A or D bit, else the table that a walk cache is to be told. See walk_path.
module walk_paths #(
  parameter bit HasGuestPwc = 1'b0,
  parameter bit HasHostPwc = 1'b0
) (
  input  logic                            clk_i,
  input  logic                            rst_ni,
  input  logic                            begins_i,   // the walk
  input  logic                            to_host_i,  // a host walk begins
  input  logic                            is_host_i,  // stage of the step under way
  // An entry has come.
  input  logic                            is_data_i,
  input  logic                            passes_i,   // and is good
  input  logic [2:0]                      level_i,
  input  logic [63:0]                     entry_i,
  input  logic                            lacks_i,
  input  logic [walker_pkg::HPA_BITS-1:0] hpa_i,      // where it stands
  input  logic [63:0]                     gpa_i,
  input  logic [2:0]                      guest_rights_i,  // of the path before it
  input  logic [4:0]                      host_rights_i,
  // What comes next has been done.
  input  logic                            updated_i,
  input  logic                            filled_i,
  // An entry passed before lacks something; of these it is the last.
  output logic                            lacks_o,
  output logic                            is_last_o,
  // There is a table that a walk cache is to be told; of these it is the last.
  output logic                            has_tables_o,
  output logic                            is_last_table_o,
  // The entry that comes next; of a table, the one that was read in it.
  output logic [2:0]                      level_o,
  output logic [63:0]                     entry_o,
  output logic [walker_pkg::HPA_BITS-1:0] hpa_o,
  output logic [63:0]                     gpa_o,           // guest stage
  output logic [2:0]                      guest_rights_o,  // guest stage: of the path before it
  output logic [4:0]                      host_rights_o,   // host stage: likewise
  output logic [4:0]                      table_rights_o   // guest stage: the host's, of its page
);

  logic                            guest_lacks, guest_is_last, host_lacks, host_is_last;
  logic                            guest_is_first, guest_has_tables, guest_is_last_table;
  logic                            host_is_first, host_has_tables, host_is_last_table;
  logic [2:0]                      guest_level, host_level;
  logic [63:0]                     guest_entry, host_entry;
  logic [walker_pkg::HPA_BITS-1:0] guest_hpa, host_hpa;

  walk_path #(
    .ExtraBits  (72),
    .KeepsTables(HasGuestPwc)
  ) u_guest_path (
    .clk_i,
    .rst_ni,
    .clear_i        (begins_i),
    .pass_i         (passes_i && !is_host_i),
    .level_i,
    .entry_i,
    .hpa_i,
    .extra_i        ({guest_rights_i, host_rights_i, gpa_i}),
    .lacks_i,
    .updated_i      (updated_i && !is_host_i),
    .filled_i       (filled_i && !is_host_i),
    .lacks_o        (guest_lacks),
    .is_last_o      (guest_is_last),
    .is_first_o     (guest_is_first),
    .has_tables_o   (guest_has_tables),
    .is_last_table_o(guest_is_last_table),
    .next_level_o   (guest_level),
    .next_entry_o   (guest_entry),
    .next_hpa_o     (guest_hpa),
    .next_extra_o   ({guest_rights_o, table_rights_o, gpa_o})
  );

  walk_path #(
    .ExtraBits  (5),
    .KeepsTables(HasHostPwc)
  ) u_host_path (
    .clk_i,
    .rst_ni,
    .clear_i        (to_host_i),
    .pass_i         (passes_i && is_host_i),
    .level_i,
    .entry_i,
    .hpa_i,
    .extra_i        (host_rights_i),
    .lacks_i,
    .updated_i      (updated_i && is_host_i),
    .filled_i       (filled_i && is_host_i),
    .lacks_o        (host_lacks),
    .is_last_o      (host_is_last),
    .is_first_o     (host_is_first),
    .has_tables_o   (host_has_tables),
    .is_last_table_o(host_is_last_table),
    .next_level_o   (host_level),
    .next_entry_o   (host_entry),
    .next_hpa_o     (host_hpa),
    .next_extra_o   (host_rights_o)
  );

  assign lacks_o = is_host_i ? host_lacks : guest_lacks;
  assign is_last_o = is_host_i ? host_is_last : guest_is_last;
  assign is_last_table_o = is_host_i ? host_is_last_table : guest_is_last_table;
  assign level_o = is_host_i ? host_level : guest_level;
  assign entry_o = is_host_i ? host_entry : guest_entry;
  assign hpa_o = is_host_i ? host_hpa : guest_hpa;

  // An entry that has come is not yet in the path: the table it stands in was found by an entry if one
  // was passed before it.
  always_comb begin
    has_tables_o = is_host_i ? host_has_tables : guest_has_tables;
    if (is_data_i) begin
      has_tables_o = is_host_i ? HasHostPwc && !host_is_first : HasGuestPwc && !guest_is_first;
    end
  end

endmodule
