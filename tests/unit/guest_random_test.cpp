// Random maps, unmaps, protections, forks, execs, exits, switches, idle times and accesses on one
// and on three CPUs, with enough memory and with too little, with large pages made and split,
// against a model of what programs must see: values, rights, segfaults, and every frame accounted
// for.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <set>

#include "tests/support/test_random.h"
#include "tests/unit/guest_smp_machine.h"

namespace nestwalk::test {
namespace {

constexpr std::uint64_t kBase = 0x40000000;
// Where ranges begin and end, in 4K pages: parts of 2M and 4M pages and whole ones. The model knows
// one page of each interval, its first.
constexpr std::array<std::uint64_t, 12> kBorders = {0,   1,    2,    5,    511,  512,
                                                    513, 1000, 1023, 1024, 1536, 2048};
constexpr std::size_t kIntervals = kBorders.size() - 1;
constexpr std::size_t kMaxProcesses = 5;

std::uint64_t address_of(std::size_t border) {
  return kBase + (kBorders[border] << 12);
}

struct Interval {
  bool is_mapped = false;
  GuestRegionRights rights;
  std::uint64_t value = 0;
};
using Space = std::array<Interval, kIntervals>;

class Frames {
 public:
  // All that the tables of a process hold, also what is not present.
  Frames(const SparseMemory& memory, const TableShape& shape) : memory_(memory), shape_(shape) {}
  void add(Gpa root) { add_table(root.value(), 0); }
  std::uint64_t total() const { return num_tables_ + holders_.size(); }
  std::uint64_t num_slots() const { return slots_.size(); }
  void expect_writers_alone() const {
    for (const std::uint64_t frame : written_) {
      EXPECT_EQ(holders_.at(frame), 1U) << "a shared frame is writable: " << std::hex << frame;
    }
  }

 private:
  void add_table(std::uint64_t table, unsigned depth) {
    ++num_tables_;
    unsigned shift = 12;
    for (unsigned i = depth + 1; i < shape_.levels(); ++i) {
      shift += shape_.index_bits[i];
    }
    std::uint64_t num = std::uint64_t{1} << shape_.index_bits[depth];
    if (depth == 0) {  // the user half
      num = shape_.entry_bytes == 4 ? 768 : shape_.pae_top ? 3 : num / 2;
    }
    for (std::uint64_t i = 0; i < num; ++i) {
      const std::uint64_t entry =
          memory_.read(Hpa(table + i * shape_.entry_bytes), shape_.entry_bytes);
      const std::uint64_t base = entry & 0x000f'ffff'ffff'f000;
      const bool may_be_leaf = depth > 0 || !shape_.pae_top;
      const bool is_leaf = depth + 1 == shape_.levels() || (may_be_leaf && ((entry >> 7) & 1) != 0);
      if (entry == 0) {
        continue;
      }
      if ((entry & 0x101) == 0) {  // neither present nor hidden: in swap
        slots_.insert(base);
        continue;
      }
      if (!is_leaf) {
        add_table(base, depth + 1);
        continue;
      }
      for (std::uint64_t at = 0; at < std::uint64_t{1} << shift; at += 4096) {
        ++holders_[base + at];
        if ((entry & 2) != 0) {
          written_.push_back(base + at);
        }
      }
    }
  }

  const SparseMemory& memory_;
  const TableShape& shape_;
  std::uint64_t num_tables_ = 0;
  std::map<std::uint64_t, unsigned> holders_;
  std::vector<std::uint64_t> written_;
  std::set<std::uint64_t> slots_;
};

// What a machine does beside what it is asked for.
enum class Extra { kNone, kSwap, kCollapse, kBoth, kHighMemory };

struct Case {
  FormatId format;
  PageSize page_size;
  unsigned num_cpus;
  bool pcid;
  Extra extra = Extra::kNone;

