// Native, nested and shadow paging are one machine to a guest: tests/property/shadow_modes.h.
// NESTWALK_SEED=N repeats the run of that seed.
#include "tests/property/shadow_modes.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>

namespace nestwalk {
namespace {

constexpr std::uint64_t kFirstSeed = 70260601;
constexpr unsigned kNumSteps = 700;

struct Variety {
  std::string name;
  FormatId format = FormatId::kX86FourLevel;
  ShadowSync sync = ShadowSync::kAtOnce;
  unsigned num_cpus = 1;
  PageSize backing = PageSize::k4K;
  bool large_direct_map = false;
  std::uint32_t max_tables = 1000;
  HostFormat host = HostFormat::kEptFourLevel;
  bool vpid = true;
};

void PrintTo(const Variety& variety, std::ostream* out) {
  *out << variety.name;
}

class Comparison {
 public:
  Comparison(const Variety& variety, std::uint64_t seed)
      : variety_(variety), random_(seed), guest_(variety.format) {
    for (const BenchMode mode : {BenchMode::kNative, BenchMode::kNested, BenchMode::kShadow}) {
      BenchOptions options;
      options.mode = mode;
      options.format = variety.format;
      options.num_cpus = variety.num_cpus;
      options.vm.memory_bytes = RandomGuest::kMemoryBytes;
      options.vm.backing = variety.backing;
      options.vm.format = variety.host;
      options.vm.vpid = variety.vpid;
      options.vm.shadow.sync = variety.sync;
      options.vm.shadow.max_tables = variety.max_tables;
      benches_.push_back(std::make_unique<ShadowBench>(options));
      guest_.boot(*benches_.back(), variety.large_direct_map);
    }
    is_pae_ = variety.format == FormatId::kX86Pae;
    for (unsigned level = 1; level <= guest_.format.levels; ++level) {
      for (const Gpa table : guest_.tables[level]) {
        if (!(is_pae_ && level == 3)) {
          frames_.push_back(table);
        }
      }
    }
    frames_.insert(frames_.end(), guest_.data.begin(), guest_.data.end());
    build();
    for (unsigned cpu = 0; cpu < variety.num_cpus; ++cpu) {
      GuestRegisters registers = benches_[0]->cpu(cpu).registers();
      registers.paging = true;
      registers.root = guest_.tables[guest_.format.levels][0];
      for_all([&](ShadowBench& bench) { bench.cpu(cpu).write_control(registers); });
    }
  }

  void run(unsigned num_steps) {
    for (unsigned i = 0; i < num_steps && !testing::Test::HasFailure(); ++i) {
      step_ = i;
      step();
      check();
    }
    compare_memory(RandomGuest::kMemoryBytes, 0);
  }

  // Of a hundred accesses.
  [[nodiscard]] std::uint64_t share_of_faults() const {
    return 100 * num_faults_ / std::max<std::uint64_t>(num_accesses_, 1);
  }
  [[nodiscard]] const ShadowBench& shadow() const { return *benches_[2]; }

 private:
  template <class Action>
  void for_all(Action&& action) {
    for (const auto& bench : benches_) {
      action(*bench);
    }
  }

  // The same on each bench; the results must be equal.
  template <class Action>
  BenchResult same(const std::string& what, Action&& action) {
    const BenchResult native = action(*benches_[0]);
    for (std::size_t i = 1; i < benches_.size(); ++i) {
      const BenchResult other = action(*benches_[i]);
      EXPECT_TRUE(native == other)
          << "step " << step_ << " " << what << ", bench " << i << ": fault " << native.is_fault
          << "/" << other.is_fault << ", code " << native.code << "/" << other.code << ", value "
          << std::hex << native.value << "/" << other.value << ", gpa " << native.gpa.value() << "/"
          << other.gpa.value() << ", stopped " << other.is_stopped;
    }
    ++num_accesses_;
    num_faults_ += native.is_fault ? 1 : 0;
    log_ << step_ << " " << what << (native.is_fault ? " fault " : " ") << native.code << " gpa "
         << std::hex << native.gpa.value() << std::dec << "\n";
    return native;
  }

