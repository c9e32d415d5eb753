// Kind tables: N VMs with M processes each: how many shadow tables, and how much memory, beside the
// tables of the host stage and of the guests.
#include <fmt/format.h>

#include "model/cli/experiment.h"
#include "model/cli/experiment_run.h"

namespace nestwalk {

namespace {

constexpr Gva kBase{0x40000000};
constexpr std::uint64_t kPagesPerTable = 512;

struct Tables {
  std::uint64_t guest = 0;
  std::uint64_t boot = 0;  // of these
  std::uint64_t host = 0;
  std::uint64_t shadow = 0;
};

Tables tables_of(const ExperimentParams& params, std::uint32_t num_vms, std::uint32_t num_processes,
                 Mode mode) {
  Script script;
  script.map(kBase, params.grid.pages_per_process << kSmallPageBits);
  for (std::uint64_t page = 0; page < params.grid.pages_per_process; ++page) {
    script.write(kBase + (page << kSmallPageBits));
  }
  ExperimentJob job = with_script(params.run, script);
  job.has_log = false;
  job.params.region = {};
  job.params.mode = mode;
  job.params.vms.resize(1);
  job.params.vms[0].processes.assign(num_processes, ProcessParams{});
  job.params.vms.resize(num_vms, job.params.vms[0]);
  const ExperimentRun run = run_apart(job);
  Tables tables;
  tables.boot = run.sum("vm#.guest.boot_tables");
  tables.guest =
      tables.boot + run.sum("vm#.guest.tables_allocated") - run.sum("vm#.guest.tables_freed");
  tables.host = run.sum("hypervisor.vm#.tables_allocated");
  tables.shadow = mode == Mode::kShadow ? run.sum("hypervisor.vm#.shadow.tables_live") : 0;
  return tables;
}

// Root, levels 3 and 2, and the last level: what a process needs that shares nothing.
std::uint64_t tables_of_a_process(std::uint64_t num_pages) {
  return 3 + (num_pages + kPagesPerTable - 1) / kPagesPerTable;
}

}  // namespace

ExperimentResult run_tables(const ExperimentParams& params) {
  TextTable table{"Tables of 4 KiB at the end, all VMs together",
                  {"VMs", "processes each", "guest tables", "EPT tables", "shadow tables",
                   "shadow KiB", "shadow paging: all KiB", "nested paging: all KiB"},
                  {}};
  const std::uint64_t own = tables_of_a_process(params.grid.pages_per_process);
  bool shadow_follows = true;
  bool host_follows = true;
  for (std::uint32_t vms = 1; vms <= params.grid.max_vms; vms *= 2) {
    for (std::uint32_t processes = 1; processes <= params.grid.max_processes; processes *= 2) {
      const Tables shadow = tables_of(params, vms, processes, Mode::kShadow);
      const Tables nested = tables_of(params, vms, processes, Mode::kNested);
      const std::uint64_t frames =
          nested.boot / vms + processes * (own + params.grid.pages_per_process);
      const std::uint64_t of_vm = 3 + (frames + kPagesPerTable - 1) / kPagesPerTable;
      shadow_follows &= shadow.shadow == vms * (of_vm + processes * own);
      host_follows &= nested.host == vms * of_vm && shadow.host == nested.host;
      table.rows.push_back({std::to_string(vms), std::to_string(processes),
                            std::to_string(shadow.guest), std::to_string(nested.host),
                            std::to_string(shadow.shadow), std::to_string(4 * shadow.shadow),
                            std::to_string(4 * (shadow.guest + shadow.host + shadow.shadow)),
                            std::to_string(4 * (nested.guest + nested.host))});
    }
  }
  ExperimentResult result;
  result.tables.push_back(table);
  result.claims.push_back(
      {"EPT: N x (3 + F / 512), rounded up, tables for F frames of 4K that the guest uses",
       host_follows});
  result.claims.push_back(
      {fmt::format("shadow: N x (3 + F / 512 + {} x M) tables: a kernel half, and "
                   "{} for each process",
                   own, own),
       shadow_follows});
  return result;
}

}  // namespace nestwalk
