#include "tests/support/at_fence_cases.h"

#include <utility>

#include "model/arch/bits.h"
#include "model/lookup/invalidate.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kPages = 0x4020'0000;
constexpr std::uint64_t kData = 0x8000'0000;
constexpr std::uint64_t kOtherData = 0x9000'0000;      // where changed leaves lead
constexpr std::uint64_t kLargeData = 0xa000'0000;      // a 2M page
constexpr std::uint64_t kTwinPages = 0x4080'0000;      // served by the table that replaces one
constexpr std::uint64_t kOtherFrames = 0x1'8000'0000;  // HPAs for moved host pages
constexpr std::uint64_t kX86Ad = 0x60;
constexpr std::uint64_t kEptAd = 0x300;
constexpr std::uint64_t kAddressBits = mask(51, 12);
constexpr unsigned kNumRounds = 3;

std::uint64_t ad_bits(const HandTables& hand, bool host_stage) {
  return host_stage && !hand.context.is_npt() ? kEptAd : kX86Ad;
}

// Sets A and D wherever tables have them.
void set_accessed_dirty(HandTables& hand) {
  std::vector<std::pair<Hpa, std::uint64_t>> words;
  hand.memory.for_each([&](Hpa hpa, std::uint64_t word) { words.emplace_back(hpa, word); });
  for (const auto& [hpa, word] : words) {
    const bool is_host = hand.context.has_host && hpa.value() < 0x4000'0000;
    const bool is_pdpte = (word & 7) == 1;  // has neither
    if (word != 0 && !is_pdpte) {
      hand.memory.write(hpa, 8, word | ad_bits(hand, is_host));
    }
  }
}

}  // namespace

