#include "model/sim/checker_probe.h"

#include <fmt/format.h>

namespace nestwalk {

CheckerProbe::CheckerProbe(Platform& platform, const CheckerOptions& options)
    : platform_(platform), checker_(options) {
  checker_.set_clock([this] { return platform_.core(last_core_).now_cycles(); });
  platform_.memory().set_observer(this);
  platform_.set_observer(this);
}

CheckerProbe::~CheckerProbe() {
  platform_.memory().set_observer(nullptr);
  platform_.set_observer(nullptr);
}

void CheckerProbe::watch_hypervisor(const Hypervisor& hypervisor, SoftwareLock& lock) {
  CheckedSoftware software;
  software.owners = &hypervisor.owners();
  checker_.set_software(software);
  watch(kHypervisorSoftware, lock);
}

void CheckerProbe::watch_kernel(std::uint32_t vm, SoftwareLock& lock) {
  watch(kernel_of(vm), lock);
}

void CheckerProbe::watch(SoftwareNumber software, SoftwareLock& lock) {
  lock.set_watch([this, software](bool comes_in) {
    if (comes_in) {
      checker_.software_entered(software);
    } else {
      checker_.software_left(software);
    }
  });
}

void CheckerProbe::on_walk(const ObservedContext& where, const Access& access) {
  last_core_ = where.core;
  checker_.on_walk(platform_.memory(), where, access);
}

void CheckerProbe::on_translation(const ObservedContext& where, const Access& access,
                                  const Translation& translation, TranslationPath path) {
  last_core_ = where.core;
  checker_.on_translation(platform_.memory(), where, access, translation, path);
}

void CheckerProbe::on_acknowledged(unsigned core, const Invalidation& invalidation) {
  last_core_ = core;
  checker_.on_acknowledged(core, invalidation);
}

void CheckerProbe::on_write(Hpa address, std::uint64_t num_bytes) {
  checker_.on_write(platform_.memory(), {address, num_bytes});
}

std::vector<std::string> CheckerProbe::reports() const {
  std::vector<std::string> reports;
  for (const Violation& violation : checker_.violations()) {
    reports.push_back(text_of(violation));
  }
  const std::uint64_t all = checker_.statistics().num_violations();
  if (all > reports.size()) {
    reports.push_back(fmt::format("{} more, which are only counted (checker.violations)\n",
                                  all - reports.size()));
  }
  return reports;
}

}  // namespace nestwalk
