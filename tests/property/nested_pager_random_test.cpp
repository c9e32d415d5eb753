// Random operations on the host stages of two VMs, held against a plain map of what guest memory
// holds. Two cores of each VM cache all they can and forget nothing by themselves (StickyGuest);
// one of them goes on reading and writing while the hypervisor is at work.
//
// After every operation: content; owners of all frames against a recount; what is cached against
// the tables; a log against the pages that were written; flushes against what the manual asks for,
// worked out from the tables before and after: one if some entry lost a right, its address, its
// size, A or D, else none. Operations that must flush more often say how often.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "model/hypervisor/balloon.h"
#include "model/hypervisor/dirty_logger.h"
#include "model/hypervisor/frame_migration.h"
#include "model/hypervisor/guest_write.h"
#include "model/hypervisor/host_actions.h"
#include "model/hypervisor/host_reclaim.h"
#include "model/hypervisor/stage_merge.h"
#include "tests/support/test_random.h"
#include "tests/unit/hypervisor_dressings.h"

namespace nestwalk::test {
namespace {

using Pages = std::set<std::uint64_t>;

// One VM, and everything that the test knows of it by itself.
struct Machine {
  VmId vm{};
  std::unique_ptr<StickyGuest> guest;
  std::map<std::uint64_t, std::uint64_t> words;  // by guest address; what is missing is zero
  bool is_logged = false;
  std::uint64_t log_start = 0;
  std::uint64_t log_end = 0;
  Pages must_log;  // written since the log began or was last harvested
  Pages may_log;   // written while it began, or given a cleared frame
};

struct Entry {
  std::uint64_t word = 0;
  bool is_leaf = false;
};
using Snapshot = std::map<std::pair<unsigned, std::uint64_t>, Entry>;  // by level and GPA

class RandomPager {
 public:
  RandomPager(const Dressing& dressing, std::uint64_t seed)
      : dressing_(dressing),
        random_(seed),
        host_({}, kGiB, FrameAllocator<Hpa>(Hpa{0}, 64 * kMiB)),
        size_(bit(large_bits(dressing.format))) {
    host_.port.before_swap = [this](Hpa) { interfere(); };
    host_.port.on_invalidate = [this](const Invalidation&, unsigned) { interfere(); };
    for (Machine& m : machines_) {
      m.vm = host_.create(draw_params());
      m.guest = std::make_unique<StickyGuest>(host_, m.vm, 2);
    }
  }
  ~RandomPager() {  // their hooks stand one upon the other
    machines_[1].guest.reset();
    machines_[0].guest.reset();
  }

  void step() {
    Machine& m = machines_[random_.below(2)];
    is_quiet_ = random_.percent(50);
    switch (random_.below(17)) {
      case 0:
        return start_log(m);
      case 1:
      case 2:
        return harvest(m);
      case 3:
        return stop_log(m);
      case 4:
        return inflate(m);
      case 5:
        return split(m);
      case 6:
      case 7:
        return merge(m);
      case 8:
        return reclaim(m);
      case 9:
      case 10:
        return migrate(m);
      case 11:
        return write_as_host(m);
      case 12:
        return random_.percent(20) ? recreate(m) : access(m);
      default:
        return access(m);
    }
  }

 private:
  static constexpr std::uint64_t kBlocks = 3;  // of large pages; a few small ones lie behind

  // ---- Draws ----

