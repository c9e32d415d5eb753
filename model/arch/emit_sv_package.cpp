// Prints the facts of this folder as a SystemVerilog package, so that hardware and model cannot
// disagree about a bit position.
//
//   emit_sv_package                  prints the package
//   emit_sv_package --check FILE     exit status 1 and the first line that differs, if one does
//
// Tables become functions with one row per (format, level). Address wiring is not written down a
// second time: it is found by sending one-hot words through the C++ functions. Package functions on
// plain vectors are what Yosys 0.23 and Verilator 5.006 both read.
#include <array>
#include <cctype>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iostream>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "model/arch/access.h"
#include "model/arch/entry.h"
#include "model/arch/event.h"
#include "model/arch/fault.h"
#include "model/arch/invalidation.h"
#include "model/arch/paging_format.h"
#include "model/arch/position.h"
#include "model/arch/rights.h"
#include "model/arch/tags.h"
#include "model/arch/translation.h"

namespace nestwalk {
namespace {

using Word = std::uint64_t;
using Names = std::span<const std::string_view>;

constexpr std::array<std::string_view, kNumFormats> kFormatNames = {
    "x86_two_level",  "x86_pae",        "x86_four_level",
    "x86_five_level", "ept_four_level", "ept_five_level"};
static_assert(static_cast<unsigned>(FormatId::kEptFiveLevel) + 1 == kNumFormats);
constexpr std::array<std::string_view, 2> kStageNames = {"guest", "host"};
constexpr std::array<std::string_view, 3> kAccessNames = {"read", "write", "fetch"};
constexpr std::array<std::string_view, 2> kTagRulesNames = {"intel", "amd"};
constexpr std::array<std::string_view, 3> kMappingNames = {"linear", "guest_physical", "combined"};

std::string camel(std::string_view name) {
  std::string result;
  bool starts_word = true;
  for (const char c : name) {
    if (c == '_') {
      starts_word = true;
      continue;
    }
    result += starts_word ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    starts_word = false;
  }
  return result;
}

std::string hex(Word value, unsigned bits) {
  std::ostringstream text;
  text << bits << "'h" << std::hex << value;
  return text.str();
}

std::string decimal(Word value, unsigned bits) {
  return std::to_string(bits) + "'d" + std::to_string(value);
}

unsigned width_for(std::size_t count) {
  unsigned bits = 1;
  while ((std::size_t{1} << bits) < count) {
    ++bits;
  }
  return bits;
}

// The concatenation that moves bits of `argument` as `function` does.
std::string wiring(unsigned bits, std::string_view argument,
                   const std::function<Word(Word)>& function) {
  std::vector<int> source(bits, -1);  // by bit of the result; -1: always zero
  for (int from = 0; from < 64; ++from) {
    const Word moved = function(bit(static_cast<unsigned>(from)));
    for (unsigned to = 0; to < bits; ++to) {
      if ((moved & bit(to)) != 0) {
        source[to] = from;
      }
    }
  }
  std::string result;
  for (unsigned high = bits; high > 0;) {
    unsigned low = high - 1;
    const int top = source[high - 1];
    while (low > 0 && source[low - 1] == (top < 0 ? -1 : source[low] - 1)) {
      --low;
    }
    const unsigned count = high - low;
    result += result.empty() ? "{" : ", ";
    result += top < 0 ? decimal(0, count)
                      : std::string(argument) + "[" + std::to_string(top) + ":" +
                            std::to_string(source[low]) + "]";
    high = low;
  }
  return result + "}";
}

class Package {
 public:
  [[nodiscard]] std::string text() const { return out_.str(); }

  void line(std::string_view text = "") { out_ << text << "\n"; }

  void enumeration(std::string_view type, std::string_view prefix, Names names) {
    const unsigned bits = width_for(names.size());
    out_ << "  typedef enum logic [" << bits - 1 << ":0] {\n";
    for (std::size_t i = 0; i < names.size(); ++i) {
      out_ << "    " << prefix << camel(names[i]) << " = " << decimal(i, bits)
           << (i + 1 < names.size() ? ",\n" : "\n");
    }
    out_ << "  } " << type << ";\n\n";
  }