  bool swaps() const { return extra == Extra::kSwap || extra == Extra::kBoth; }
  bool collapses() const { return extra == Extra::kCollapse || extra == Extra::kBoth; }
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.num_cpus << " CPUs";
}

std::string case_label(const ::testing::TestParamInfo<Case>& info) {
  return "x86_" + shape_of(info.param.format).name + "_" +
         std::string(kPageSizeNames[static_cast<unsigned>(info.param.page_size)]) + "_" +
         std::to_string(info.param.num_cpus) + "cpus" + (info.param.pcid ? "" : "_no_pcid") +
         std::array{"", "_swap", "_collapse", "_swap_collapse", "_high_memory"}.at(
             static_cast<unsigned>(info.param.extra));
}

// Moves all seeds, for runs that look for more.
std::uint64_t seed_offset() {
  const char* text = std::getenv("NESTWALK_SEED");
  return text == nullptr ? 0 : std::strtoull(text, nullptr, 0);
}

class GuestRandom : public ::testing::TestWithParam<Case> {
 protected:
  GuestRandom()
      : seed_(seed_offset() + 0x5eed'0000 + 16 * static_cast<unsigned>(GetParam().format) +
              GetParam().num_cpus),
        random_(seed_),
        machine_(guest_machine(), GetParam().num_cpus, free_frames()) {
    for (std::size_t i = 0; i < kIntervals; ++i) {
      pages_.push_back(address_of(i));
    }
  }

  static GuestMachine guest_machine() {
    GuestMachine machine =
        machine_of(GetParam().format, std::uint64_t{96} << 20, GetParam().page_size);
    machine.params.pcid = GetParam().pcid;
    if (GetParam().swaps()) {
      machine.params.reclaim.swap_bytes = std::uint64_t{256} << 20;
      machine.params.reclaim.low_pages = 14;
      machine.params.reclaim.high_pages = 20;
      machine.params.reclaim.batch_pages = 3;
      if (GetParam().collapses()) {  // faults take what there is, reclaim makes room for a collapse
        machine.params.reclaim.low_pages = 704;
        machine.params.reclaim.high_pages = 1344;
      }
    }
    if (GetParam().collapses()) {
      machine.params.collapse.every_faults = 5;
      machine.params.collapse.max_missing_pages = 1023;
    }
    if (GetParam().extra == Extra::kHighMemory) {
      machine.memory_bytes = std::uint64_t{960} << 20;
    }
    return machine;
  }
  // With swap: hardly more than the tables of all processes need, or room for three large pages.
  static FrameAllocator<Gpa> free_frames() {
    const std::uint64_t size = guest_machine().memory_bytes;
    const std::uint64_t few = GetParam().extra == Extra::kSwap
                                  ? (GetParam().format == FormatId::kX86Pae ? 52 : 44)
                                  : 2176;
    FrameAllocator<Gpa> frames(Gpa{0}, GetParam().swaps() ? few << 12 : size);
    return frames;
  }

  unsigned any_cpu() { return static_cast<unsigned>(random_.below(GetParam().num_cpus)); }
  ProcessId any_process() {
    return std::next(spaces_.begin(), static_cast<long>(random_.below(spaces_.size())))->first;
  }
  GuestRegionRights any_rights() {
    return {random_.percent(80), random_.percent(60), random_.percent(30)};
  }
  // A CPU that runs the process; now and then it has to switch to it.
  unsigned cpu_for(ProcessId process) {
    const unsigned cpu = any_cpu();
    if (machine_.kernel.current(cpu) != process || machine_.cpu(cpu).is_idle) {
      machine_.kernel.switch_to(machine_.cpu(cpu), process);
      machine_.cpu(cpu).is_idle = false;
    }
    return cpu;
  }
  void go_idle() {
    SmpCpu& cpu = machine_.cpu(any_cpu());
    machine_.kernel.go_idle(cpu);
    cpu.is_idle = true;
  }

  void access(ProcessId process) {
    const unsigned cpu = cpu_for(process);
    const std::size_t i = random_.below(kIntervals);
    Interval& interval = spaces_[process][i];
    const bool is_write = random_.percent(50);
    const AccessType type = is_write ? AccessType::kWrite : AccessType::kRead;
    const auto at = machine_.access(cpu, address_of(i), type);
    ASSERT_EQ(at.has_value(), interval.is_mapped && interval.rights.permits(type));
    if (at && is_write) {
      interval.value = random_.next();
      machine_.memory.write(*at, 8, interval.value);
    } else if (at) {
      ASSERT_EQ(machine_.memory.read(*at, 8), interval.value) << "interval " << i;
    }
  }