  VmParams draw_params() {
    VmParams params = vm_of(dressing_, kBlocks * size_ + 0x5000,
                            random_.percent(70) ? PageSize::k2M : PageSize::k4K);
    params.dirty_log_method =
        random_.percent(50) ? DirtyLogMethod::kDirtyBits : DirtyLogMethod::kWriteProtect;
    params.dirty_log_splits_pages = random_.percent(70);
    params.migration =
        random_.percent(50) ? MigrationMethod::kNotPresent : MigrationMethod::kWriteProtect;
    params.resident_limit_bytes = random_.percent(30) ? size_ + 24 * 4096 : 0;
    params.reclaim_batch_pages = 4;
    return params;
  }
  // Few pages of each block, so that operations meet.
  std::uint64_t draw_page() {
    return random_.below(kBlocks + 1) * size_ + (random_.below(5) << 12);
  }
  std::uint64_t draw_word() { return draw_page() + random_.below(3) * 8; }
  // Where a range ends that begins at a page: near, or far.
  std::uint64_t draw_end(std::uint64_t start) {
    return random_.percent(50) ? start + ((1 + random_.below(3)) << 12)
                               : start + (1 + random_.below(2)) * size_;
  }

  // ---- The other core, at any swap or flush ----

  void interfere() {
    if (busy_ == nullptr || is_quiet_ || random_.percent(60)) {
      return;
    }
    Machine& m = *busy_;
    const std::uint64_t word = draw_word();
    if (given_start_ <= word && word < given_end_) {
      return;  // given back: not the guest's to use
    }
    if (random_.percent(30)) {
      if (const auto value = m.guest->try_read(1, word)) {
        EXPECT_EQ(*value, m.words[word]) << what_ << ": read of " << word << " meanwhile";
        has_interfered_ = true;
      }
    } else if (m.guest->try_write(1, word, ++next_value_)) {
      m.words[word] = next_value_;
      has_interfered_ = true;
      during_.insert(word & ~std::uint64_t{0xfff});
    }
  }

  // ---- Operations ----

  void access(Machine& m) {
    const std::uint64_t word = draw_word();
    const auto core = static_cast<unsigned>(random_.below(2));
    note_fresh_page(m, word);
    operate(m, "access", [&] {
      if (random_.percent(50)) {
        m.words[word] = ++next_value_;
        EXPECT_TRUE(m.guest->write(core, word, m.words[word]));
        during_.insert(word & ~std::uint64_t{0xfff});
      } else {
        EXPECT_EQ(m.guest->read(core, word), m.words[word]) << "word " << word;
      }
    });
  }
  void write_as_host(Machine& m) {
    const std::uint64_t word = draw_word();
    note_fresh_page(m, word);
    operate(m, "host write", [&] {
      m.words[word] = ++next_value_;
      EXPECT_TRUE(
          write_guest(m.guest->context(), Cause::kEptViolation, Gpa(word), 8, m.words[word]));
      during_.insert(word & ~std::uint64_t{0xfff});
    });
  }

  void start_log(Machine& m) {
    stop_log(m);
    const std::uint64_t start = draw_page();
    const std::uint64_t end = draw_end(start);
    operate(m, "log start", [&] {
      DirtyLogger(m.guest->context(), m.guest->targets()).start(Gpa(start), Gpa(end));
    });
    m.is_logged = true;
    m.log_start = start;
    m.log_end = std::min(end, m.guest->params().memory_bytes);
    m.must_log.clear();
    m.may_log = during_;
  }
  void stop_log(Machine& m) {
    m.is_logged = false;
    m.must_log.clear();
    operate(m, "log stop", [&] { DirtyLogger(m.guest->context(), m.guest->targets()).stop(); });
    EXPECT_EQ(num_flushes_, 0U);
  }
  void harvest(Machine& m) {
    PageSet pages;
    const bool is_logged = m.is_logged;
    m.is_logged = false;  // what is written meanwhile is judged here
    operate(m, "harvest",
            [&] { pages = DirtyLogger(m.guest->context(), m.guest->targets()).harvest(); });
    m.is_logged = is_logged;
    for (const std::uint64_t page : m.must_log) {
      EXPECT_TRUE(pages.contains(Gpa(page))) << "a write to page " << page << " is lost";
    }
    const bool is_exact = m.guest->params().dirty_log_splits_pages &&
                          m.guest->vm().statistics.pager.splits_refused == 0;
    pages.for_each([&](Gpa page) {
      const std::uint64_t at = page.value();
      EXPECT_TRUE(is_logged && m.log_start <= at && at < m.log_end);
      EXPECT_TRUE(!is_exact || m.must_log.contains(at) || m.may_log.contains(at) ||
                  during_.contains(at))
          << "page " << at << " was not written";
    });
    m.must_log.clear();
    m.may_log.clear();
    for (const std::uint64_t page : during_) {
      if (is_logged && m.log_start <= page && page < m.log_end) {
        (pages.contains(Gpa(page)) ? m.may_log : m.must_log).insert(page);
      }
    }
  }

