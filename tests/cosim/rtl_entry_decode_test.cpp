// The decoder of the RTL against that of the model: what a word says at each level of each format.
// All one-hot words, zero, ones and random words, so that a reversed field or a wrong bit position
// shows whatever the printed package says.
#include <gtest/gtest.h>
#include <verilated.h>

#include <array>
#include <iostream>
#include <vector>

#include "Ventry_decode.h"
#include "model/arch/position.h"
#include "model/walk/entry_rules.h"
#include "model/walk/stage_rules.h"
#include "tests/support/test_random.h"

// What Verilator calls when an assertion fails; this module has none.
// NOLINTNEXTLINE(readability-identifier-naming): the name is Verilator's
void vl_stop(const char* file, int line, const char* scope) {
  ADD_FAILURE() << file << ":" << line << " in " << scope;
}

namespace nestwalk {
namespace {

struct Decoded {
  EntryKind kind = EntryKind::kNotPresent;
  std::uint64_t table = 0;
  std::uint64_t page = 0;
  unsigned page_bits = 0;
  unsigned guest_rights = 0;
  unsigned host_rights = 0;
  bool lacks_accessed = false;
  bool is_dirty = false;
  friend bool operator==(const Decoded&, const Decoded&) = default;
};

std::ostream& operator<<(std::ostream& out, const Decoded& d) {
  return out << "kind " << static_cast<int>(d.kind) << std::hex << " table " << d.table << " page "
             << d.page << std::dec << " bits " << d.page_bits << " rights " << d.guest_rights << "/"
             << d.host_rights << " lacks A " << d.lacks_accessed << " dirty " << d.is_dirty;
}

// One stage of the walk, as both decoders see it.
struct StageCase {
  Stage stage = Stage::kGuest;
  WalkContext context;

  [[nodiscard]] StageRules rules() const {
    return stage == Stage::kGuest ? guest_rules(context) : host_rules(context);
  }
};

Decoded by_model(const StageRules& rules, unsigned level, std::uint64_t entry) {
  Decoded d;
  d.kind = classify(rules, level, entry);
  d.table = table_address(rules, entry);
  d.page = page_address(rules, level, entry);
  d.page_bits = rules.format->page_bits(level);
  d.guest_rights = guest_rights(rules, level, entry).bits;
  d.host_rights = host_rights(rules, level, entry).bits;
  d.lacks_accessed = missing_accessed_dirty(rules, level, entry, false) != 0;
  d.is_dirty = is_dirty(rules, entry);
  return d;
}

class RtlEntryDecode : public testing::Test {
 protected:
  Decoded by_rtl(const StageCase& stage_case, const StageRules& rules, unsigned level,
                 std::uint64_t entry) {
    const Control& control = stage_case.context.control;
    const bool is_host = stage_case.stage == Stage::kHost;
    top_.format_i = static_cast<std::uint8_t>(rules.format->id);
    top_.level_i = static_cast<std::uint8_t>(level);
    top_.entry_i = entry;
    top_.physical_bits_i = is_host ? control.maxphyaddr : control.guest_maxphyaddr;
    top_.has_nx_i = is_host || control.nxe ? 1 : 0;
    top_.has_4m_i = is_host || control.pse ? 1 : 0;
    top_.has_1g_i = control.page_1g ? 1 : 0;
    top_.has_ad_i = rules.has_accessed_dirty ? 1 : 0;
    top_.execute_only_i = control.execute_only ? 1 : 0;
    top_.mode_based_i = control.mode_based_execute ? 1 : 0;
    top_.eval();
    Decoded d;
    d.kind = static_cast<EntryKind>(top_.kind_o);
    d.table = top_.table_o;
    d.page = top_.page_o;
    d.page_bits = top_.page_bits_o;
    d.guest_rights = top_.guest_rights_o;
    d.host_rights = top_.host_rights_o;
    d.lacks_accessed = top_.lacks_accessed_o != 0;
    d.is_dirty = top_.is_dirty_o != 0;
    EXPECT_EQ(top_.page_offset_o, mask(d.page_bits - 1, 0));
    return d;
  }