FenceTables make_fence_tables(const StagePair& stages, bool needs_updates) {
  FenceTables tables(stages);
  HandTables& hand = tables.hand;
  WalkContext& context = hand.context;
  context.control.accessed_dirty = true;
  const bool is_amd = context.is_npt();
  context.tags.pcid = Pcid{3};
  context.tags.vpid = Vpid{static_cast<std::uint16_t>(is_amd ? 0 : 1)};
  context.tags.asid = Asid{is_amd ? 7U : 0U};
  context.tags.ep4ta = Ep4ta{!is_amd && context.has_host ? context.host_root : 0};
  for (const std::uint64_t offset : {0x0'0000ULL, 0x0'1000ULL, 0x0'2000ULL, 0x0'3000ULL,
                                     0x20'0000ULL, 0x20'1000ULL, 0x8000'0000ULL, 0x8020'0000ULL}) {
    tables.pages.emplace_back(kPages + offset);
  }
  const auto map = [&](Gva gva, Gpa gpa) {
    hand.map_guest(gva, gpa, 1);
    if (context.has_host) {
      hand.map_host(gpa, 1);
    }
  };
  for (std::size_t i = 0; i < tables.pages.size(); ++i) {
    map(tables.pages[i], Gpa(kData + i * 0x1000));
  }
  for (unsigned round = 0; round < kNumRounds; ++round) {
    const Gpa other(kOtherData + round * 0x1'0000);
    if (context.has_host) {
      hand.map_host(other, 1);
    }
    for (unsigned i = 0; i < 4; ++i) {
      const Gpa twin(kOtherData + 0x10'0000 + round * 0x1'0000 + i * 0x1000);
      map(Gva(kTwinPages + round * 0x20'0000 + i * 0x1000), twin);
    }
    if (context.has_host) {
      hand.map_host(Gpa(kLargeData + round * 0x20'0000), 2);
    }
  }
  if (!needs_updates) {
    set_accessed_dirty(hand);
  }
  return tables;
}

bool FenceTables::can(TableChange change) const {
  return hand.context.has_host || !is_host_change(change);
}

std::vector<TableEdit> FenceTables::edits(TableChange change, unsigned round) const {
  const Gva page = pages[0];
  const Hpa leaf = hand.guest_entry(page, 1);
  const Hpa above = hand.guest_entry(page, 2);
  const auto table_bits = HandTables::kX86Table;
  switch (change) {
    case TableChange::kRemap:
      return {{leaf, 8, 0, (kOtherData + round * 0x1'0000) | HandTables::kX86Leaf}};
    case TableChange::kUnmap:
      return {{leaf, 8, ~std::uint64_t{1}, 0}};
    case TableChange::kDropWrite:
      return {{leaf, 8, ~std::uint64_t{2}, 0}};
    case TableChange::kClearAd:
      return {{leaf, 8, ~kX86Ad, 0}};
    case TableChange::kMoveTable: {
      const Hpa twin = hand.guest_entry(Gva(kTwinPages + round * 0x20'0000), 2);
      return {{above, 8, 0, (*hand.memory.read(twin, 8) & kAddressBits) | table_bits}};
    }
    case TableChange::kMerge:
      return {{above, 8, 0, (kLargeData + round * 0x20'0000) | HandTables::kX86Leaf | 0x80}};
    default:
      break;
  }
  const Gpa data(kData);
  const Hpa host_leaf = hand.host_entry(data, 1);
  const std::uint64_t right = 2;
  const std::uint64_t leaf_bits =
      hand.context.is_npt() ? HandTables::kX86Leaf : HandTables::kEptLeaf;
  const std::uint64_t frame = kOtherFrames + round * 0x1'0000;
  switch (change) {
    case TableChange::kHostRemap:
      return {{host_leaf, 8, 0, frame | leaf_bits}};
    case TableChange::kHostUnmap:
      return {{host_leaf, 8, ~std::uint64_t{7}, 0}};
    case TableChange::kHostDropWrite:
      return {{host_leaf, 8, ~right, 0}};
    case TableChange::kHostClearAd:
      return {{host_leaf, 8, ~ad_bits(hand, true), 0}};
    default:
      break;
  }
  // A frame with the contents of another one, but for one word.
  const auto copy = [&](Hpa from, std::uint64_t to, Hpa changed, std::uint64_t value) {
    std::vector<TableEdit> edits;
    for (std::uint64_t offset = 0; offset < 0x1000; offset += 8) {
      const std::uint64_t word =
          from + offset == changed ? value : hand.memory.read(from + offset, 8).value_or(0);
      if (word != 0) {
        edits.push_back({Hpa(to + offset), 8, 0, word});
      }
    }
    return edits;
  };
  if (change == TableChange::kHostMoveEpt) {
    auto edits = copy(host_leaf.page(kSmallPageBits), frame + 0x2000, host_leaf, frame | leaf_bits);
    edits.push_back({hand.host_entry(data, 2), 8, 0, (frame + 0x2000) | HandTables::kEptTable});
    return edits;
  }
  // The guest's level-2 table moves to another frame, where page 0 and its neighbours have the twin
  // table.
  const Gpa table = hand.guest_entry_gpa(page, 2).page(kSmallPageBits);
  const Hpa old_frame = hand.host_of(table);
  const std::uint64_t twin =
      *hand.memory.read(hand.guest_entry(Gva(kTwinPages + round * 0x20'0000), 2), 8);
  auto edits = copy(old_frame, frame + 0x1000, above, (twin & kAddressBits) | table_bits);
  edits.push_back({hand.host_entry(table, 1), 8, 0, (frame + 0x1000) | leaf_bits});
  return edits;
}

std::vector<Access> FenceTables::accesses() const {
  std::vector<Access> accesses = {{Gva(pages[0].value() + 0x10), AccessType::kWrite},
                                  {Gva(pages[0].value() + 0x20), AccessType::kRead}};
  for (std::size_t i = 1; i < pages.size(); ++i) {
    accesses.push_back({Gva(pages[i].value() + 8 * i), static_cast<AccessType>(i % 3)});
  }
  return accesses;
}

std::vector<Access> FenceTables::everything() const {
  std::vector<Access> accesses;
  for (const Gva page : pages) {
    for (const AccessType type : {AccessType::kRead, AccessType::kWrite, AccessType::kFetch}) {
      accesses.push_back({page, type});
    }
  }
  return accesses;
}

std::vector<InvalidateOp> fitting_operations(const FenceTables& tables, bool host_stage) {
  using Op = InvalidateOp;
  const bool is_amd = tables.hand.context.is_npt();
  if (host_stage) {
    return is_amd ? std::vector<Op>{Op::kTlbControlAsid, Op::kTlbControlAll,
                                    Op::kTlbControlAsidNonGlobal}
                  : std::vector<Op>{Op::kInveptSingle, Op::kInveptAll};
  }
  std::vector<Op> operations = {Op::kInvlpg, Op::kInvpcidAddress,        Op::kInvpcidSingle,
                                Op::kMovCr3, Op::kInvpcidAllWithGlobals, Op::kInvpcidAll,
                                Op::kMovCr4};
  for (const Op op : is_amd ? std::vector<Op>{Op::kInvlpga, Op::kTlbControlAsid, Op::kTlbControlAll,
                                              Op::kTlbControlAsidNonGlobal}
                            : std::vector<Op>{Op::kInvvpidAddress, Op::kInvvpidSingle,
                                              Op::kInvvpidAll, Op::kInvvpidSingleKeepGlobal}) {
    operations.push_back(op);
  }
  return operations;
}

std::vector<Invalidation> fence_operation(const FenceTables& tables, InvalidateOp op) {
  Invalidation invalidation;
  invalidation.op = op;
  invalidation.rules = tables.hand.context.is_npt() ? TagRules::kAmd : TagRules::kIntel;
  invalidation.tags = tables.hand.context.tags;
  if (!InvalidationScope(invalidation).is_by_address()) {
    return {invalidation};
  }
  std::vector<Invalidation> all;
  for (const Gva page : tables.pages) {
    invalidation.address = page;
    all.push_back(invalidation);
  }
  return all;
}

std::vector<Invalidation> foreign_operations(const FenceTables& tables) {
  using Op = InvalidateOp;
  const WalkContext& context = tables.hand.context;
  std::vector<Invalidation> all;
  const auto add = [&](Op op, const Tags& tags) {
    Invalidation invalidation;
    invalidation.op = op;
    invalidation.rules = context.is_npt() ? TagRules::kAmd : TagRules::kIntel;
    invalidation.tags = tags;
    invalidation.address = tables.pages[0];
    all.push_back(invalidation);
  };
  add(Op::kMovCr3NoFlush, context.tags);
  Tags other = context.tags;
  other.pcid = Pcid{4};
  for (const Op op : {Op::kInvpcidAddress, Op::kInvpcidSingle, Op::kMovCr3}) {
    add(op, other);
  }
  other = context.tags;
  if (context.is_npt()) {
    other.asid = Asid{8};
    for (const Op op :
         {Op::kInvlpg, Op::kInvlpga, Op::kTlbControlAsid, Op::kTlbControlAsidNonGlobal}) {
      add(op, other);
    }
    add(Op::kInveptAll, context.tags);  // not this vendor's
    return all;
  }
  other.vpid = Vpid{2};
  for (const Op op : {Op::kInvlpg, Op::kInvvpidAddress, Op::kInvvpidSingle,
                      Op::kInvvpidSingleKeepGlobal, Op::kInvpcidAll, Op::kMovCr4}) {
    add(op, other);
  }
  other = context.tags;
  other.ep4ta = Ep4ta{0x77'7000};
  add(Op::kInveptSingle, other);
  add(Op::kVmTransition, context.tags);
  add(Op::kTlbControlAll, context.tags);  // not this vendor's
  return all;
}

}  // namespace nestwalk