  void inflate(Machine& m) {
    given_start_ = draw_page();
    given_end_ = std::min(draw_end(given_start_), m.guest->params().memory_bytes);
    BalloonCount count;
    operate(m, "inflate", [&] {
      // Pages are drawn at their boundaries; bytes beside them change nothing.
      count = Balloon(m.guest->context(), m.guest->targets())
                  .inflate(Gpa(given_start_ == 0 ? 0 : given_start_ - random_.below(4096)),
                           Gpa(given_end_ + random_.below(4096)));
      m.words.erase(m.words.lower_bound(given_start_), m.words.lower_bound(given_end_));
    });
    EXPECT_EQ(count.num_taken + count.num_absent, (given_end_ - given_start_) >> 12);
    EXPECT_EQ(count.num_refused, 0U);
    if (random_.percent(50)) {
      operate(m, "deflate", [&] {
        Balloon(m.guest->context(), m.guest->targets()).deflate(Gpa(given_start_), Gpa(given_end_));
      });
      EXPECT_EQ(num_flushes_, 0U);
    }
    given_start_ = given_end_ = 0;
  }

  void split(Machine& m) {
    const std::uint64_t start = draw_page();
    const std::uint64_t end = draw_end(start);
    operate(m, "split", [&] {
      HostActions(m.guest->context(), m.guest->targets())
          .run(HostAction::kSplit, std::array{GuestRange{Gpa(start), Gpa(end)}});
    });
  }
  void merge(Machine& m) {
    MergeCount count;
    operate(
        m, "merge",
        [&] {
          HostStage stage(m.guest->context(), Cause::kHostSplitMerge);
          count = StageMerger(stage, m.guest->targets())
                      .merge_range(Gpa{0}, Gpa(m.guest->params().memory_bytes),
                                   {.level = 2, .may_copy = random_.percent(50)});
        },
        Flushes::kAsTold);
    EXPECT_EQ(num_flushes_, count.num_collapsed + (count.num_merged != 0 ? 1 : 0));
    merged_ += count.num_merged;
    collapsed_ += count.num_collapsed;
  }
  void reclaim(Machine& m) {
    const std::uint64_t num_pages = 1 + random_.below(6);
    std::uint64_t done = 0;
    const std::uint64_t resident = m.guest->vm().resident_bytes >> 12;
    operate(m, "reclaim", [&] {
      done = HostReclaim(m.guest->context(), m.guest->targets()).swap_out(num_pages);
    });
    const std::uint64_t expected = std::min(num_pages, resident);
    EXPECT_TRUE(done == expected || (has_interfered_ && done < expected))  // A was set again
        << done << " pages of " << expected;
  }
  void migrate(Machine& m) {
    const std::uint64_t start = draw_page();
    const std::uint64_t end = start + ((1 + random_.below(3)) << 12);
    std::uint64_t expected = 0;
    HostStage stage(m.guest->context(), Cause::kMigration);
    stage.for_each_leaf(stage.clip(Gpa(start)), stage.clip(Gpa(end)), [&](HostEntry& leaf) {
      const bool is_protected = m.guest->params().migration == MigrationMethod::kWriteProtect &&
                                stage.view(leaf).is_writable();
      expected += is_protected ? 2 : 1;
    });
    MigrationCount count;
    operate(
        m, "migrate",
        [&] {
          count = FrameMigration(m.guest->context(), m.guest->targets())
                      .move_range(Gpa(start), Gpa(end));
        },
        Flushes::kAsTold);
    EXPECT_EQ(count.num_refused, 0U);
    EXPECT_EQ(num_flushes_, expected);
  }
  void recreate(Machine& m) {
    is_quiet_ = true;  // it runs nowhere any more
    const std::uint64_t before = m.guest->vm().statistics.pager.flushes;
    host_.hypervisor.destroy_vm(host_.port, m.vm, m.guest->targets());
    EXPECT_EQ(m.guest->vm().statistics.pager.flushes, before + 1);
    EXPECT_EQ(m.guest->num_cached(), 0U);
    ASSERT_EQ(host_.create(draw_params()), m.vm);
    m.words.clear();
    m.is_logged = false;
    m.must_log.clear();
    what_ = "recreate";
    check(m);
  }