  void change_range(ProcessId process) {
    const std::size_t first = random_.below(kIntervals);
    const std::size_t last = first + 1 + random_.below(kIntervals - first);
    const Gva start(address_of(first));
    const std::uint64_t length = address_of(last) - start.value();
    Space& space = spaces_[process];
    SmpCpu& cpu = machine_.cpu(random_.percent(70) ? cpu_for(process) : any_cpu());
    GuestKernel& kernel = machine_.kernel;
    const GuestRegionRights rights = any_rights();
    const auto set = [&](bool is_mapped) {
      for (std::size_t i = first; i < last; ++i) {
        space[i] = {is_mapped, rights, 0};
      }
    };
    switch (random_.below(4)) {
      case 0: {
        ASSERT_EQ(kernel.unmap(cpu, process, start, length), UnmapOutcome::kUnmapped);
        set(false);
        break;
      }
      case 1:
        ASSERT_EQ(kernel.map_region_fixed(cpu, process, {start, length, rights, "a"}),
                  MapOutcome::kMapped);
        set(true);
        break;
      default: {
        bool is_covered = true;
        for (std::size_t i = first; i < last; ++i) {
          is_covered = is_covered && space[i].is_mapped;
          space[i].rights = rights;
        }
        ASSERT_EQ(kernel.protect(cpu, process, {start, length, rights}),
                  is_covered ? ProtectOutcome::kProtected : ProtectOutcome::kGap);
      }
    }
  }

  void change_processes(ProcessId process) {
    GuestKernel& kernel = machine_.kernel;
    SmpCpu& cpu = machine_.cpu(random_.percent(70) ? cpu_for(process) : any_cpu());
    if (random_.percent(60) && spaces_.size() < kMaxProcesses) {
      const std::optional<ProcessId> child = kernel.fork(cpu, process);
      ASSERT_TRUE(child.has_value());
      spaces_[*child] = spaces_[process];
    } else if (random_.percent(30)) {
      ASSERT_TRUE(kernel.exec(cpu, process));
      spaces_[process] = {};
    } else if (spaces_.size() > 1) {
      kernel.exit_process(cpu, process);
      spaces_.erase(process);
    }
  }

  void expect_all_accounted() {
    Frames frames(machine_.memory, shape_of(GetParam().format));
    for (const auto& [process, space] : spaces_) {
      frames.add(machine_.kernel.process(process).root);
    }
    ASSERT_EQ(machine_.kernel.frames().num_free(), machine_.free_after_boot - frames.total());
    frames.expect_writers_alone();
    ASSERT_GE(machine_.kernel.swap().num_used(), frames.num_slots());
  }

  // The tables and the memory behind them, as the program of each process would see them.
  void expect_contents() {
    for (const auto& [process, space] : spaces_) {
      const Gpa root = machine_.kernel.process(process).root;
      for (std::size_t i = 0; i < kIntervals; ++i) {
        const auto leaf = machine_.cpu(0).walk(root, Gva(address_of(i)));
        if (!leaf) {
          continue;  // not used yet, hidden or in swap
        }
        ASSERT_TRUE(space[i].is_mapped) << "interval " << i;
        ASSERT_TRUE(space[i].rights.permits(AccessType::kRead)) << "interval " << i;
        ASSERT_TRUE(space[i].rights.write || !leaf->write) << "interval " << i;
        ASSERT_TRUE(space[i].rights.execute || !leaf->execute ||
                    GetParam().format == FormatId::kX86TwoLevel)
            << "interval " << i;
        ASSERT_EQ(machine_.memory.read(Hpa(leaf->output), 8), space[i].value) << "interval " << i;
      }
    }
  }