  void constant(std::string_view name, unsigned value) {
    out_ << "  localparam int unsigned " << name << " = " << value << ";\n";
  }
  void words(std::string_view name, Word value) {
    out_ << "  localparam logic [63:0] " << name << " = " << hex(value, 64) << ";\n";
  }

  struct Function {
    std::string_view comment;
    std::string_view name;
    unsigned bits = 1;
    std::string_view more_arguments = {};  // after format (and level)
  };

  void by_format(const Function& f, const std::function<std::string(const PagingFormat&)>& value) {
    open(f, false);
    for (const PagingFormat& format : kPagingFormats) {
      row(f, decimal(static_cast<unsigned>(format.id), 3), value(format));
    }
    close(f);
  }

  void by_level(const Function& f,
                const std::function<std::string(const PagingFormat&, unsigned)>& value) {
    open(f, true);
    for (const PagingFormat& format : kPagingFormats) {
      for (unsigned level = 1; level <= format.levels; ++level) {
        row(f, "{" + decimal(static_cast<unsigned>(format.id), 3) + ", " + decimal(level, 3) + "}",
            value(format, level));
      }
    }
    close(f);
  }

 private:
  void open(const Function& f, bool has_level) {
    out_ << "  // " << f.comment << "\n  function automatic logic ";
    if (f.bits > 1) {
      out_ << "[" << f.bits - 1 << ":0] ";
    }
    out_ << f.name << "(\n      input logic [2:0] format"
         << (has_level ? ", input logic [2:0] level" : "") << f.more_arguments << ");\n"
         << "    case (" << (has_level ? "{format, level}" : "format") << ")\n";
  }
  // Zero is what a row that is missing says.
  void row(const Function& f, std::string_view selector, std::string_view value) {
    if (value.ends_with("'d0") || value.ends_with("'h0")) {
      return;
    }
    out_ << "      " << selector << ": " << f.name << " = " << value << ";\n";
  }
  void close(const Function& f) {
    out_ << "      default: " << f.name << " = '0;\n    endcase\n  endfunction\n\n";
  }