  // ---- Judgement ----

  enum class Flushes : std::uint8_t { kOneIfSomethingWasTaken, kAsTold };

  template <class Operation>
  void operate(Machine& m, std::string what, Operation&& operation,
               Flushes flushes = Flushes::kOneIfSomethingWasTaken) {
    what_ = std::move(what);
    during_.clear();
    has_interfered_ = false;
    const Snapshot before = snapshot(m);
    const std::uint64_t flushes_before = m.guest->vm().statistics.pager.flushes;
    host_.port.invalidations.clear();
    busy_ = &m;
    operation();
    busy_ = nullptr;
    num_flushes_ = m.guest->vm().statistics.pager.flushes - flushes_before;
    EXPECT_EQ(host_.port.invalidations.size(), 2 * num_flushes_) << what_ << ": each core, once";
    if (flushes == Flushes::kOneIfSomethingWasTaken) {
      const std::uint64_t asked_for = was_something_taken(m, before) ? 1 : 0;
      // What the other core made of an entry meanwhile may hide that something was taken.
      EXPECT_TRUE(num_flushes_ == asked_for || (has_interfered_ && num_flushes_ == 1))
          << what_ << ": " << num_flushes_ << " flushes, asked for " << asked_for;
    }
    if (m.is_logged) {
      for (const std::uint64_t page : during_) {
        if (m.log_start <= page && page < m.log_end) {
          m.must_log.insert(page);
        }
      }
    }
    check(m);
  }

  void note_fresh_page(Machine& m, std::uint64_t word) {
    const std::uint64_t page = word & ~std::uint64_t{0xfff};
    if (!host_.walk(m.vm, page)) {
      m.may_log.insert(page);
    }
  }

  Snapshot snapshot(Machine& m) const {
    Snapshot entries;
    collect(m, entries, m.guest->vm().root, m.guest->vm().format().levels, 0);
    return entries;
  }
  void collect(Machine& m, Snapshot& entries, Hpa table, unsigned level, std::uint64_t gpa) const {
    const PagingFormat& format = m.guest->vm().format();
    for (std::uint64_t i = 0; i < bit(format.level[level].index_bits); ++i) {
      const std::uint64_t word =
          host_.memory.read(table + i * format.entry_bytes, format.entry_bytes);
      const bool is_ept = format.rules == RuleSet::kEpt;
      if ((word & (is_ept ? 7U : 1U)) == 0) {
        continue;
      }
      const bool is_leaf = level == 1 || (format.level[level].can_be_leaf && (word & bit(7)) != 0);
      const std::uint64_t at = gpa + (i << format.level[level].index_low);
      entries[{level, at}] = {word, is_leaf};
      if (!is_leaf) {
        collect(m, entries, Hpa(word & mask(51, 12)), level - 1, at);
      }
    }
  }
  // By the list of changes after which the manuals ask for an invalidation.
  bool was_something_taken(Machine& m, const Snapshot& before) const {
    const Snapshot after = snapshot(m);
    const bool has_flags = m.guest->has_accessed_dirty();
    const std::uint64_t rights = 0x7;  // R, W, X; or P, W, U
    const std::uint64_t flags =
        m.guest->flag(ept::kAccessed, x86::kAccessed) | m.guest->flag(ept::kDirty, x86::kDirty);
    for (const auto& [key, was] : before) {
      const auto now = after.find(key);
      if (now == after.end()) {
        return true;
      }
      const std::uint64_t lost = was.word & ~now->second.word;
      const std::uint64_t changed = was.word ^ now->second.word;
      if ((lost & rights) != 0 || (changed & mask(51, 12)) != 0 ||
          was.is_leaf != now->second.is_leaf || (has_flags && (lost & flags) != 0)) {
        return true;
      }
    }
    return false;
  }

