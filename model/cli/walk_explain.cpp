#include "model/cli/walk_explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "model/cli/walk_entry_text.h"
#include "model/cli/walk_machine_text.h"
#include "model/cli/walk_names.h"
#include "model/cli/walk_outcome_text.h"

namespace nestwalk {

namespace {

// What stands at a position of the grid.
struct Cell {
  std::size_t number = 0;  // of the reference, from 1; 0: not read
  std::uint64_t value = 0;
  bool is_leaf = false;
  bool is_shadow = false;
};

class Explanation {
 public:
  Explanation(const WalkContext& context, const Access& access, const WalkAnswer& answer)
      : context_(context), access_(access), answer_(answer) {
    if (context.has_shadow && is_switching(context.shadow_root)) {
      named_by_shadow_[guest_levels()] = true;
    }
    const std::span<const EntryReference> attempt = last_attempt(answer);
    std::size_t number = answer.references.size() - attempt.size();
    for (const EntryReference& reference : attempt) {
      const EntryKind kind =
          classify(rules_of(context, reference), level_of(reference), reference.value);
      const Cell cell{++number, reference.value, kind == EntryKind::kLeaf, reference.is_shadow};
      cells_[reference.position.g][reference.position.h] = cell;
      if (reference.is_shadow) {
        note_shadow_entry(reference.position.g, cell, kind);
      }
    }
  }

  std::string text() {
    add_title();
    add_grid();
    add_handover();
    add_reasons();
    add_references();
    add_updates();
    text_ += "\nOutcome: " + describe_outcome(context_, access_, answer_);
    return text_;
  }

 private:
  // Rows whose entry, or page, the shadow names by a host-physical address.
  void note_shadow_entry(unsigned g, const Cell& cell, EntryKind kind) {
    named_by_shadow_[g] = true;
    if (kind == EntryKind::kTable && is_switching(cell.value)) {
      named_by_shadow_[g - 1] = true;
      handover_ = g;
    }
    if (kind == EntryKind::kLeaf) {
      named_by_shadow_[0] = true;
    }
  }

  [[nodiscard]] unsigned guest_levels() const {
    return context_.has_guest ? format_of(context_.guest_format).levels : 0;
  }
  [[nodiscard]] unsigned host_levels() const {
    return context_.has_host ? format_of(context_.host_format).levels : 0;
  }
  [[nodiscard]] bool is_register(unsigned g) const {
    return g == 3 && context_.uses_pdpte_registers();
  }

  void add_title() {
    text_ +=
        fmt::format("{}{} of {:#x} by {} code\n", access_.implicit ? "implicit " : "",
                    name_of(access_.type), access_.address.value(), name_of(access_.privilege));
    text_ += describe_machine(context_);
  }

  void add_grid() {
    if (guest_levels() + host_levels() == 0) {
      text_ += "\nBoth stages are off.\n";
      return;
    }
    if (answer_.references.empty()) {
      return;
    }
    text_ += "\nOrder in which the entries were read";
    text_ += context_.has_host ? " (rows: guest levels; columns: host levels, then the guest entry)"
                               : "";
    text_ += fmt::format("\n{:14}", "");
    for (unsigned h = host_levels(); h > 0; --h) {
      text_ += fmt::format("{:>6}", fmt::format("h={}", h));
    }
    text_ += context_.has_guest ? "  entry\n" : "\n";
    for (unsigned g = guest_levels() + 1; g-- > 0;) {
      if (g == 0 && !context_.has_host) {
        break;
      }
      std::string row = fmt::format("  g={} {:8}", g, level_name(g));
      for (unsigned h = host_levels(); h > 0; --h) {
        row += fmt::format("{:>6}", symbol(g, h));
      }
      row += g > 0 ? fmt::format("{:>7}", symbol(g, 0)) : "";
      text_ += row + "\n";
    }
    add_legend();
  }

  // A number, or why there is none.
  [[nodiscard]] std::string symbol(unsigned g, unsigned h) const {
    if (cells_[g][h].number != 0) {
      return std::to_string(cells_[g][h].number) + (cells_[g][h].is_shadow ? "s" : "");
    }
    if (h > 0 && named_by_shadow_[g] && !is_below_guest_leaf(g)) {
      return "=";
    }
    if (is_register(g)) {
      return "reg";
    }
    if (is_below_guest_leaf(g) || host_leaf_above(g, h) != 0) {
      return "-";
    }
    return ".";
  }

