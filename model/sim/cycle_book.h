// Books every cycle of a core to a cause and an account, by the differences of the modules' own
// counters: nothing is counted twice and the hot path books nothing.
//
//   book.select({.vm = 0, .process = 1});            // whose cycles these are from now on
//   book.run_software(Cause::kGuestTableWrite, [&] { core.access(...); });
//   book.settle();                                   // before the ledger is read
#pragma once

#include <cstdint>

#include "model/observe/ledger.h"
#include "model/tlm/core.h"
#include "model/tlm/mmu.h"

namespace nestwalk {

class CycleBook {
 public:
  CycleBook(const Core& core, const Mmu& mmu, Ledger& ledger)
      : core_(core), mmu_(mmu), ledger_(ledger), account_(&ledger.account({})) {}

  void select(AccountKey key) {
    settle();
    key_ = key;
    account_ = &ledger_.account(key);
  }

  [[nodiscard]] AccountKey key() const { return key_; }

  // Books what the workload's accesses took since the last time.
  void settle() {
    const Mark now = mark();
    account_->charge(Cause::kCore, now.core - last_.core);
    account_->charge(Cause::kTlbLookup, now.tlb - last_.tlb);
    account_->charge(Cause::kWalk, now.walk - last_.walk);
    account_->charge(Cause::kDataAccess, now.data - last_.data);
    last_ = now;
  }

  // Runs one access of software and books all its time, translation included, to one cause.
  template <class Body>
  decltype(auto) run_software(Cause cause, Body&& body) {
    settle();
    const std::uint64_t before = core_.now_cycles();
    auto result = body();
    account_->charge(cause, core_.now_cycles() - before);
    last_ = mark();
    return result;
  }

  // Cycles that software spent without an access.
  void charge(Cause cause, std::uint64_t cycles) { account_->charge(cause, cycles); }

 private:
  struct Mark {
    std::uint64_t core = 0;
    std::uint64_t tlb = 0;
    std::uint64_t walk = 0;
    std::uint64_t data = 0;
  };
  [[nodiscard]] Mark mark() const {
    if (core_.is_non_blocking()) {
      const StreamTimes& t = core_.stream_times();
      return {t.core, t.access.tlb, t.access.walk, t.access.data};
    }
    const MmuStats& m = mmu_.stats();
    return {core_.stats().base_cycles, m.tlb_cycles, m.walk_cycles, m.data_cycles};
  }

  const Core& core_;
  const Mmu& mmu_;
  Ledger& ledger_;
  AccountKey key_;
  Account* account_;
  Mark last_;
};

}  // namespace nestwalk