  // A tree that maps something at first: each entry that the addresses use.
  void build() {
    for (unsigned i = 0; i < 120; ++i) {
      const Gpa frame = frames_[random_.below(frames_.size())];
      const std::uint64_t at = index() * guest_.format.entry_bytes;
      const std::uint64_t entry = any_entry();
      for_all([&](ShadowBench& bench) {
        bench.write_physical(frame + at, guest_.format.entry_bytes, entry);
      });
    }
    for (unsigned level = guest_.format.levels; level >= 1; --level) {
      for (const Gpa table : guest_.tables[level]) {
        for (unsigned i = 0; i < 3; ++i) {
          const std::uint64_t entry =
              is_pae_ && level == 3
                  ? any_pdpte()
                  : entry_for(level > 1 ? any_of(guest_.tables[level - 1]) : any_of(guest_.data));
          for_all([&](ShadowBench& bench) {
            bench.write_physical(table + i * guest_.format.entry_bytes, guest_.format.entry_bytes,
                                 entry);
          });
        }
      }
    }
  }

  Gpa any_of(const std::vector<Gpa>& list) { return list[random_.below(list.size())]; }

  std::uint64_t any_pdpte() {
    return random_.percent(80) ? any_of(guest_.tables[2]).value() | bit(x86::kPresent) : 0;
  }

  std::uint64_t entry_for(Gpa frame) {
    std::uint64_t entry = frame.value();
    entry |= random_.percent(96) ? bit(x86::kPresent) : 0;
    entry |= random_.percent(85) ? bit(x86::kWrite) : 0;
    entry |= random_.percent(88) ? bit(x86::kUser) : 0;
    entry |= random_.percent(40) ? bit(x86::kAccessed) : 0;
    entry |= random_.percent(40) ? bit(x86::kDirty) : 0;
    entry |= random_.percent(12) && guest_.format.has_no_execute ? bit(x86::kNoExecute) : 0;
    return entry;
  }

  // One that a sensible kernel would write to this table.
  std::uint64_t fitting_entry(Gpa frame) {
    for (unsigned level = 2; level <= guest_.format.levels; ++level) {
      if (std::ranges::count(guest_.tables[level], frame) != 0) {
        return entry_for(any_of(guest_.tables[level - 1]));
      }
    }
    return entry_for(any_of(guest_.data));
  }

  // Every word of memory that can be taken for an entry is one of these, so that whatever maps
  // whatever, nothing lies outside memory.
  std::uint64_t any_entry() {
    if (random_.percent(15)) {
      return 0;
    }
    if (random_.percent(12)) {
      const Gpa large(bit(21) * (guest_.format.levels == 2 ? 2 : 1) * random_.below(2));
      std::uint64_t entry = entry_for(large) | bit(x86::kPageSize);
      entry |= random_.percent(10) && guest_.format.levels > 2 ? bit(13) : 0;  // reserved
      return entry;
    }
    return entry_for(any_of(frames_));
  }

  std::uint64_t index() {
    static constexpr std::array<std::uint64_t, 6> kIndexes = {0, 1, 2, 3, 5, 263};
    static constexpr std::array<std::uint64_t, 8> kTwoLevel = {0, 1, 2, 3, 257, 263, 513, 514};
    return guest_.format.levels == 2 ? kTwoLevel[random_.below(kTwoLevel.size())]
                                     : kIndexes[random_.below(kIndexes.size())];
  }

  Gva address() {
    static constexpr std::array<std::uint64_t, 6> kLast = {0, 1, 2, 256, 258, 263};
    static constexpr std::array<std::uint64_t, 6> kTwoLevel = {0, 1, 2, 257, 513, 514};
    const bool is_2level = guest_.format.levels == 2;
    std::uint64_t address = (is_2level ? kTwoLevel : kLast)[random_.below(6)] << 12;
    for (unsigned level = 2; level <= guest_.format.levels; ++level) {
      address |= random_.below(level == 2 ? 3 : 2) << guest_.format.page_bits(level);
    }
    if (is_2level && random_.percent(20)) {
      address |= std::uint64_t{257} << 22;
    }
    return Gva(address);
  }

