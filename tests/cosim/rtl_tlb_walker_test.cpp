// TLB and walker as one design, behind the boundary of the walker: what hits, what is kept, and
// that nothing old is used after an invalidation was acknowledged.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "Vtlb_walker.h"
#include "tests/cosim/rtl_packed_records.h"
#include "tests/property/walk_comparison.h"
#include "tests/support/hand_tables.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x7f00'1234'5678};
constexpr Gpa kGpa{0x8000'0000};

// Drives the pins; memory is that of the tables, answered after a random time.
class TlbWalkerBench {
 public:
  struct Report {
    WalkerRequest request;
    WalkerResponse response;
    bool is_hit = false;
    std::uint64_t accept_cycle = 0;
    std::uint64_t response_cycle = 0;
  };

  TlbWalkerBench() : top_(std::make_unique<Vtlb_walker>()) {
    top_->clk_i = 0;
    top_->rst_ni = 1;
    top_->request_valid_i = 0;
    top_->invalidate_valid_i = 0;
    top_->eval();
    top_->rst_ni = 0;
    top_->eval();
    top_->clk_i = 1;
    top_->eval();
    top_->clk_i = 0;
    top_->rst_ni = 1;
    top_->eval();
  }

  void set_memory(WordMemory& memory) { memory_ = &memory; }
  struct Surroundings {
    unsigned max_latency = 1;
    unsigned ready_percent = 100;
    unsigned response_percent = 100;  // how often a response is taken
  };
  void set_surroundings(std::uint64_t seed, const Surroundings& surroundings) {
    random_ = SplitMix64(seed);
    around_ = surroundings;
  }

  void submit(WalkerRequest request) {
    request.id = next_id_++;
    waiting_.push_back(request);
  }
  void invalidate(const Invalidation& invalidation) { invalidation_ = invalidation; }
  void flush() {
    Invalidation all;
    all.op = InvalidateOp::kTlbControlAll;
    all.rules = TagRules::kAmd;
    invalidate(all);
    run();
  }

  void step() {
    top_->request_valid_i = waiting_.empty() ? 0 : 1;
    if (!waiting_.empty()) {
      pack(waiting_.front()).write_to(top_->request_i);
    }
    top_->invalidate_valid_i = invalidation_ && !awaits_ack_ ? 1 : 0;
    if (invalidation_) {
      pack(*invalidation_).write_to(top_->invalidate_i);
    }
    top_->response_ready_i = random_.percent(around_.response_percent) ? 1 : 0;
    top_->read_ready_i = random_.percent(around_.ready_percent) ? 1 : 0;
    top_->update_ready_i = random_.percent(around_.ready_percent) ? 1 : 0;
    top_->ack_ready_i = random_.percent(around_.ready_percent) ? 1 : 0;
    answer(reads_, top_->data_valid_i, [&](const PackedRecord& r) { r.write_to(top_->data_i); });
    answer(dones_, top_->done_valid_i, [&](const PackedRecord& r) { r.write_to(top_->done_i); });
    top_->eval();
    sample();
    top_->clk_i = 1;
    top_->eval();
    top_->clk_i = 0;
    ++cycle_;
  }

  void run() {
    for (unsigned i = 0; !is_idle(); ++i) {
      ASSERT_LT(i, 20'000U) << "nothing ends any more";
      step();
    }
  }

  Report access(const WalkerRequest& request) {
    reports_.clear();
    submit(request);
    run();
    EXPECT_EQ(reports_.size(), 1U);
    return reports_.empty() ? Report{} : reports_.front();
  }

  [[nodiscard]] bool is_idle() const {
    return waiting_.empty() && under_way_.empty() && !invalidation_;
  }
  std::vector<Report>& reports() { return reports_; }
  [[nodiscard]] unsigned num_reads() const { return num_reads_; }
  [[nodiscard]] unsigned num_fills() const { return num_fills_; }
  [[nodiscard]] unsigned num_acknowledged() const { return num_acknowledged_; }
  [[nodiscard]] std::size_t num_under_way() const { return under_way_.size(); }

 private:
  struct Pending {
    std::uint64_t due_cycle = 0;
    PackedRecord answer;
  };

  template <class Write>
  void answer(std::vector<Pending>& pending, CData& valid, Write write) {
    const auto due = std::find_if(pending.begin(), pending.end(),
                                  [&](const Pending& p) { return p.due_cycle <= cycle_; });
    valid = due == pending.end() ? 0 : 1;
    if (due != pending.end()) {
      write(due->answer);
      pending.erase(due);
    }
  }

  void sample() {
    if (top_->read_valid_o != 0 && top_->read_ready_i != 0) {
      PackedReader reader(top_->read_o, 64);
      const std::uint64_t slot = reader.take(4);
      reader.take(7);
      const unsigned bytes = reader.take(1) != 0 ? 4 : 8;
      const auto value = memory_->read(Hpa(reader.take(52)), bytes);
      reads_.push_back(
          {due(), PackedRecord().add(slot, 4).add(value ? 0 : 1, 1).add(value.value_or(0), 64)});
      ++num_reads_;
    }
    if (top_->update_valid_o != 0 && top_->update_ready_i != 0) {
      PackedReader reader(top_->update_o, 192);
      const std::uint64_t slot = reader.take(4);
      reader.take(7);
      const unsigned bytes = reader.take(1) != 0 ? 4 : 8;
      const Hpa hpa(reader.take(52));
      const std::uint64_t expected = reader.take(64);
      const bool stored = memory_->compare_and_swap(hpa, bytes, expected, reader.take(64));
      dones_.push_back({due(), PackedRecord().add(slot, 4).add(stored ? 0 : 1, 2)});
    }
    if (top_->response_valid_o != 0 && top_->response_ready_i != 0) {
      const WalkerResponse response = unpack_response({top_->response_o, kResponseBits});
      const auto found = std::find_if(under_way_.begin(), under_way_.end(),
                                      [&](const Report& r) { return r.request.id == response.id; });
      if (found == under_way_.end()) {
        ADD_FAILURE() << "a response to nobody";
      } else {
        found->response = response;
        found->response_cycle = cycle_;
        reports_.push_back(*found);
        under_way_.erase(found);
      }
    }
    if (top_->request_valid_i != 0 && top_->request_ready_o != 0) {
      under_way_.push_back({waiting_.front(), {}, top_->hit_o != 0, cycle_, 0});
      waiting_.pop_front();
    }
    num_fills_ += top_->fill_o;
    if (top_->ack_valid_o != 0 && top_->ack_ready_i != 0) {
      EXPECT_TRUE(awaits_ack_);
      awaits_ack_ = false;
      invalidation_.reset();
      ++num_acknowledged_;
    }
    if (top_->invalidate_valid_i != 0 && top_->invalidate_ready_o != 0) {
      awaits_ack_ = true;
    }
  }
  std::uint64_t due() { return cycle_ + 1 + random_.below(around_.max_latency); }

  std::unique_ptr<Vtlb_walker> top_;
  WordMemory* memory_ = nullptr;
  SplitMix64 random_{1};
  Surroundings around_;
  std::uint8_t next_id_ = 0;
  std::deque<WalkerRequest> waiting_;
  std::vector<Report> under_way_;
  std::optional<Invalidation> invalidation_;
  bool awaits_ack_ = false;
  std::vector<Pending> reads_;
  std::vector<Pending> dones_;
  std::vector<Report> reports_;
  std::uint64_t cycle_ = 0;
  unsigned num_reads_ = 0;
  unsigned num_fills_ = 0;
  unsigned num_acknowledged_ = 0;
};

class RtlTlbWalker : public testing::Test {
 protected:
  static HandTables nested_tables() {
    HandTables tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
    tables.context.tags.vpid = Vpid(5);
    tables.context.tags.ep4ta = Ep4ta(0x7000);
    tables.context.tags.pcid = Pcid(3);
    return tables;
  }
  static WalkerRequest request_of(const HandTables& tables, Gva gva = kGva,
                                  AccessType type = AccessType::kRead) {
    WalkerRequest request;
    request.context = tables.context;
    request.access = {gva, type, Privilege::kUser};
    return request;
  }
  static Invalidation invlpg(const HandTables& tables, Gva gva = kGva) {
    Invalidation invalidation;
    invalidation.tags = tables.context.tags;
    invalidation.address = gva;
    return invalidation;
  }
  // Empty: the access ended as the second witness ends it, which has no caches.
  std::string difference_from_witness(const TlbWalkerBench::Report& report, WordMemory words) {
    WordOracleMemory view(words);
    const OracleResult cold = oracle_translate(report.request.context, report.request.access, view);
    Translation translation = cold.translation;
    if (!report.response.translation.dirty) {
      translation.dirty = false;  // kept from before the bit was set: it only makes a miss
    }
    const bool is_same = report.response.is_translation
                             ? cold.is_translation && report.response.translation == translation
                             : !cold.is_translation && report.response.fault == cold.fault;
    return is_same ? ""
                   : print(report.request.context, report.request.access) + "\nwitness " +
                         (cold.is_translation ? print(cold.translation) : print(cold.fault));
  }

  TlbWalkerBench bench_;
};

TEST_F(RtlTlbWalker, ASecondAccessHitsInTheCycleAfterItsRequest) {
  HandTables tables = nested_tables();
  tables.map_guest(kGva, kGpa, 1);
  tables.map_host(kGpa, 1);
  bench_.set_memory(tables.memory);
  const WalkerRequest request = request_of(tables);
  const TlbWalkerBench::Report miss = bench_.access(request);
  EXPECT_FALSE(miss.is_hit);
  EXPECT_EQ(bench_.num_reads(), 24U);
  // One to the register before the walker, then as without a TLB: reads, updates of the guest's A
  // bits, and for each host walk a lookup and a fill of the nested TLB.
  EXPECT_EQ(miss.response_cycle - miss.accept_cycle, 1 + 2 + 2 * (24U + 4U) + 5 + 5);
  for (unsigned i = 0; i < 8; ++i) {
    bench_.submit(request);
  }
  bench_.reports().clear();
  bench_.run();
  ASSERT_EQ(bench_.reports().size(), 8U);
  for (unsigned i = 0; i < 8; ++i) {
    const TlbWalkerBench::Report& hit = bench_.reports()[i];
    EXPECT_TRUE(hit.is_hit);
    EXPECT_EQ(hit.response_cycle, hit.accept_cycle + 1);
    EXPECT_EQ(hit.accept_cycle, bench_.reports()[0].accept_cycle + i);  // one each cycle
    EXPECT_EQ(hit.response.translation, miss.response.translation);
  }
  EXPECT_EQ(bench_.num_reads(), 24U);
}

// Bug catalogue TLB-01: the mode of a tag sampled when the walk ends.
TEST_F(RtlTlbWalker, Tlb01TheTagIsThatOfTheRequest) {
  HandTables guest = nested_tables();
  guest.map_guest(kGva, kGpa, 1);
  guest.map_host(kGpa, 1);
  HandTables host({FormatId::kX86FourLevel, {}});
  host.map_guest(kGva, Gpa(0x9'0000'0000), 1);
  // One memory: the tables of the host stand elsewhere.
  WordMemory words = guest.memory;
  constexpr std::uint64_t kElsewhere = 0x20'0000'0000;
  host.memory.for_each_word([&](Hpa hpa, std::uint64_t word) {
    const bool is_leaf = hpa == host.guest_entry(kGva, 1);
    words.write(hpa + kElsewhere, 8, is_leaf ? word : word + kElsewhere);
  });
  host.context.guest_root += kElsewhere;
  bench_.set_memory(words);
  bench_.set_surroundings(3, {.max_latency = 30});
  const WalkerRequest in_guest = request_of(guest);
  const WalkerRequest in_host = request_of(host);
  for (unsigned wait = 0; wait < 60; ++wait) {  // the exit comes at any time of the guest's walk
    bench_.flush();
    bench_.submit(in_guest);
    for (unsigned i = 0; i < wait; ++i) {
      bench_.step();
    }
    bench_.submit(in_host);
    bench_.run();
    for (const WalkerRequest& again : {in_guest, in_host}) {
      const TlbWalkerBench::Report report = bench_.access(again);
      EXPECT_TRUE(report.is_hit);
      EXPECT_EQ(difference_from_witness(report, words), "");
    }
  }
}

// Bug catalogue TLB-08: the middle bits of the frame taken from the address, not the guest's page.
TEST_F(RtlTlbWalker, Tlb08TheMiddleBitsComeFromTheGuestPage) {
  HandTables tables = nested_tables();
  const Gpa inside(kGpa.value() | 0x0060'0000);  // a 2M page, not the first of its 1G
  const Gva address(0x7f00'1234'5678);
  tables.map_guest(address, inside, 2);
  tables.map_host(inside, 3);
  bench_.set_memory(tables.memory);
  const Hpa expected = tables.host_of(inside + address.offset(21));
  for (const bool is_hit : {false, true}) {
    const TlbWalkerBench::Report report = bench_.access(request_of(tables, address));
    EXPECT_EQ(report.is_hit, is_hit);
    EXPECT_EQ(report.response.translation.hpa, expected);
  }
}

// Bug catalogue TLB-09: what an entry covers is the smaller of both pages.
TEST_F(RtlTlbWalker, Tlb09AnEntryCoversTheSmallerOfBothPages) {
  for (unsigned guest_level = 1; guest_level <= 3; ++guest_level) {
    for (unsigned host_level = 1; host_level <= 3; ++host_level) {
      HandTables tables = nested_tables();
      const unsigned guest_bits = 12 + 9 * (guest_level - 1);
      const unsigned bits = 12 + 9 * (std::min(guest_level, host_level) - 1);
      const Gva first = kGva.page(guest_bits);
      const std::uint64_t size = std::uint64_t{1} << bits;
      tables.map_guest(first, kGpa, guest_level);
      tables.map_host(kGpa, host_level);
      if (host_level < guest_level) {
        tables.map_host(kGpa + size, host_level);  // the neighbour within the guest's page
      }
      bench_.set_memory(tables.memory);
      bench_.flush();
      EXPECT_FALSE(bench_.access(request_of(tables, first)).is_hit);
      for (const std::uint64_t offset : {std::uint64_t{0}, size - 1, size, 2 * size - 1}) {
        const TlbWalkerBench::Report report = bench_.access(request_of(tables, first + offset));
        EXPECT_EQ(difference_from_witness(report, tables.memory), "")
            << guest_level << " over " << host_level << " offset " << offset;
        if (offset < size) {
          EXPECT_TRUE(report.is_hit);
        } else if (offset == size) {
          EXPECT_FALSE(report.is_hit);
        }
      }
    }
  }
}

TEST_F(RtlTlbWalker, RightsAndControlBitsAreJudgedAtEveryHit) {
  HandTables tables = nested_tables();
  tables.map_guest(kGva, kGpa, 1, 0x5);  // user, read-only
  tables.map_host(kGpa, 1);
  bench_.set_memory(tables.memory);
  WalkerRequest request = request_of(tables);
  EXPECT_TRUE(bench_.access(request).response.is_translation);
  EXPECT_TRUE(bench_.access(request).is_hit);
  request.access.privilege = Privilege::kSupervisor;
  EXPECT_TRUE(bench_.access(request).is_hit);
  request.context.control.smap = true;
  const TlbWalkerBench::Report denied = bench_.access(request);
  EXPECT_FALSE(denied.is_hit);
  EXPECT_FALSE(denied.response.is_translation);
  // The fault has dropped the entry.
  request.context.control.smap = false;
  EXPECT_FALSE(bench_.access(request).is_hit);
  EXPECT_TRUE(bench_.access(request).is_hit);
  // A write without WP: permitted, but D is not set yet.
  request.context.control.wp = false;
  request.access.type = AccessType::kWrite;
  const TlbWalkerBench::Report first_write = bench_.access(request);
  EXPECT_FALSE(first_write.is_hit);
  EXPECT_TRUE(first_write.response.is_translation);
  EXPECT_TRUE(bench_.access(request).is_hit);
  request.context.control.wp = true;
  EXPECT_FALSE(bench_.access(request).response.is_translation);
}

// Bug catalogue INV-04: a walk that an invalidation met must not leave a stale entry behind. The
// leaf changes, and the invalidation comes at each cycle of the walk and after it.
TEST_F(RtlTlbWalker, Inv04NothingOldIsKeptAfterTheAcknowledgement) {
  constexpr Gpa kOther{0x8123'4000};
  unsigned num_old = 0;
  for (unsigned wait = 0; wait < 160; ++wait) {
    for (const unsigned response_percent : {100U, 10U}) {
      HandTables tables = nested_tables();
      tables.map_guest(kGva, kGpa, 1);
      tables.map_host(kGpa, 1);
      tables.map_host(kOther, 1);
      bench_.set_memory(tables.memory);
      bench_.set_surroundings(wait, {.max_latency = 2, .response_percent = response_percent});
      bench_.flush();
      bench_.reports().clear();
      for (unsigned i = 0; i < 8; ++i) {  // the later ones hit what the first have left
        bench_.submit(request_of(tables, kGva + 8 * i));
      }
      for (unsigned i = 0; i < wait; ++i) {
        bench_.step();
      }
      tables.memory.write(tables.guest_entry(kGva, 1), 8, kOther.value() | 0x7);
      bench_.invalidate(invlpg(tables));
      const unsigned before = bench_.num_acknowledged();
      while (bench_.num_acknowledged() == before) {
        bench_.step();
      }
      num_old += static_cast<unsigned>(bench_.reports().size());
      bench_.reports().clear();
      bench_.run();
      bench_.submit(request_of(tables, kGva + 64));
      bench_.run();
      for (const TlbWalkerBench::Report& report : bench_.reports()) {
        EXPECT_EQ(report.response.translation.gpa,
                  kOther + kGva.offset(12) + (report.request.access.address.value() - kGva.value()))
            << "invalidated after " << wait << " cycles";
      }
    }
  }
  EXPECT_GT(num_old, 50U);  // answered before the acknowledgement: old or new
}

// Many pages of many sizes, two walks at a time, invalidations in between: each access ends as it
// would without a TLB.
TEST_F(RtlTlbWalker, WarmEndsAsCold) {
  unsigned num_hits = 0;
  unsigned num_faults = 0;
  for (const FormatId host : {FormatId::kEptFourLevel, FormatId::kX86FourLevel}) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      SplitMix64 random(seed);
      HandTables tables({FormatId::kX86FourLevel, host});
      tables.context.control.accessed_dirty = random.percent(50);
      std::vector<Gva> pages;
      for (unsigned i = 0; i < 12; ++i) {
        const unsigned level = 1 + static_cast<unsigned>(random.below(2));
        const std::uint64_t number = i * 0x20'0000 + random.below(4) * 0x1000;
        const Gva gva(0x7f00'0000'0000 + number);
        pages.push_back(gva);
        const bool is_user = random.percent(80);
        const bool is_writable = random.percent(70);
        tables.map_guest(gva, kGpa + number, level,
                         0x1 | (is_writable ? 0x2 : 0) | (is_user ? 0x4 : 0));
        if (random.percent(90)) {
          tables.map_host(kGpa + number, 1 + static_cast<unsigned>(random.below(level)));
        }
      }
      bench_.set_memory(tables.memory);
      const unsigned ready_percent = random.percent(50) ? 100 : 40;
      bench_.set_surroundings(seed, {6, ready_percent, ready_percent});
      bench_.flush();
      for (unsigned round = 0; round < 40; ++round) {
        bench_.reports().clear();
        for (unsigned i = 0; i < 6; ++i) {
          WalkerRequest request = request_of(tables, pages[random.below(pages.size())],
                                             static_cast<AccessType>(random.below(3)));
          request.access.privilege = random.percent(60) ? Privilege::kUser : Privilege::kSupervisor;
          request.context.control.wp = random.percent(70);
          request.context.control.smep = random.percent(20);
          request.context.tags.pcid = Pcid(static_cast<std::uint16_t>(random.below(2)));
          bench_.submit(request);
        }
        if (random.percent(30)) {
          for (std::uint64_t wait = random.below(30); wait > 0; --wait) {
            bench_.step();
          }
          Invalidation invalidation = invlpg(tables, pages[random.below(pages.size())]);
          invalidation.op = static_cast<InvalidateOp>(random.below(kNumInvalidateOps));
          bench_.invalidate(invalidation);
        }
        bench_.run();
        ASSERT_EQ(bench_.reports().size(), 6U);
        for (const TlbWalkerBench::Report& report : bench_.reports()) {
          ASSERT_EQ(difference_from_witness(report, tables.memory), "") << "seed " << seed;
          num_hits += report.is_hit ? 1 : 0;
          num_faults += report.response.is_translation ? 0 : 1;
        }
      }
    }
  }
  std::cout << num_hits << " hits, " << bench_.num_fills() << " fills, " << num_faults
            << " faults\n";
  EXPECT_GT(num_hits, 1000U);
  EXPECT_GT(num_faults, 500U);
}

}  // namespace
}  // namespace nestwalk