  [[nodiscard]] bool is_below_guest_leaf(unsigned g) const {
    if (g == 0) {
      return false;
    }
    for (unsigned above = g + 1; above <= guest_levels(); ++above) {
      if (cells_[above][0].is_leaf) {
        return true;
      }
    }
    return false;
  }

  // The level of the host leaf of row g that makes level h unnecessary; 0: there is none.
  [[nodiscard]] unsigned host_leaf_above(unsigned g, unsigned h) const {
    for (unsigned above = h + 1; h > 0 && above <= host_levels(); ++above) {
      if (cells_[g][above].is_leaf) {
        return above;
      }
    }
    return 0;
  }

  void add_legend() {
    std::string seen;
    for (unsigned g = 0; g <= guest_levels(); ++g) {
      for (unsigned h = g == 0 ? 1 : 0; h <= host_levels(); ++h) {
        const std::string s = symbol(g, h);
        seen += s.size() == 1 && (s[0] == '-' || s[0] == '.' || s[0] == '=') ? s : "";
        seen += s.back() == 's' ? "s" : "";
        seen += s == "reg" ? "r" : "";
      }
    }
    const auto has = [&](char c) { return seen.find(c) != std::string::npos; };
    if (has('s')) {
      text_ += "  1s   an entry of the shadow\n";
    }
    if (has('=')) {
      text_ += "  =    not needed: the shadow names it by its host-physical address\n";
    }
    if (has('-')) {
      text_ += "  -    not needed: a large page above it\n";
    }
    if (has('.')) {
      text_ += "  .    not reached: the walk ended before\n";
    }
    if (has('r')) {
      text_ += "  reg  a PDPTE register, loaded with CR3\n";
    }
  }

  // Where an agile walk leaves the shadow.
  void add_handover() {
    if (!context_.has_shadow || answer_.references.empty()) {
      return;
    }
    text_ += "\nHandover\n";
    const std::uint64_t table = mask(51, kSmallPageBits);
    if (is_switching(context_.shadow_root)) {
      text_ += fmt::format(
          "  the shadow root has the switching bit: the guest's own root table at {:#x}\n",
          context_.shadow_root & table);
    } else if (handover_ != 0) {
      text_ += fmt::format(
          "  #{}, the shadow {}, has the switching bit: the guest's own table at {:#x}, and nested "
          "from row g={} on\n",
          cells_[handover_][0].number, level_name(handover_), cells_[handover_][0].value & table,
          handover_ - 1);
    } else {
      text_ += "  none: no entry on the way has the switching bit\n";
    }
  }

  // "row g=1", "rows g=2 to 1".
  static std::string range_text(std::string_view noun, std::string_view letter, unsigned from) {
    return from == 1 ? fmt::format("{} {}=1", noun, letter)
                     : fmt::format("{}s {}={} to 1", noun, letter, from);
  }

  void add_reasons() {
    if (answer_.references.empty()) {
      return;
    }
    std::string reasons;
    for (unsigned g = guest_levels(); g > 1; --g) {
      if (cells_[g][0].is_leaf) {
        reasons +=
            fmt::format("  {}: the guest {} maps a {} page\n", range_text("row", "g", g - 1),
                        level_name(g), size_text(format_of(context_.guest_format).page_bits(g)));
      }
    }
    for (unsigned g = guest_levels() + 1; g-- > 0;) {
      for (unsigned h = host_levels(); h > 1; --h) {
        if (cells_[g][h].is_leaf) {
          reasons +=
              fmt::format("  row g={}, {}: the {} maps a {} page\n", g,
                          range_text("column", "h", h - 1), entry_name(context_, Stage::kHost, h),
                          size_text(format_of(context_.host_format).page_bits(h)));
        }
      }
    }
    if (is_register(guest_levels())) {
      reasons +=
          "  row g=3: over EPT and natively the four PDPTEs are registers; CR3 is not walked\n";
    }
    if (context_.has_guest && !context_.has_host) {
      reasons += "  host columns and row g=0: there is no host stage\n";
    }
    if (!context_.has_guest && context_.has_host) {
      reasons += "  guest rows: guest paging is off\n";
    }
    if (!reasons.empty()) {
      text_ += "\nSkipped\n" + reasons;
    }
  }