  void flush() {
    if (random_.percent(15)) {
      for (unsigned cpu = 0; cpu < variety_.num_cpus; ++cpu) {
        const Gpa root = benches_[0]->cpu(cpu).registers().root;
        for_all([&](ShadowBench& bench) { bench.cpu(cpu).load_cr3(root); });
      }
      return;
    }
    std::vector<Gva> all;
    static constexpr std::array<std::uint64_t, 11> kLast = {0,   1,   2,   256, 258, 263,
                                                            257, 513, 514, 3,   5};
    const unsigned levels = guest_.format.levels;
    for (unsigned high = 0; high < (1U << (levels - 2)); ++high) {
      for (const std::uint64_t second : {0, 1, 2, 257, 258}) {
        if (second > 2 && levels != 2) {
          continue;
        }
        for (const std::uint64_t last : kLast) {
          std::uint64_t address = (last << 12) | (second << guest_.format.page_bits(2));
          for (unsigned level = 3; level <= levels; ++level) {
            address |= std::uint64_t{(high >> (level - 3)) & 1U} << guest_.format.page_bits(level);
          }
          all.emplace_back(address);
        }
      }
    }
    for (unsigned cpu = 0; cpu < variety_.num_cpus; ++cpu) {
      for_all([&](ShadowBench& bench) {
        for (const Gva each : all) {
          bench.cpu(cpu).invlpg(each);
        }
      });
    }
  }

  void step() {
    const unsigned cpu = static_cast<unsigned>(random_.below(variety_.num_cpus));
    const std::uint64_t kind = random_.below(100);
    if (kind < 68) {
      access(cpu);
    } else if (kind < 88) {
      edit(cpu);
    } else if (kind < 92) {
      const Gpa root = any_of(guest_.tables[guest_.format.levels]);
      log_ << step_ << " cr3 " << std::hex << root.value() << std::dec << "\n";
      for_all([&](ShadowBench& bench) { bench.cpu(cpu).load_cr3(root); });
    } else if (kind < 96) {
      control(cpu);
    } else if (kind < 98) {
      repair(cpu);
    } else {
      hypervise();
    }
  }

  // The kernel makes its trees map something again.
  void repair(unsigned cpu) {
    const unsigned bytes = guest_.format.entry_bytes;
    for (const Gpa frame : frames_) {
      if (frame >= guest_.data.front()) {
        continue;
      }
      for (unsigned i = 0; i < 3; ++i) {
        const std::uint64_t entry = fitting_entry(frame) | bit(x86::kPresent);
        same("repair", [&](ShadowBench& b) {
          return b.cpu(cpu).store(guest_.direct(frame + i * bytes), bytes, entry,
                                  Privilege::kSupervisor);
        });
      }
    }
    flush();
  }

  void access(unsigned cpu) {
    const Gva at = address() + index() * 8 % 4096;
    const Privilege privilege = random_.percent(60) ? Privilege::kUser : Privilege::kSupervisor;
    const std::string what = "cpu " + std::to_string(cpu) + " at " + std::to_string(at.value()) +
                             (privilege == Privilege::kUser ? " user" : " kernel");
    switch (random_.below(8)) {
      case 0:
        same(what + " fetch", [&](ShadowBench& b) { return b.cpu(cpu).fetch(at, privilege); });
        return;
      case 1:
      case 2:
      case 3:
      case 4:
        same(what + " load", [&](ShadowBench& b) { return b.cpu(cpu).load(at, 8, privilege); });
        return;
      default:
        break;
    }
    const std::uint64_t value = any_entry();
    const BenchResult stored = same(what + " store " + std::to_string(value), [&](ShadowBench& b) {
      return b.cpu(cpu).store(at, guest_.format.entry_bytes, value, privilege);
    });
    if (!stored.is_fault) {
      flush();  // it may have been a table
    }
  }