  std::ostringstream out_;
};

void enumerations(Package& p) {
  p.enumeration("format_e", "Format", kFormatNames);
  p.enumeration("stage_e", "Stage", kStageNames);
  p.enumeration("access_e", "Access", kAccessNames);
  p.enumeration("fault_e", "Fault", kFaultKindNames);
  p.enumeration("event_e", "Event", kEventKindNames);
  p.enumeration("tag_rules_e", "Tag", kTagRulesNames);
  p.enumeration("mapping_e", "Mapping", kMappingNames);
  p.enumeration("invalidate_op_e", "Op", kInvalidateOpNames);
}

void entry_bits(Package& p) {
  p.line("  // Bits of x86 entries; NPT entries are x86 entries.");
  p.constant("X86_PRESENT", x86::kPresent);
  p.constant("X86_WRITE", x86::kWrite);
  p.constant("X86_USER", x86::kUser);
  p.constant("X86_ACCESSED", x86::kAccessed);
  p.constant("X86_DIRTY", x86::kDirty);
  p.constant("X86_PAGE_SIZE", x86::kPageSize);
  p.constant("X86_GLOBAL", x86::kGlobal);
  p.constant("X86_KEY_LOW", x86::kPkeyLow);
  p.constant("X86_KEY_WIDTH", x86::kPkeyWidth);
  p.constant("X86_NO_EXECUTE", x86::kNoExecute);
  p.line();
  p.line("  // Bits of EPT entries.");
  p.constant("EPT_READ", ept::kRead);
  p.constant("EPT_WRITE", ept::kWrite);
  p.constant("EPT_EXECUTE", ept::kExecute);
  p.constant("EPT_TYPE_LOW", ept::kMemoryTypeLow);
  p.constant("EPT_TYPE_WIDTH", ept::kMemoryTypeWidth);
  p.constant("EPT_PAGE_SIZE", ept::kPageSize);
  p.constant("EPT_ACCESSED", ept::kAccessed);
  p.constant("EPT_DIRTY", ept::kDirty);
  p.constant("EPT_USER_EXECUTE", ept::kUserExecute);
  p.line();
}

void code_bits(Package& p) {
  namespace code = x86::error_code;
  namespace q = ept::qualification;
  p.line("  // Bits of the error code of #PF and #NPF.");
  p.constant("CODE_PRESENT", code::kPresent);
  p.constant("CODE_WRITE", code::kWrite);
  p.constant("CODE_USER", code::kUser);
  p.constant("CODE_RESERVED", code::kReserved);
  p.constant("CODE_FETCH", code::kFetch);
  p.constant("CODE_PROTECTION_KEY", code::kProtectionKey);
  p.constant("CODE_FINAL", code::kFinal);
  p.constant("CODE_GUEST_TABLE", code::kGuestTable);
  p.line();
  p.line("  // Bits of the exit qualification of an EPT violation.");
  p.constant("QUAL_READ", q::kRead);
  p.constant("QUAL_WRITE", q::kWrite);
  p.constant("QUAL_FETCH", q::kFetch);
  p.constant("QUAL_READABLE", q::kReadable);
  p.constant("QUAL_WRITABLE", q::kWritable);
  p.constant("QUAL_EXECUTABLE", q::kExecutable);
  p.constant("QUAL_USER_EXECUTABLE", q::kUserExecutable);
  p.constant("QUAL_LINEAR_VALID", q::kLinearValid);
  p.constant("QUAL_FINAL", q::kFinal);
  p.line();
}

unsigned position_of(std::uint8_t one_hot) {
  unsigned position = 0;
  while ((one_hot >> position) != 1) {
    ++position;
  }
  return position;
}

void rights_bits(Package& p) {
  p.line("  // Bits of accumulated rights.");
  p.constant("GUEST_RIGHTS", position_of(GuestRights::kAll + 1));
  p.constant("GUEST_WRITE", position_of(GuestRights::kWrite));
  p.constant("GUEST_USER", position_of(GuestRights::kUser));
  p.constant("GUEST_EXECUTE", position_of(GuestRights::kExecute));
  p.constant("HOST_RIGHTS", position_of(HostRights::kAll + 1));
  p.constant("HOST_READ", position_of(HostRights::kRead));
  p.constant("HOST_WRITE", position_of(HostRights::kWrite));
  p.constant("HOST_EXECUTE", position_of(HostRights::kExecute));
  p.constant("HOST_USER_EXECUTE", position_of(HostRights::kUserExecute));
  p.constant("HOST_USER", position_of(HostRights::kUser));
  p.line();
  p.constant("MAX_LEVELS", kMaxLevels);
  p.constant("MAX_PHYSICAL_BITS", kMaxPhysicalBits);
  p.constant("NO_PAGE_BITS", kNoPageBits);
  p.constant("PDPTES", 4);
  p.line();
}

std::string flag(bool value) {
  return decimal(value ? 1 : 0, 1);
}

void formats(Package& p) {
  p.by_format({"Levels of the format.", "levels", 3},
              [](const PagingFormat& f) { return decimal(f.levels, 3); });
  p.by_format({"Entries follow EPT's rules; otherwise x86's.", "is_ept"},
              [](const PagingFormat& f) { return flag(f.rules == RuleSet::kEpt); });
  p.by_format({"Entries have 4 bytes; otherwise 8.", "has_short_entries"},
              [](const PagingFormat& f) { return flag(f.entry_bytes == 4); });
  p.by_format({"Input addresses must be canonical.", "is_sign_extended"},
              [](const PagingFormat& f) { return flag(f.sign_extended); });
  p.by_format({"Bit 63 is NX where it is enabled.", "has_no_execute"},
              [](const PagingFormat& f) { return flag(f.has_no_execute); });
  p.by_format({"Leaves carry a protection key.", "has_protection_keys"},
              [](const PagingFormat& f) { return flag(f.has_protection_keys); });
  p.by_format({"Bits that no translated address has.", "beyond_input", 64},
              [](const PagingFormat& f) { return hex(mask(63, f.input_bits), 64); });
  p.by_format({"Bits that a canonical address has all equal.", "canonical_mask", 64},
              [](const PagingFormat& f) { return hex(mask(63, f.input_bits - 1U), 64); });
  p.by_format({"Entry bits that are address bits or reserved for them.", "physical_mask", 64},
              [](const PagingFormat& f) {
                return hex(f.entry_bytes == 8 ? mask(f.physical_high, 0) : 0, 64);
              });
  p.by_format({"Address bits of the root register.", "root_mask", 64},
              [](const PagingFormat& f) { return hex(f.root_mask, 64); });
}

void levels(Package& p) {
  p.by_level(
      {"The page-size bit makes an entry of this level a leaf; level 1 is one anyway.",
       "can_be_leaf"},
      [](const PagingFormat& f, unsigned level) { return flag(f.level[level].can_be_leaf); });
  p.by_level({"Entries of this level have rights and an A bit (not PAE PDPTEs).", "has_rights"},
             [](const PagingFormat& f, unsigned level) { return flag(f.level[level].has_rights); });
  p.by_level(
      {"Bits that a table pointer keeps zero, whatever MAXPHYADDR is.", "reserved_table", 64},
      [](const PagingFormat& f, unsigned level) { return hex(f.level[level].reserved_table, 64); });
  p.by_level(
      {"The same of a leaf.", "reserved_leaf", 64},
      [](const PagingFormat& f, unsigned level) { return hex(f.level[level].reserved_leaf, 64); });
  p.by_level({"Log2 of the bytes that a leaf of this level maps.", "page_bits", 7},
             [](const PagingFormat& f, unsigned level) { return decimal(f.page_bits(level), 7); });
  p.by_level({"Address bits within the page of a leaf.", "page_offset", 64},
             [](const PagingFormat& f, unsigned level) {
               return hex(mask(f.page_bits(level) - 1, 0), 64);
             });
  p.by_level({"Where the entry of an address stands in its table, in bytes.", "entry_offset", 12,
              ", input logic [63:0] address"},
             [](const PagingFormat& f, unsigned level) {
               return wiring(12, "address",
                             [&](Word address) { return f.index(level, address) * f.entry_bytes; });
             });
}

std::string package_text() {
  Package p;
  p.line(
      "// Printed from model/arch by emit_sv_package; do not edit. The build target `regen` writes "
      "it.");
  p.line("package mmu_arch_pkg;");
  p.line();
  enumerations(p);
  entry_bits(p);
  code_bits(p);
  rights_bits(p);
  formats(p);
  levels(p);
  p.line("  // Page address of a 4M leaf of 2-level paging (PSE-36).");
  p.line("  function automatic logic [63:0] pse36_page(input logic [63:0] entry);");
  p.line("    pse36_page = " + wiring(64, "entry", pse36_page) + ";");
  p.line("  endfunction");
  p.line();
  p.line("endpackage");
  return p.text();
}

int check(const char* path) {
  std::ifstream file(path);
  if (!file) {
    std::cerr << path << ": cannot be read\n";
    return 1;
  }
  std::istringstream expected(package_text());
  for (unsigned number = 1;; ++number) {
    std::string is;
    std::string should;
    const bool has_is = static_cast<bool>(std::getline(file, is));
    const bool has_should = static_cast<bool>(std::getline(expected, should));
    if (!has_is && !has_should) {
      return 0;
    }
    if (has_is != has_should || is != should) {
      std::cerr << path << ":" << number << ": is not what model/arch says\n  is      "
                << (has_is ? is : "(end)") << "\n  should  " << (has_should ? should : "(end)")
                << "\nThe build target `regen` writes it anew.\n";
      return 1;
    }
  }
}

}  // namespace
}  // namespace nestwalk

int main(int argc, char** argv) {
  if (argc == 1) {
    std::cout << nestwalk::package_text();
    return 0;
  }
  if (argc == 3 && std::string_view(argv[1]) == "--check") {
    return nestwalk::check(argv[2]);
  }
  std::cerr << "usage: emit_sv_package [--check FILE]\n";
  return 2;
}
