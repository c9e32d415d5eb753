#include "model/lookup/walk_cache.h"

#include "model/arch/bits.h"
#include "model/arch/check.h"
#include "model/lookup/invalidate.h"

namespace nestwalk {
namespace {

constexpr unsigned kLowestLevel = 2;

// Prefixes of different lengths never share a tag: levels, and formats that divide differently.
constexpr std::uint64_t prefix_tag(std::uint64_t number, unsigned prefix_low) {
  return number | (std::uint64_t{prefix_low} << 57);
}

constexpr std::uint64_t word_number(Hpa hpa) {
  return hpa.value() >> 3;
}
constexpr std::uint64_t word_tag(Hpa hpa, Stage stage) {
  return hpa.value() | (stage == Stage::kHost ? bit(63) : 0);
}

constexpr Stage stage_of(MappingKind kind) {
  return kind == MappingKind::kGuestPhysical ? Stage::kHost : Stage::kGuest;
}

}  // namespace

WalkCache::WalkCache(const PwcParams& params, std::uint64_t seed)
    : organisation_(params.organisation),
      sharing_(params.sharing),
      host_stage_(params.host_stage),
      extent_(params.invalidate) {
  const std::array<ArrayParams, kNumLevels> levels = {params.level_2, params.level_3,
                                                      params.level_4, params.level_5};
  for (const Stage stage : {Stage::kGuest, Stage::kHost}) {
    const unsigned unit = unit_of(stage);
    if (has_prefixes(stage)) {
      const bool unified = organisation_ == PwcOrganisation::kUnified;
      for (unsigned i = 0; i < (unified ? 1 : kNumLevels); ++i) {
        const unsigned index = unit * kNumLevels + i;
        prefixes_[index] =
            SetAssocArray<PwcEntry>(unified ? params.unified : levels[i], seed + index);
      }
    }
    if (has_words(stage)) {
      words_[unit] = SetAssocArray<PwcWord>(params.unified, seed + unit);
    }
  }
}

SetAssocArray<PwcEntry>& WalkCache::prefix_array(Stage stage, unsigned level) {
  const unsigned within = organisation_ == PwcOrganisation::kUnified ? 0 : level - kLowestLevel;
  return prefixes_[unit_of(stage) * kNumLevels + within];
}

std::optional<Resume> WalkCache::lookup(const PwcQuery& query) {
  if (!has_prefixes(query.stage)) {
    return std::nullopt;
  }
  const Tags used = tags_for(query.kind, query.tags);
  PwcStats& stats = stats_of(query.stage);
  ++stats.total.lookups;
  for (unsigned level = kLowestLevel; level <= query.format->levels; ++level) {
    auto& array = prefix_array(query.stage, level);
    if (!array.is_present()) {
      continue;
    }
    ++stats.level[level].lookups;
    const unsigned low = query.format->page_bits(level);
    const std::uint64_t number = query.address >> low;
    const std::uint32_t slot =
        array.find(number, prefix_tag(number, low),
                   [&](const PwcEntry& entry) { return matches(entry.key, query.kind, used); });
    if (slot != array.kNone) {
      ++stats.level[level].hits;
      ++stats.total.hits;
      array.use(slot);
      return array[slot].payload;
    }
    ++stats.level[level].misses;
  }
  ++stats.total.misses;
  return std::nullopt;
}

void WalkCache::fill(const PwcQuery& query, unsigned level, const Resume& resume) {
  fatal_unless(level >= kLowestLevel && level <= kMaxLevels && resume.next_level + 1U == level,
               "a page-walk cache keeps pointers to the next table, never leaves");
  fatal_unless(stage_of(query.kind) == query.stage, "the kind of mapping belongs to the stage");
  if (!has_prefixes(query.stage) || !prefix_array(query.stage, level).is_present()) {
    return;
  }
  auto& array = prefix_array(query.stage, level);
  const unsigned low = query.format->page_bits(level);
  const std::uint64_t number = query.address >> low;
  PwcEntry entry;
  entry.key.address = number << low;
  entry.key.tags = tags_for(query.kind, query.tags);
  entry.key.kind = query.kind;
  entry.key.entry_class = EntryClass::kStructure;
  entry.key.span_bits = static_cast<std::uint8_t>(low);
  entry.payload = resume;

  PwcStats& stats = stats_of(query.stage);
  ++stats.fills;
  stats.replaced +=
      array.erase_in_set_if(number, [&](const PwcEntry& e) { return e.key == entry.key; });
  if (const auto victim = array.insert(number, prefix_tag(number, low), entry)) {
    ++stats_of(stage_of(victim->key.kind)).evictions;
  }
}

std::optional<std::uint64_t> WalkCache::read(Hpa hpa, Stage stage) {
  if (!has_words(stage)) {
    return std::nullopt;
  }
  PwcStats& stats = stats_of(stage);
  auto& array = words_[unit_of(stage)];
  ++stats.total.lookups;
  const std::uint32_t slot =
      array.find(word_number(hpa), word_tag(hpa, stage), [](const PwcWord&) { return true; });
  if (slot == array.kNone) {
    ++stats.total.misses;
    return std::nullopt;
  }
  ++stats.total.hits;
  array.use(slot);
  return array[slot].value;
}

void WalkCache::fill_word(Hpa hpa, std::uint64_t word, Stage stage) {
  auto& array = words_[unit_of(stage)];
  if (!has_words(stage) || !array.is_present()) {
    return;
  }
  PwcStats& stats = stats_of(stage);
  ++stats.fills;
  const PwcWord entry{hpa, word, stage};
  stats.replaced += array.erase_in_set_if(
      word_number(hpa), [&](const PwcWord& w) { return w.hpa == hpa && w.stage == stage; });
  if (const auto victim = array.insert(word_number(hpa), word_tag(hpa, stage), entry)) {
    ++stats_of(victim->stage).evictions;
  }
}

void WalkCache::update_word(Hpa hpa, std::uint64_t word) {
  for (const Stage stage : {Stage::kGuest, Stage::kHost}) {
    auto& array = words_[unit_of(stage)];
    const std::uint32_t slot =
        array.find(word_number(hpa), word_tag(hpa, stage), [](const PwcWord&) { return true; });
    if (slot != array.kNone) {
      array[slot].value = word;
    }
  }
}

void WalkCache::drop_word(Hpa hpa) {
  for (auto& array : words_) {
    array.erase_if([&](const PwcWord& w) {
      stats_of(w.stage).invalidated += w.hpa == hpa ? 1 : 0;
      return w.hpa == hpa;
    });
  }
}

std::size_t WalkCache::invalidate(const Invalidation& invalidation) {
  const InvalidationScope scope(invalidation, extent_);
  if (scope.drops_nothing()) {
    return 0;
  }
  const auto drops = [&](const PwcEntry& entry) {
    InvalidationCount count;
    const bool gone = scope.drops(entry.key, count);
    stats_of(stage_of(entry.key.kind)).collateral += count.collateral;
    return gone;
  };
  return drop_prefixes_if(drops) +
         drop_words_if([&](const PwcWord& word) { return scope.drops_words(word.stage); });
}

std::size_t WalkCache::flush() {
  return drop_prefixes_if([](const PwcEntry&) { return true; }) +
         drop_words_if([](const PwcWord&) { return true; });
}

std::size_t WalkCache::size() const {
  std::size_t entries = 0;
  for (const auto& array : prefixes_) {
    entries += array.size();
  }
  for (const auto& array : words_) {
    entries += array.size();
  }
  return entries;
}

template <class Drop>
std::size_t WalkCache::drop_prefixes_if(Drop drop) {
  std::size_t dropped = 0;
  for (auto& array : prefixes_) {
    dropped += array.erase_if([&](const PwcEntry& entry) {
      const bool gone = drop(entry);
      stats_of(stage_of(entry.key.kind)).invalidated += gone ? 1 : 0;
      return gone;
    });
  }
  return dropped;
}

template <class Drop>
std::size_t WalkCache::drop_words_if(Drop drop) {
  std::size_t dropped = 0;
  for (auto& array : words_) {
    dropped += array.erase_if([&](const PwcWord& word) {
      const bool gone = drop(word);
      stats_of(word.stage).invalidated += gone ? 1 : 0;
      return gone;
    });
  }
  return dropped;
}

}  // namespace nestwalk