  void edit(unsigned cpu) {
    if (is_pae_ && random_.percent(10)) {
      const Gpa at = any_of(guest_.tables[3]) + random_.below(3) * 8;
      const std::uint64_t entry = any_pdpte();
      same("pdpte", [&](ShadowBench& b) {
        return b.cpu(cpu).store(guest_.direct(at), 8, entry, Privilege::kSupervisor);
      });
      return;
    }
    const unsigned bytes = guest_.format.entry_bytes;
    const Gpa frame = any_of(frames_);
    const bool is_root = frame < guest_.tables[guest_.format.levels - 1U].front() &&
                         frame.value() >= RandomGuest::kPool;
    const Gva at = guest_.direct(frame + index() * bytes);
    const std::uint64_t entry = random_.percent(60) ? fitting_entry(frame) : any_entry();
    const std::string what = "cpu " + std::to_string(cpu) + " edit at " +
                             std::to_string(at.value()) + " " + std::to_string(entry);
    const std::uint64_t kind = random_.below(10);
    if (kind < 5 || (is_root && kind > 7)) {
      same(what, [&](ShadowBench& b) {
        return b.cpu(cpu).store(at, bytes, entry, Privilege::kSupervisor);
      });
    } else if (kind < 7) {
      const std::uint64_t old = benches_[0]->read_physical(frame + at.offset(12), bytes);
      const Swap swap{bytes, random_.percent(80) ? old : old ^ bit(9), entry};
      same(what + " swap", [&](ShadowBench& b) { return b.cpu(cpu).swap(at, swap); });
    } else if (kind == 7) {
      same(what + " half", [&](ShadowBench& b) {
        return b.cpu(cpu).store(at, 4, entry & mask(31, 0), Privilege::kSupervisor);
      });
    } else if (kind == 8) {
      same(what + " clear", [&](ShadowBench& b) { return b.cpu(cpu).clear_page(at); });
    } else {
      std::array<std::uint64_t, 4> words{};
      for (std::uint64_t& word : words) {
        word = any_entry();
        word |= bytes == 4 ? any_entry() << 32 : 0;
      }
      const Gva wide = guest_.direct(frame + random_.below(3) * bytes);
      const std::size_t length = random_.percent(50) ? 16 : 32;
      same(what + " wide", [&](ShadowBench& b) {
        return b.cpu(cpu).store_bytes(wide, std::as_bytes(std::span(words)).first(length),
                                      Privilege::kSupervisor);
      });
    }
    flush();
  }

  void control(unsigned cpu) {
    GuestRegisters registers = benches_[0]->cpu(cpu).registers();
    Control& c = registers.control;
    if (random_.percent(30)) {
      c.ac = !c.ac;
      log_ << step_ << " ac of " << cpu << " " << c.ac << "\n";
      for_all([&](ShadowBench& b) { b.cpu(cpu).set_ac(c.ac); });
      return;
    }
    c.wp = random_.percent(60);
    c.smep = random_.percent(50);
    c.smap = random_.percent(30);
    c.nxe = random_.percent(80);
    log_ << step_ << " control of " << cpu << " wp " << c.wp << " smep " << c.smep << " smap "
         << c.smap << " nxe " << c.nxe << "\n";
    for_all([&](ShadowBench& b) { b.cpu(cpu).write_control(registers); });
  }

  void hypervise() {
    ShadowBench& bench = *benches_[2];
    const Gpa frame = any_of(frames_);
    log_ << step_ << " migrate frame\n";
    bench.run(HostAction::kMigrate, {frame, frame + bit(kSmallPageBits)});
  }

  void check() {
    const std::string differences = benches_[2]->audit();
    EXPECT_EQ(differences, "") << "step " << step_;
    compare_memory(guest_.pool_end, RandomGuest::kPool);
    if (testing::Test::HasFailure()) {
      std::cout << log_.str();
    }
  }

