// Who runs when on one core: virtual CPUs in turn, the processes of each in turn, the events of
// their streams and their faults. A core's client.
//
//   CoreDriver driver(run, slot, queue);   // queue: the virtual CPUs that wait for a core
//
// A virtual CPU keeps the core for one time slice of each of its processes, then the next one of
// the queue has it. Not for what a process does: see core_events.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <span>
#include <vector>

#include "model/sim/core_slot.h"
#include "model/sim/process_stats.h"
#include "model/sim/run.h"

namespace nestwalk {

class CoreDriver : public CoreClient {
 public:
  using Queue = std::deque<VcpuTurn>;

  CoreDriver(Run& run, CoreSlot& slot, Queue& queue);

  // CoreClient
  [[nodiscard]] std::span<const CoreAccess> next_batch() override;
  [[nodiscard]] bool serve_fault(const CoreAccess& access, const Fault& fault) override;

  // Books what has happened since the last switch; at the end of the run.
  void settle();

  [[nodiscard]] std::uint64_t num_accesses() const { return num_accesses_; }
  [[nodiscard]] std::uint64_t num_segfaults() const { return num_segfaults_; }
  [[nodiscard]] std::uint64_t num_vm_switches() const { return num_vm_switches_; }
  [[nodiscard]] const std::exception_ptr& error() const { return error_; }

 private:
  static constexpr std::size_t kMaxBatch = 1024;

  [[nodiscard]] Run::Machine& machine() const { return *run_.machines_[turn_.machine]; }
  [[nodiscard]] Vcpu& vcpu() const;
  [[nodiscard]] Task& task() const;
  // Of the current virtual CPU, from task `first` on: one that still has something to do.
  [[nodiscard]] bool find_task(std::size_t first);
  [[nodiscard]] bool choose_task();
  [[nodiscard]] bool take_turn();
  void create_processes();
  void switch_to_task();
  [[nodiscard]] bool fill_batch(Task& task);
  // core_host_events.cpp; what is due in the hypervisor.
  void serve_host_events();
  void serve_host_event(const HostEventParams& event);
  // core_switching.cpp; at the end of an interval of the VM's monitor.
  void serve_monitor();
  // core_events.cpp; in the guest's kernel.
  void follow_process(Task& task, std::uint32_t number);
  void apply_event(Task& task, const TraceRecord& record);
  void serve_segfault(const CoreAccess& access, const Fault& fault);
  void kill(const Task& task);

  Run& run_;
  CoreSlot& slot_;
  Queue& queue_;
  bool has_turn_ = false;
  VcpuTurn turn_;
  std::size_t task_ = 0;  // of the machine
  std::uint64_t slice_left_ = 0;
  std::size_t batch_limit_ = kMaxBatch;
  std::vector<CoreAccess> batch_;
  ProcessStats since_switch_;
  std::uint64_t num_accesses_ = 0;
  std::uint64_t num_segfaults_ = 0;
  std::uint64_t num_vm_switches_ = 0;
  std::exception_ptr error_;
};

}  // namespace nestwalk