  std::uint64_t seed_;
  SplitMix64 random_;
  SmpMachine machine_;
  std::map<ProcessId, Space> spaces_;
  std::vector<std::uint64_t> pages_;
};

TEST_P(GuestRandom, ProgramsSeeTheirOwnValuesAndNoFrameIsLost) {
  SCOPED_TRACE(testing::Message() << "seed " << seed_);
  spaces_[machine_.start()] = {};
  const unsigned num_steps = GetParam().extra == Extra::kBoth ? 8000 : 4000;
  for (unsigned step = 0; step < num_steps; ++step) {
    SCOPED_TRACE(testing::Message() << "step " << step);
    const ProcessId process = any_process();
    const std::uint64_t kind = random_.below(100);
    if (kind < 73) {
      access(process);
    } else if (kind < 75) {
      go_idle();
    } else if (kind < 94) {
      change_range(process);
    } else {
      change_processes(process);
    }
    ASSERT_NO_FATAL_FAILURE(machine_.expect_nothing_stale(pages_));
    ASSERT_NO_FATAL_FAILURE(expect_contents());
    if (step % 50 == 0) {
      ASSERT_NO_FATAL_FAILURE(expect_all_accounted());
    }
    ASSERT_FALSE(HasFailure());
  }
  const GuestStatistics& s = machine_.kernel.statistics();
  EXPECT_GT(s.forks, 10U);
  EXPECT_GT(s.execs, 2U);
  EXPECT_GT(s.cow_copies, 0U);
  EXPECT_GT(s.cow_faults, s.cow_copies - (GetParam().swaps() ? 1 : 0))
      << "some were the last holder";
  EXPECT_EQ(s.pages_split > 0, GetParam().page_size != PageSize::k4K || GetParam().collapses());
  EXPECT_EQ(s.collapses > 0, GetParam().collapses());
  EXPECT_EQ(s.swap_writes > 0, GetParam().swaps());
  EXPECT_EQ(s.swap_reads > 0, GetParam().swaps());
  EXPECT_TRUE(s.pages_reclaimed > s.swap_writes || GetParam().extra != Extra::kSwap)
      << "some were clean";
  EXPECT_EQ(s.temporary_mappings > 0, GetParam().extra == Extra::kHighMemory);
  EXPECT_GT(s.lazy_returns, 0U);
  EXPECT_EQ(s.out_of_memory, 0U);
  EXPECT_EQ(s.remote_flushes > 0, GetParam().num_cpus > 1);
  while (!spaces_.empty()) {
    const ProcessId process = any_process();
    machine_.kernel.exit_process(machine_.cpu(any_cpu()), process);
    spaces_.erase(process);
  }
  EXPECT_EQ(machine_.kernel.frames().num_free(), machine_.free_after_boot);
  EXPECT_EQ(s.tables_allocated, s.tables_freed);
  EXPECT_EQ(machine_.kernel.swap().num_used(), 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Machines, GuestRandom,
    ::testing::Values(Case{FormatId::kX86FourLevel, PageSize::k4K, 1, true},
                      Case{FormatId::kX86FourLevel, PageSize::k2M, 1, true},
                      Case{FormatId::kX86FourLevel, PageSize::k2M, 3, true},
                      Case{FormatId::kX86FourLevel, PageSize::k2M, 3, false},
                      Case{FormatId::kX86FiveLevel, PageSize::k4K, 3, true},
                      Case{FormatId::kX86Pae, PageSize::k2M, 2, true},
                      Case{FormatId::kX86TwoLevel, PageSize::k2M, 2, true},
                      Case{FormatId::kX86FourLevel, PageSize::k4K, 1, true, Extra::kSwap},
                      Case{FormatId::kX86FourLevel, PageSize::k4K, 3, true, Extra::kSwap},
                      Case{FormatId::kX86Pae, PageSize::k4K, 2, true, Extra::kSwap},
                      Case{FormatId::kX86TwoLevel, PageSize::k4K, 3, true, Extra::kSwap},
                      Case{FormatId::kX86FourLevel, PageSize::k4K, 3, true, Extra::kCollapse},
                      Case{FormatId::kX86FiveLevel, PageSize::k4K, 2, false, Extra::kCollapse},
                      Case{FormatId::kX86Pae, PageSize::k4K, 2, true, Extra::kCollapse},
                      Case{FormatId::kX86TwoLevel, PageSize::k4K, 2, true, Extra::kCollapse},
                      Case{FormatId::kX86FourLevel, PageSize::k2M, 3, true, Extra::kBoth},
                      Case{FormatId::kX86Pae, PageSize::k2M, 2, true, Extra::kBoth},
                      Case{FormatId::kX86Pae, PageSize::k2M, 3, true, Extra::kHighMemory},
                      Case{FormatId::kX86TwoLevel, PageSize::k4K, 2, true, Extra::kHighMemory}),
    case_label);

}  // namespace
}  // namespace nestwalk::test