  void compare_memory(std::uint64_t end, std::uint64_t begin) {
    for (std::uint64_t page = begin; page < end; page += 4096) {
      std::array<std::array<std::byte, 4096>, 3> content{};
      for (std::size_t i = 0; i < benches_.size(); ++i) {
        benches_[i]->read_page(Gpa(page), content[i]);
      }
      for (std::size_t i = 1; i < benches_.size(); ++i) {
        const auto [native, other] = std::ranges::mismatch(content[0], content[i]);
        if (native != content[0].end()) {
          ADD_FAILURE() << "step " << step_ << ": guest memory at " << std::hex
                        << page + static_cast<std::uint64_t>(native - content[0].begin()) << " is "
                        << static_cast<unsigned>(*other) << " in bench " << i << ", natively "
                        << static_cast<unsigned>(*native);
          return;
        }
      }
    }
  }

  struct Random : SplitMix {
    using SplitMix::SplitMix;
    std::uint64_t below(std::uint64_t end) { return draw() % end; }
    bool percent(unsigned share) { return draw() % 100 < share; }
  };

  Variety variety_;
  Random random_;
  RandomGuest guest_;
  bool is_pae_ = false;
  std::vector<Gpa> frames_;
  std::vector<std::unique_ptr<ShadowBench>> benches_;
  unsigned step_ = 0;
  std::uint64_t num_accesses_ = 0;
  std::uint64_t num_faults_ = 0;
  std::ostringstream log_;
};

class ShadowModes : public testing::TestWithParam<Variety> {};

TEST_P(ShadowModes, AreOneMachineToAGuest) {
  const char* chosen = std::getenv("NESTWALK_SEED");
  const std::uint64_t first = chosen != nullptr ? std::strtoull(chosen, nullptr, 0) : kFirstSeed;
  const std::uint64_t num_runs = chosen != nullptr ? 1 : 8;
  std::uint64_t filled = 0;
  for (std::uint64_t seed = first; seed < first + num_runs && !HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Comparison comparison(GetParam(), seed);
    comparison.run(kNumSteps);
    EXPECT_LT(comparison.share_of_faults(), 90U);
    std::cout << comparison.share_of_faults() << " % faults, "
              << comparison.shadow().statistics().filled << " fills, "
              << comparison.shadow().statistics().unsync_faults << " unsync\n";
    filled += comparison.shadow().statistics().filled;
  }
  EXPECT_GT(filled, num_runs * 80);
}

std::vector<Variety> varieties() {
  using enum ShadowSync;
  constexpr FormatId k4 = FormatId::kX86FourLevel;
  std::vector<Variety> all = {
      {.name = "at_once", .format = k4},
      {.name = "on_flush", .format = k4, .sync = kOnFlush},
      {.name = "large_pages",
       .format = k4,
       .sync = kOnFlush,
       .backing = PageSize::k2M,
       .large_direct_map = true},
      {.name = "little_room", .format = k4, .sync = kOnFlush, .max_tables = 10},
      {.name = "two_cpus", .format = k4, .sync = kOnFlush, .num_cpus = 2},
      {.name = "pae", .format = FormatId::kX86Pae, .sync = kOnFlush, .large_direct_map = true},
      {.name = "two_level",
       .format = FormatId::kX86TwoLevel,
       .sync = kOnFlush,
       .backing = PageSize::k2M,
       .large_direct_map = true},
      {.name = "two_level_at_once", .format = FormatId::kX86TwoLevel},
      {.name = "five_level",
       .format = FormatId::kX86FiveLevel,
       .sync = kOnFlush,
       .host = HostFormat::kEptFiveLevel},
      {.name = "npt", .format = k4, .sync = kOnFlush, .host = HostFormat::kNptFourLevel},
      {.name = "without_vpid", .format = k4, .sync = kOnFlush, .num_cpus = 2, .vpid = false},
  };
  return all;
}

INSTANTIATE_TEST_SUITE_P(Varieties, ShadowModes, testing::ValuesIn(varieties()),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace nestwalk
