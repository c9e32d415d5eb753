// One translation by the second witness: its two stages and what they share. Internal to
// oracle*.cpp.
//
//   Oracle(context, access, memory).translate();
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tests/support/oracle.h"
#include "tests/support/oracle_codes.h"
#include "tests/support/oracle_entries.h"

namespace nestwalk::oracle_walk {

using namespace oracle_entries;  // NOLINT(google-build-using-namespace)

// Takes a right away that an entry does not give.
template <class Rights>
void keep(Rights& rights, std::uint8_t right, bool present) {
  if (!present) {
    rights.bits = static_cast<std::uint8_t>(rights.bits & ~right);
  }
}

struct HostPage {
  Hpa hpa;
  HostRights rights;
  std::uint8_t page_bits = kNoPageBits;
  bool dirty = true;
};

// Where the next table of the guest stage stands, and whose it is.
struct Place {
  enum class Whose {
    kGuestByGpa,  // the guest's; its address must pass the host stage
    kGuestByHpa,  // the guest's, named by an entry of the shadow
    kShadow,
  };
  Whose whose = Whose::kGuestByGpa;
  Word address = 0;
};

// A guest entry on the way, with what its own host translation allowed.
struct GuestStep {
  OracleReference entry;
  Gpa gpa;
  HostRights host;
};

class Oracle {
 public:
  Oracle(const WalkContext& context, const Access& access, OracleMemory& memory)
      : context_(context), control_(context.control), access_(access), memory_(memory) {}

  OracleResult translate();
  OracleLoad load_pdptes();

 private:
  // Each returns an empty optional (or false) when the walk has ended: by a fault, or because an
  // A/D update was lost and the whole walk must be done again (is_lost_).
  std::optional<Translation> translate_guest();
  std::optional<HostPage> find_table_entry(Place table, std::uint8_t g, Gpa& gpa);
  std::optional<HostPage> translate_host(Gpa gpa, std::uint8_t g, Purpose purpose);
  bool check_guest_rights(const GuestRights& rights, Position leaf, unsigned key);
  bool update_guest(std::vector<GuestStep>& path, const X86Rules& rules);
  bool update_host(std::vector<OracleReference>& path, Purpose purpose);
  bool read(OracleReference& entry, Gpa gpa);
  bool set_bits(OracleReference& entry, Word bits);

  [[nodiscard]] bool host_rights_suffice(const HostRights& rights, Purpose purpose) const;
  [[nodiscard]] X86Rules guest_rules() const {
    return {context_.guest_format, control_.guest_maxphyaddr, control_.nxe, control_.pse,
            control_.page_1g};
  }
  // The shadow's tables are the machine's, whose width they may use.
  [[nodiscard]] X86Rules rules_of(const Place& table) const {
    X86Rules rules = guest_rules();
    if (table.whose == Place::Whose::kShadow) {
      rules.width = control_.maxphyaddr;
    }
    return rules;
  }
  [[nodiscard]] Place first_table() const;

  void page_fault(Position position, PageFaultCause cause);
  void ept_violation(Position position, Gpa gpa, HostRights rights, Purpose purpose);
  void nested_page_fault(Position position, Gpa gpa, Purpose purpose, PageFaultCause cause);
  void fault(FaultKind kind, Word code, Position position, std::optional<Gpa> gpa);

  const WalkContext& context_;
  const Control& control_;
  const Access& access_;
  OracleMemory& memory_;
  OracleResult result_;
  bool is_lost_ = false;
  bool is_in_shadow_ = false;  // the entry read last was one of the shadow
  bool is_user_path_ = true;   // U set in all guest entries so far; true while guest paging is off
};

}  // namespace nestwalk::oracle_walk
