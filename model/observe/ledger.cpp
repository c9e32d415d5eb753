#include "model/observe/ledger.h"

#include <numeric>

#include <fmt/format.h>

#include "model/observe/statistics.h"

namespace nestwalk {

namespace {

constexpr std::string_view kUnit = "cycles";

}  // namespace

std::uint64_t Account::cycles() const {
  return std::accumulate(cycles_.begin(), cycles_.end(), std::uint64_t{0});
}

Account& Account::operator+=(const Account& other) {
  for (unsigned cause = 0; cause < kNumCauses; ++cause) {
    cycles_[cause] += other.cycles_[cause];
  }
  return *this;
}

Account Account::since(const Account& before) const {
  Account difference = *this;
  for (unsigned cause = 0; cause < kNumCauses; ++cause) {
    difference.cycles_[cause] -= before.cycles_[cause];
  }
  return difference;
}

void Account::register_stats(StatGroup& group) const {
  for (unsigned cause = 0; cause < kNumCauses; ++cause) {
    group.counter(kCauses[cause].name, &cycles_[cause], kUnit, kCauses[cause].text);
  }
  group.computed(
      "total", [this] { return cycles(); }, kUnit, "Cycles of all causes.");
}

Account Ledger::total() const {
  Account sum;
  for (const auto& [key, account] : accounts_) {
    sum += account;
  }
  return sum;
}

Account Ledger::total_of_vm(std::uint32_t vm) const {
  Account sum;
  for (const auto& [key, account] : accounts_) {
    if (key.vm == vm) {
      sum += account;
    }
  }
  return sum;
}

void Ledger::register_stats(StatGroup& group) const {
  StatGroup& total_group = group.group("total");
  for (unsigned i = 0; i < kNumCauses; ++i) {
    const auto cause = static_cast<Cause>(i);
    total_group.computed(
        kCauses[i].name, [this, cause] { return total().cycles(cause); }, kUnit, kCauses[i].text);
  }
  total_group.computed(
      "total", [this] { return total().cycles(); }, kUnit, "Cycles of all causes.");
  for (const auto& [key, account] : accounts_) {
    account.register_stats(group.group(fmt::format("vm{}.process{}", key.vm, key.process)));
  }
}

}  // namespace nestwalk
