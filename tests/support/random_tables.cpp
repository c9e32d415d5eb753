#include "tests/support/random_tables.h"

#include <unordered_set>

#include "tb/random_entries.h"
#include "tests/support/oracle.h"

namespace nestwalk {
namespace {

using Word = std::uint64_t;

// How unfriendly the tables of one case are.
struct Mood {
  EntryMood entries;
  unsigned refused = 0;  // per cent of the entries: the memory answers with an error
};

class GrowingMemory final : public OracleMemory {
 public:
  GrowingMemory(const WalkContext& context, Mood mood, SplitMix64& random, WordMemory& initial)
      : mood_(mood),
        random_(random),
        inventor_(context, mood_.entries, random),
        initial_(initial) {}

  std::optional<Word> read(const OracleReference& where) override {
    if (touch(where)) {
      const unsigned level = where.stage == Stage::kGuest ? where.position.g : where.position.h;
      const Word entry =
          where.is_shadow ? inventor_.shadow_entry(level) : inventor_.entry(where.stage, level);
      initial_.write(where.hpa, where.size, entry);
      current_.write(where.hpa, where.size, entry);
      if (chance(mood_.refused)) {
        initial_.refuse_page(where.hpa);
        current_.refuse_page(where.hpa);
      }
      if (chance(mood_.refused)) {
        initial_.refuse_writes(where.hpa);
        current_.refuse_writes(where.hpa);
      }
    }
    return current_.read(where.hpa, where.size);
  }

  OracleUpdate compare_and_swap(const OracleReference& where, Word expected) override {
    return WordOracleMemory(current_).compare_and_swap(where, expected);
  }

 private:
  bool chance(unsigned probability) { return random_.percent(probability); }

  // True the first time that any of these bytes is met.
  bool touch(const OracleReference& where) {
    const Word unit = where.hpa.value() >> 2;
    bool is_new = touched_.insert(unit).second;
    if (where.size == 8) {
      is_new = touched_.insert(unit + 1).second && is_new;
    }
    return is_new;
  }

  Mood mood_;
  SplitMix64& random_;
  EntryInventor inventor_;
  WordMemory& initial_;  // every invented entry as it was
  WordMemory current_;   // the same with the A/D updates so far
  std::unordered_set<Word> touched_;
};

}  // namespace

std::vector<StagePair> all_stage_pairs() {
  static constexpr FormatId kGuests[] = {FormatId::kX86TwoLevel, FormatId::kX86Pae,
                                         FormatId::kX86FourLevel, FormatId::kX86FiveLevel};
  std::vector<StagePair> pairs;
  std::vector<std::optional<FormatId>> hosts = {std::nullopt, FormatId::kEptFourLevel,
                                                FormatId::kEptFiveLevel};
  hosts.insert(hosts.end(), std::begin(kGuests), std::end(kGuests));
  for (const std::optional<FormatId>& host : hosts) {
    pairs.push_back({std::nullopt, host});
    for (const FormatId guest : kGuests) {
      pairs.push_back({guest, host});
    }
  }
  return pairs;
}

std::vector<StagePair> agile_stage_pairs() {
  std::vector<StagePair> pairs;
  for (const FormatId guest : {FormatId::kX86FourLevel, FormatId::kX86FiveLevel}) {
    for (const FormatId host :
         {FormatId::kEptFourLevel, FormatId::kEptFiveLevel, FormatId::kX86TwoLevel,
          FormatId::kX86Pae, FormatId::kX86FourLevel, FormatId::kX86FiveLevel}) {
      pairs.push_back({guest, host, true});
    }
  }
  return pairs;
}

RandomCase make_random_case(const StagePair& stages, std::uint64_t seed) {
  SplitMix64 random(seed);
  RandomCase result;
  result.seed = seed;
  WalkContext& context = result.context;
  context.control = random_control(random);
  context.has_guest = stages.guest.has_value();
  context.has_host = stages.host.has_value();
  context.guest_format = stages.guest.value_or(context.guest_format);
  context.host_format = stages.host.value_or(context.host_format);
  draw_roots(context, random);
  if (stages.is_agile) {
    draw_shadow_root(context, random);
  }

  static constexpr Mood kMoods[] = {
      {{0, 0}, 0}, {{0, 8}, 0}, {{2, 2}, 0}, {{2, 15}, 0}, {{6, 10}, 1}};
  const Mood mood = kMoods[random.below(5)];
  GrowingMemory memory(context, mood, random, result.memory);
  WalkContext loaded = context;
  if (context.uses_pdpte_registers()) {
    const OracleLoad load = oracle_load_pdptes(context, Gva{0}, memory);
    if (!load.is_loaded) {
      return result;  // the load is the case
    }
    loaded.pdptes = load.pdptes;
  }
  Word previous = sparse_word(random);
  for (unsigned i = 0; i < 4; ++i) {
    result.accesses.push_back(random_access(random, context, previous));
    previous = result.accesses.back().address.value();
    oracle_translate(loaded, result.accesses.back(), memory);
  }
  return result;
}

}  // namespace nestwalk
