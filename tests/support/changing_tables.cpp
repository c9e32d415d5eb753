#include "tests/support/changing_tables.h"

#include <optional>

#include "model/arch/bits.h"
#include "tests/support/oracle.h"

namespace nestwalk {
namespace {

// The case's accesses several times over, of varying kinds and at neighbouring places.
std::vector<Access> sequence_of(const RandomCase& random_case, SplitMix64& random) {
  std::vector<Access> accesses;
  for (unsigned i = 0; i < 16; ++i) {
    Access access = random_case.accesses[random.below(random_case.accesses.size())];
    if (random.percent(50)) {
      access.type = static_cast<AccessType>(random.below(3));
      access.implicit = access.implicit && !access.is_fetch();
    }
    if (random.percent(30)) {
      access.privilege = random.percent(50) ? Privilege::kUser : Privilege::kSupervisor;
    }
    if (random.percent(30)) {
      access.address = Gva(access.address.value() ^ random.below(0x1000));
    }
    accesses.push_back(access);
  }
  return accesses;
}

// The accesses one after the other, on a copy.
void add_accesses(ChangingTables& tables, WordMemory words) {
  WordOracleMemory memory(words);
  for (const Access& access : tables.accesses) {
    tables.footprint.add(oracle_translate(tables.context, access, memory));
  }
}

// What the manuals require after an entry changed: INVLPG for guest entries, by every address that
// the entry may serve; INVEPT for EPT entries; a flush of the ASID for nested entries.
std::vector<Invalidation> required_after_change(const ChangingTables& tables, Stage stage) {
  Invalidation invalidation;
  invalidation.tags = tables.context.tags;
  if (stage == Stage::kHost) {
    const bool is_npt = tables.context.is_npt();
    invalidation.rules = is_npt ? TagRules::kAmd : TagRules::kIntel;
    invalidation.op = is_npt ? InvalidateOp::kTlbControlAsid : InvalidateOp::kInveptSingle;
    return {invalidation};
  }
  invalidation.op = InvalidateOp::kInvlpg;
  std::vector<Invalidation> all;
  for (const Access& access : tables.accesses) {
    invalidation.address = access.address;
    all.push_back(invalidation);
  }
  return all;
}

}  // namespace

bool make_changing_tables(const StagePair& stages, std::uint64_t seed, ChangingTables& result) {
  RandomCase random_case = make_random_case(stages, seed);
  SplitMix64 random(~seed);
  if (random_case.accesses.empty()) {
    return false;
  }
  result.context = random_case.context;
  WalkContext& context = result.context;
  const bool is_amd = context.is_npt();
  context.tags.vpid = Vpid{static_cast<std::uint16_t>(is_amd ? 0 : 1)};
  context.tags.asid = Asid{is_amd ? 7U : 0U};
  context.tags.ep4ta = Ep4ta{!is_amd && context.has_host ? context.host_root & mask(51, 12) : 0};
  context.tags.pcid = Pcid{3};
  result.memory = random_case.memory;
  if (context.uses_pdpte_registers()) {
    WordOracleMemory memory(result.memory);
    const OracleLoad load = oracle_load_pdptes(context, Gva{0}, memory);
    if (!load.is_loaded) {
      return false;
    }
    context.pdptes = load.pdptes;
  }
  result.accesses = sequence_of(random_case, random);
  add_accesses(result, result.memory);
  return !result.footprint.changes_itself();
}

std::vector<Invalidation> change_entry(ChangingTables& tables, WordMemory& memory,
                                       SplitMix64& random) {
  const std::vector<OracleReference>& references = tables.footprint.references();
  if (references.empty()) {
    return {};
  }
  const OracleReference victim = references[random.below(references.size())];
  const std::optional<std::uint64_t> old = memory.read(victim.hpa, victim.size);
  if (!old) {
    return {};
  }
  // Rights, presence, A, D and size mostly; now and then an address bit.
  const std::uint64_t flip = bit(static_cast<unsigned>(random.below(random.percent(80) ? 12 : 32)));
  memory.write(victim.hpa, victim.size, *old ^ flip);
  // A changed entry may lead a walk to other tables.
  add_accesses(tables, memory);
  return required_after_change(tables, victim.stage);
}

}  // namespace nestwalk