  void check(Machine& m) {
    m.guest->expect_caches_are_true();
    const Vm& vm = m.guest->vm();
    SwapStore swap = vm.swap;
    for (const auto& [address, value] : m.words) {
      std::uint64_t found = 0;
      const Gpa page = Gpa(address).page(12);
      if (const auto at = host_.walk(m.vm, address)) {
        found = host_.memory.read(Hpa(at->output), 8);
        EXPECT_FALSE(vm.swap.contains(page)) << "in memory and in swap";
        EXPECT_FALSE(vm.ballooned.contains(page)) << "in memory and in the balloon";
      } else if (swap.contains(page)) {
        std::array<std::byte, 4096> content{};
        swap.take(page, content);
        std::memcpy(&found, &content[address % 4096], 8);
        swap.put(page, content);
      }
      EXPECT_EQ(found, value) << what_ << ": word " << address;
    }
    const auto id = static_cast<std::uint32_t>(m.vm);
    const FrameOwnerMap& owners = host_.hypervisor.owners();
    std::uint64_t pages = 0;
    std::uint64_t tables = 1;
    for (const auto& [key, entry] : snapshot(m)) {
      const std::uint64_t page_bytes = bit(vm.format().level[key.first].index_low);
      pages += entry.is_leaf ? page_bytes : 0;
      tables += entry.is_leaf ? 0 : 1;
    }
    EXPECT_EQ(owners.num_bytes({FrameUse::kGuestFrame, id}), pages) << what_;
    EXPECT_EQ(owners.num_bytes({FrameUse::kHostTable, id}), tables << 12) << what_;
    EXPECT_EQ(vm.resident_bytes, pages) << what_;
    EXPECT_EQ(vm.statistics.tables_allocated - vm.statistics.pager.tables_freed, tables) << what_;
  }

 public:
  std::uint64_t merged_ = 0;
  std::uint64_t collapsed_ = 0;

 private:
  Dressing dressing_;
  SplitMix64 random_;
  Host host_;
  std::uint64_t size_;
  std::array<Machine, 2> machines_;
  std::uint64_t next_value_ = 0;
  // Of the operation under way, or the last one.
  std::string what_;
  Machine* busy_ = nullptr;
  bool is_quiet_ = false;
  bool has_interfered_ = false;
  std::uint64_t num_flushes_ = 0;
  Pages during_;  // written meanwhile
  std::uint64_t given_start_ = 0;
  std::uint64_t given_end_ = 0;
};

class NestedPagerRandom : public ::testing::TestWithParam<Dressing> {};
INSTANTIATE_TEST_SUITE_P(Formats, NestedPagerRandom, ::testing::ValuesIn(kDressings),
                         dressing_label);

TEST_P(NestedPagerRandom, MemoryOwnersLogsAndFlushesAreAsTheyShould) {
  std::uint64_t merged = 0;
  std::uint64_t collapsed = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    RandomPager pager(GetParam(), seed);
    for (unsigned i = 0; i < 200; ++i) {
      pager.step();
      if (HasFailure()) {
        FAIL() << "seed " << seed << ", step " << i;
      }
    }
    merged += pager.merged_;
    collapsed += pager.collapsed_;
  }
  EXPECT_GT(merged, 0U);
  EXPECT_GT(collapsed, 0U);
}

}  // namespace
}  // namespace nestwalk::test