  void compare(const StageCase& stage_case, const std::vector<std::uint64_t>& words) {
    const StageRules rules = stage_case.rules();
    for (unsigned level = 1; level <= rules.format->levels; ++level) {
      for (std::uint64_t word : words) {
        if (rules.format->entry_bytes == 4) {
          word &= 0xffffffff;
        }
        Decoded rtl = by_rtl(stage_case, rules, level, word);
        Decoded model = by_model(rules, level, word);
        // An address counts for its kind, rights for present entries; guest rights for x86 ones.
        if (model.kind != EntryKind::kTable && model.kind != EntryKind::kLeaf) {
          rtl = Decoded{.kind = rtl.kind};
          model = Decoded{.kind = model.kind};
        } else if (model.kind == EntryKind::kTable) {
          rtl.page = model.page;
        }
        if (rules.is_ept) {
          rtl.guest_rights = model.guest_rights;
        } else if (stage_case.stage == Stage::kGuest) {
          rtl.host_rights = model.host_rights;
        }
        ASSERT_EQ(rtl, model) << rules.format->name << " level " << level << " word 0x" << std::hex
                              << word;
        ++num_words_;
        ++num_kinds_[static_cast<unsigned>(model.kind)];
      }
    }
  }

  static WalkContext random_context(SplitMix64& random) {
    WalkContext context;
    Control& control = context.control;
    control.nxe = random.percent(70);
    control.pse = random.percent(70);
    control.page_1g = random.percent(70);
    control.accessed_dirty = random.percent(50);
    control.execute_only = random.percent(50);
    control.mode_based_execute = random.percent(50);
    control.maxphyaddr = static_cast<std::uint8_t>(36 + random.below(17));
    control.guest_maxphyaddr = static_cast<std::uint8_t>(36 + random.below(17));
    context.has_guest = true;
    context.has_host = true;
    return context;
  }

  VerilatedContext verilated_;
  Ventry_decode top_{&verilated_, "entry_decode"};
  std::uint64_t num_words_ = 0;
  std::array<std::uint64_t, 4> num_kinds_{};
};

TEST_F(RtlEntryDecode, SaysWhatTheModelSays) {
  SplitMix64 random(20261101);
  for (unsigned round = 0; round < 40; ++round) {
    StageCase stage_case;
    stage_case.context = random_context(random);
    // One-hot words and the same beside a present, full entry; few bits; well-formed ones.
    std::vector<std::uint64_t> words = {0, ~std::uint64_t{0}};
    for (unsigned position = 0; position < 64; ++position) {
      for (const std::uint64_t with : {0x0U, 0x1U, 0x7U, 0x87U, 0xb7U, 0x37U}) {
        words.push_back(bit(position) | with);
      }
    }
    for (unsigned i = 0; i < 300; ++i) {
      const std::uint64_t sparse = random.next() & random.next() & random.next();
      words.push_back(random.next());
      words.push_back(sparse | 1);
      words.push_back((random.next() & mask(35, 21)) | (random.next() & 0xfff) | 1);
      words.push_back((random.next() & mask(35, 30)) | (random.next() & 0xfff) | 0x37);
    }
    for (const PagingFormat& format : kPagingFormats) {
      stage_case.stage = Stage::kHost;
      stage_case.context.host_format = format.id;
      compare(stage_case, words);
      if (format.rules == RuleSet::kX86) {
        stage_case.stage = Stage::kGuest;
        stage_case.context.guest_format = format.id;
        compare(stage_case, words);
      }
    }
  }
  std::cout << num_words_ << " words\n";
  for (unsigned kind = 0; kind < num_kinds_.size(); ++kind) {
    EXPECT_GT(num_kinds_.at(kind), 10000U) << "kind " << kind;
  }
}

}  // namespace
}  // namespace nestwalk