  void add_references() {
    if (answer_.references.empty()) {
      text_ += "\nNo entry was read.\n";
      return;
    }
    text_ += fmt::format("\nEntries read: {}\n", answer_.references.size());
    if (answer_.outcome.num_restarts != 0) {
      text_ += fmt::format(
          "  (the walk started again {} time{}: an entry that it had read was "
          "changed by an A/D update of its own; the grid shows the last attempt)\n",
          answer_.outcome.num_restarts, answer_.outcome.num_restarts == 1 ? "" : "s");
    }
    text_ += fmt::format("  {:>3}  {:<5}  {:<{}}  {:<14}  {:<18}  {}\n", "#", "g,h", "entry",
                         name_width(), "address", "value", "meaning");
    std::size_t number = 0;
    for (const EntryReference& reference : answer_.references) {
      text_ += fmt::format("  {:>3}  {},{:<3}  {:<{}}  {:<#14x}  {:#0{}x}  {}\n", ++number,
                           reference.position.g, reference.position.h,
                           name_of_entry(context_, reference), name_width(), reference.hpa.value(),
                           reference.value, reference.bytes * 2 + 2, meaning_of(reference));
    }
  }

  [[nodiscard]] unsigned name_width() const { return context_.has_shadow ? 12 : 11; }

  void add_updates() {
    if (answer_.writes.empty()) {
      text_ += "\nA/D updates: none\n";
      return;
    }
    text_ += fmt::format("\nA/D updates: {}\n", answer_.writes.size());
    for (const EntryReference& write : answer_.writes) {
      text_ += fmt::format("       {},{:<3}  {:<{}}  {:<#14x}  {:#0{}x}  {}\n", write.position.g,
                           write.position.h, name_of_entry(context_, write), name_width(),
                           write.hpa.value(), write.value, write.bytes * 2 + 2, set_bits(write));
    }
  }

  [[nodiscard]] std::string meaning_of(const EntryReference& reference) const {
    const StageRules rules = rules_of(context_, reference);
    const bool is_table =
        classify(rules, level_of(reference), reference.value) == EntryKind::kTable;
    return describe_entry(rules, level_of(reference), reference.value) +
           (reference.is_shadow && is_table && is_switching(reference.value) ? " of the guest"
                                                                             : "");
  }

  // Which of A and D an update has set, against the entry as it was read.
  [[nodiscard]] std::string set_bits(const EntryReference& write) const {
    std::uint64_t before = 0;
    for (const EntryReference& reference : answer_.references) {
      if (reference.hpa == write.hpa && reference.stage == write.stage &&
          reference.is_shadow == write.is_shadow && reference.position == write.position) {
        before = reference.value;
        break;
      }
    }
    const bool is_ept = rules_of(context_, write).format->rules == RuleSet::kEpt;
    const std::uint64_t set = write.value & ~before;
    const bool accessed = (set & bit(is_ept ? ept::kAccessed : x86::kAccessed)) != 0;
    const bool dirty = (set & bit(is_ept ? ept::kDirty : x86::kDirty)) != 0;
    return accessed && dirty ? "sets A and D" : accessed ? "sets A" : "sets D";
  }

  const WalkContext& context_;
  const Access& access_;
  const WalkAnswer& answer_;
  std::array<std::array<Cell, kMaxLevels + 1>, kMaxLevels + 1> cells_{};
  std::array<bool, kMaxLevels + 1> named_by_shadow_{};
  unsigned handover_ = 0;  // level of the shadow entry; 0: none
  std::string text_;
};

}  // namespace

std::span<const EntryReference> last_attempt(const WalkAnswer& answer) {
  const std::vector<EntryReference>& all = answer.references;
  if (all.empty()) {
    return {};
  }
  // Every attempt reads the first position once.
  const auto last = std::find_if(all.rbegin(), all.rend(), [&](const EntryReference& reference) {
    return reference.stage == all.front().stage && reference.position == all.front().position;
  });
  return {last.base() - 1, all.end()};
}

StageRules rules_of(const WalkContext& context, const EntryReference& reference) {
  if (reference.is_shadow) {
    return shadow_rules(context);
  }
  return reference.stage == Stage::kGuest ? guest_rules(context) : host_rules(context);
}

std::string name_of_entry(const WalkContext& context, const EntryReference& reference) {
  const unsigned level = level_of(reference);
  return reference.is_shadow ? fmt::format("shadow {}", level_name(level))
                             : entry_name(context, reference.stage, level);
}

std::string explain_walk(const WalkContext& context, const Access& access,
                         const WalkAnswer& answer) {
  if (!answer.unsupported.empty()) {
    return "not supported by this engine: " + answer.unsupported + "\n";
  }
  return Explanation(context, access, answer).text();
}

}  // namespace nestwalk
