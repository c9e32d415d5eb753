// Records at the walker's boundary and between its parts. Members are plain vectors: Yosys 0.23 does
// not find an enumeration of another package inside a structure. Their values are those of
// mmu_arch_pkg.
package walker_pkg;

  localparam int unsigned ID_BITS = 8;    // names a request to who made it
  localparam int unsigned SLOT_BITS = 4;  // up to 16 walks at a time
  localparam int unsigned HPA_BITS = 52;   // MAX_PHYSICAL_BITS; Yosys has no package in a package

  // CR0, CR4, EFER, EFLAGS and PKRU bits that matter for translation, and what CPUID says.
  typedef struct packed {
    logic        wp;
    logic        nxe;
    logic        smep;
    logic        smap;
    logic        ac;
    logic        pke;
    logic        pse;
    logic        page_1g;
    logic        accessed_dirty;
    logic        execute_only;
    logic        mode_based_execute;
    logic [5:0]  maxphyaddr;
    logic [5:0]  guest_maxphyaddr;
    logic [31:0] pkru;
  } control_t;

  // Intel: vpid, pcid, ep4ta (EPTP bits 51:12); AMD: asid and pcid. What a machine lacks is zero.
  typedef struct packed {
    logic [15:0] vpid;
    logic [11:0] pcid;
    logic [39:0] ep4ta;
    logic [31:0] asid;
  } tags_t;

  typedef struct packed {
    logic         has_guest;
    logic [2:0]   guest_format;
    logic [63:0]  guest_root;
    logic [255:0] pdptes;  // PDPTE 0 in the lowest bits
    logic         has_host;
    logic [2:0]   host_format;
    logic [63:0]  host_root;
    control_t     control;
    tags_t        tags;
  } context_t;

  typedef struct packed {
    logic [ID_BITS-1:0] id;
    context_t           ctx;
    logic [63:0]        address;
    logic [1:0]         access;   // access_e
    logic               is_user;  // privilege of the access
    logic               is_implicit;
    logic               is_pdpte_load;  // the host walk of a CR3 load with PAE; without a guest
  } request_t;

  typedef struct packed {
    logic [SLOT_BITS-1:0] slot;
    logic                 stage;  // stage_e
    logic [2:0]           g;      // position
    logic [2:0]           h;
    logic                 is_short;  // 4 bytes, otherwise 8
    logic [HPA_BITS-1:0]  address;
  } read_t;

  typedef struct packed {
    logic [SLOT_BITS-1:0] slot;
    logic                 is_error;
    logic [63:0]          data;
  } read_data_t;

  // Compare and swap.
  typedef struct packed {
    logic [SLOT_BITS-1:0] slot;
    logic                 stage;
    logic [2:0]           g;
    logic [2:0]           h;
    logic                 is_short;
    logic [HPA_BITS-1:0]  address;
    logic [63:0]          expected;
    logic [63:0]          desired;
  } update_t;

  localparam logic [1:0] UPDATE_STORED = 2'd0;
  localparam logic [1:0] UPDATE_LOST = 2'd1;  // the entry no longer held the expected word
  localparam logic [1:0] UPDATE_ERROR = 2'd2;

  typedef struct packed {
    logic [SLOT_BITS-1:0] slot;
    logic [1:0]           outcome;
  } update_done_t;

  typedef struct packed {
    logic [ID_BITS-1:0]   id;
    logic [SLOT_BITS-1:0] slot;
    logic                 is_translation;  // otherwise a fault
    logic [63:0]          address;         // of the access
    logic [63:0]          gpa;             // of the translation, or that did not translate
    logic [63:0]          hpa;
    logic [6:0]           guest_page_bits;
    logic [6:0]           host_page_bits;
    logic [3:0]           protection_key;
    logic                 dirty;
    logic                 is_global;
    logic [2:0]           guest_rights;
    logic [4:0]           host_rights;
    logic [2:0]           fault;  // fault_e
    logic [33:0]          code;   // error code or exit qualification
    logic                 has_gpa;
    logic [2:0]           g;
    logic [2:0]           h;
    logic [6:0]           num_restarts;
  } response_t;

  typedef struct packed {
    logic [4:0]  op;     // invalidate_op_e
    logic        rules;  // tag_rules_e
    tags_t       tags;
    logic        vpid_enabled;
    logic [63:0] address;
    logic [63:0] gpa;
  } invalidation_t;

  // One row of the table of invalidations.
  typedef struct packed {
    logic drops_guest;      // mappings made from the guest stage
    logic drops_host;       // mappings made from the host stage
    logic same_context;     // VPID and ASID must be the same
    logic vpid_zero;
    logic vpid_not_zero;
    logic same_pcid;
    logic same_ep4ta;
    logic keeps_globals;
    logic host_by_address;  // of guest-physical mappings, the one of that GPA alone
    logic page_by_address;  // of translations of linear addresses, those of that address alone
    logic tables_by_address;  // of pointers to guest tables, those for that linear address alone
  } rule_t;

  // A host page in the nested TLB.
  typedef struct packed {
    logic [63:0] gpa;        // any address within it
    logic [63:0] base;       // its HPA
    logic [6:0]  page_bits;
    logic [4:0]  rights;     // of the whole host path
    logic        dirty;
    logic [39:0] ep4ta;
    logic [31:0] asid;
  } ntlb_page_t;

  // Where a walk may go on: what is cached, by the names of model/arch/resume.h. What a kind of entry
  // does not have is what it has there by default: all rights, otherwise zero.
  typedef struct packed {
    logic [63:0] base;          // of the next table, or of the page
    logic [2:0]  next_level;    // of the entry to read next; 0: the page is known
    logic        is_gpa;        // base must still pass the host stage
    logic        dirty;
    logic [6:0]  page_bits;
    logic [2:0]  guest_rights;  // of the guest's entries passed
    logic [4:0]  host_rights;   // of the host's entries passed
    logic [4:0]  table_rights;  // the host's, of the page that holds the next guest table
    logic [63:0] table_gpa;     // of the next guest table
  } resume_t;

  localparam logic [1:0] CACHE_LOOKUP = 2'd0;
  localparam logic [1:0] CACHE_FILL = 2'd1;
  localparam logic [1:0] CACHE_DROP = 2'd2;  // what a fault drops by itself

  // What a walk asks of the nested TLB and the walk caches.
  typedef struct packed {
    logic [SLOT_BITS-1:0] slot;
    logic                 stage;        // stage_e
    logic [2:0]           g;            // position
    logic [2:0]           h;
    logic [1:0]           op;
    logic [4:0]           drop;         // invalidate_op_e of a drop
    logic [63:0]          address;      // GVA
    logic [63:0]          gpa;          // of a host walk
    logic                 is_combined;  // guest entries are made over a host stage
    logic [2:0]           format;       // of the stage
    tags_t                tags;
    resume_t              resume;       // of a fill
  } cache_op_t;

  // Widths of records of which there are several side by side; Yosys 0.23 has no $bits of a type.
  localparam int unsigned READ_BITS = 64;
  localparam int unsigned UPDATE_BITS = 192;
  localparam int unsigned RESPONSE_BITS = 284;
  localparam int unsigned NTLB_PAGE_BITS = 213;
  localparam int unsigned RESUME_BITS = 153;
  localparam int unsigned CACHE_OP_BITS = 403;

  // A page in the TLB, by 4K frames; the first of those that the entry covers.
  typedef struct packed {
    logic [51:0] page;             // of the linear address; with guest paging off, of the GPA
    logic        is_combined;      // made from a host stage
    tags_t       tags;             // a linear mapping has no ep4ta
    logic [51:0] gpa_page;
    logic [51:0] hpa_page;
    logic [6:0]  guest_page_bits;
    logic [6:0]  host_page_bits;
    logic [3:0]  protection_key;
    logic        dirty;
    logic        is_global;
    logic [2:0]  guest_rights;
    logic [4:0]  host_rights;
  } tlb_page_t;

  localparam int unsigned TLB_PAGE_BITS = 285;

  // What an entry says.
  typedef enum logic [1:0] {
    EntryNotPresent = 2'd0,
    EntryMalformed = 2'd1,
    EntryTable = 2'd2,
    EntryLeaf = 2'd3
  } entry_kind_e;

  // What a host walk is for.
  typedef enum logic [1:0] {
    PurposeFinal = 2'd0,
    PurposeGuestTable = 2'd1,
    PurposePdpteLoad = 2'd2
  } purpose_e;

  // What the control of a walk acts upon.
  typedef enum logic [2:0] {
    PhaseNone = 3'd0,     // nothing new
    PhaseBegin = 3'd1,    // the request, or what is left of it after a restart
    PhaseData = 3'd2,     // an entry that was read
    PhaseDenied = 3'd3,   // an update that the host stage does not permit
    PhaseDone = 3'd4,     // the answer to an update
    PhaseOutside = 3'd5,  // a GPA that the host stage does not reach
    PhaseLookup = 3'd6,   // the answer of the caches
    PhaseFilled = 3'd7    // a cache has taken the entry
  } phase_e;

  // Where a walk goes on.
  typedef enum logic [2:0] {
    GoNowhere = 3'd0,
    GoGuestEntry = 3'd1,  // to the guest entry of a level, in a table at a GPA (no host: an HPA)
    GoGuestRead = 3'd2,   // to the same entry, whose HPA the host stage has found
    GoHostEntry = 3'd3,   // to the host entry of a level, in a table at an HPA
    GoFinal = 3'd4,       // to the page of the access, at a GPA
    GoGuestLookup = 3'd5,  // to what the guest's walk cache knows
    GoGuestTable = 3'd6   // to the guest entry of a level, in a table at an HPA
  } go_e;

endpackage
