#include "model/sim/checker_probe.h"

#include <fmt/format.h>

namespace nestwalk {
namespace {

bool is_protected(const Vm& vm, const Translation& t) {
  return vm.is_shadowed() && vm.shadow.cache.is_protected(t.gpa.page(kSmallPageBits));
}

// By D bits a page is in the log from the write on that sets its bit, which is in the entry.
bool is_clean_in_log(const Vm& vm, const Translation& t) {
  return vm.dirty_log && vm.dirty_log->method == DirtyLogMethod::kWriteProtect &&
         vm.dirty_log->covers(t.gpa) && !vm.dirty_log->dirty.contains(t.gpa.page(kSmallPageBits));
}

}  // namespace

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
  // Each costs a look-up for every access, so only where there can be something to find.
  const auto any_vm = [&hypervisor](auto&& has) {
    for (std::uint32_t vm = 0; vm < hypervisor.num_vms(); ++vm) {
      if (has(hypervisor.vm(VmId{vm}))) {
        return true;
      }
    }
    return false;
  };
  if (any_vm([](const Vm& vm) { return vm.is_shadowed() || vm.may_switch(); })) {
    software.is_write_protected = [&hypervisor](std::uint32_t vm, const Translation& t) {
      return is_protected(hypervisor.vm(VmId{vm}), t);
    };
  }
  if (any_vm([](const Vm& vm) { return !vm.params.host_events.empty(); })) {
    software.is_clean_in_log = [&hypervisor](std::uint32_t vm, const Translation& t) {
      return is_clean_in_log(hypervisor.vm(VmId{vm}), t);
    };
  }
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

void CheckerProbe::on_guest_context(unsigned core, const std::optional<WalkContext>& guest) {
  checker_.set_reference(core, guest);
}

void CheckerProbe::on_guest_acknowledged(unsigned core, const Invalidation& invalidation) {
  last_core_ = core;
  checker_.on_guest_acknowledged(core, invalidation);
}

void CheckerProbe::on_vm(unsigned core, std::uint32_t vm) {
  checker_.set_vm(core, vm);
}

void CheckerProbe::on_core_ended(unsigned core) {
  checker_.on_core_ended(core);
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
