// Tells a translation checker what happens on a platform: translations, walks and invalidations of
// every core, writes to memory, and when software is done with its changes.
//
//   CheckerProbe probe(platform, {.num_cores = 2});
//   probe.watch_hypervisor(hypervisor, hypervisor_lock);
//   probe.watch_kernel(vm, kernel_lock);
//   ... simulate ...
//   probe.reports();
//
// Made after the platform and gone before it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/hypervisor/hypervisor.h"
#include "model/hypervisor/translation_checker.h"
#include "model/memory/memory_observer.h"
#include "model/sim/platform.h"
#include "model/sim/software_lock.h"
#include "model/walk/translation_observer.h"

namespace nestwalk {

class CheckerProbe : private TranslationObserver, private MemoryObserver {
 public:
  CheckerProbe(Platform& platform, const CheckerOptions& options);
  ~CheckerProbe() override;
  CheckerProbe(const CheckerProbe&) = delete;
  CheckerProbe& operator=(const CheckerProbe&) = delete;

  // Frames belong to whom the hypervisor says, guests do not write what its shadows protect, and
  // what they write is in its logs; its changes are over when it leaves its lock.
  void watch_hypervisor(const Hypervisor& hypervisor, SoftwareLock& lock);
  void watch_kernel(std::uint32_t vm, SoftwareLock& lock);

  [[nodiscard]] const TranslationChecker& checker() const { return checker_; }
  [[nodiscard]] TranslationChecker& checker() { return checker_; }
  // One text for each violation that was kept, and a line for those that were only counted.
  [[nodiscard]] std::vector<std::string> reports() const;

 private:
  void on_walk(const ObservedContext& where, const Access& access) override;
  void on_translation(const ObservedContext& where, const Access& access,
                      const Translation& translation, TranslationPath path) override;
  void on_acknowledged(unsigned core, const Invalidation& invalidation) override;
  void on_guest_context(unsigned core, const std::optional<WalkContext>& guest) override;
  void on_guest_acknowledged(unsigned core, const Invalidation& invalidation) override;
  void on_vm(unsigned core, std::uint32_t vm) override;
  void on_core_ended(unsigned core) override;
  void on_write(Hpa address, std::uint64_t num_bytes) override;
  void watch(SoftwareNumber software, SoftwareLock& lock);

  Platform& platform_;
  TranslationChecker checker_;
  unsigned last_core_ = 0;  // that did something; reports are dated by its time
};

}  // namespace nestwalk
