#include "tests/support/run_bench.h"

#include <gtest/gtest.h>
#include <cstddef>
#include <cstring>
#include <exception>
#include <nlohmann/json.hpp>

#include "model/arch/splitmix.h"
#include "model/memory/sparse_memory.h"
#include "model/memory/table_builder.h"
#include "model/sim/run.h"
#include "tests/support/child.h"

namespace nestwalk {
namespace {

constexpr const char* kEndNames[] = {"finished", "interrupted", "vm_stopped", "measured"};

// Zero words count as never written.
std::uint64_t checksum_of(const SparseMemory& memory) {
  std::uint64_t sum = 0;
  memory.for_each_page([&sum](Hpa first, const std::byte* content) {
    for (std::size_t offset = 0; offset < SparseMemory::kPageBytes; offset += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, content + offset, sizeof word);
      if (word != 0) {
        sum += SplitMix(word ^ SplitMix(first.value() + offset).draw()).draw();
      }
    }
  });
  return sum;
}

// Reads the tables of a host stage.
struct HostTables {
  const SparseMemory& memory;
  [[nodiscard]] std::uint64_t read(std::uint64_t address, unsigned num_bytes) const {
    return memory.read(Hpa(address), num_bytes);
  }
};

// Of what the guests have in memory, wherever the host keeps it.
std::uint64_t checksum_of_guests(Run& run, const RunParams& params) {
  const SparseMemory& memory = run.platform().memory();
  std::uint64_t sum = 0;
  const auto add_page = [&](std::uint64_t vm, Gpa gpa, const std::byte* content) {
    for (std::size_t offset = 0; content != nullptr && offset < SparseMemory::kPageBytes;
         offset += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, content + offset, sizeof word);
      if (word != 0) {
        const std::uint64_t place = vm << 56 ^ (gpa.value() + offset);
        sum += SplitMix(word ^ SplitMix(place).draw()).draw();
      }
    }
  };
  if (run.hypervisor() == nullptr) {
    memory.for_each_page(
        [&](Hpa page, const std::byte* content) { add_page(0, Gpa(page.value()), content); });
    return sum;
  }
  for (std::uint32_t id = 0; id < params.vms.size(); ++id) {
    const Vm& vm = run.hypervisor()->vm(VmId{id});
    TableBuilder tables(vm.format(), vm.root.value(), HostTables{memory});
    tables.for_each_leaf([&](std::uint64_t gpa, const FoundLeaf& leaf) {
      for (std::uint64_t at = 0; at < bit(leaf.page_bits); at += SparseMemory::kPageBytes) {
        add_page(id, Gpa(gpa + at), memory.page_if_present(Hpa(leaf.output_address + at)));
      }
    });
  }
  return sum;
}

std::string run_here(const RunParams& params, const VcpuFactory& make_vcpu) {
  nlohmann::json report;
  try {
    Run run(params, make_vcpu);
    nlohmann::json intervals = nlohmann::json::array();
    RunHooks hooks;
    hooks.interval = [&intervals](const RunInterval& interval) {
      intervals.push_back({{"begin", interval.begin_accesses},
                           {"end", interval.end_accesses},
                           {"is_warmup", interval.is_warmup},
                           {"statistics", interval.statistics.values_to_json().dump()}});
    };
    const RunResult result = run.execute(hooks);
    report["end"] = kEndNames[static_cast<unsigned>(result.end)];
    report["message"] = result.message;
    report["law_violations"] = result.law_violations;
    report["check_violations"] = result.check_violations;
    report["walker_problems"] = result.walker_problems;
    report["segfaults"] = run.num_segfaults();
    report["core_cycles"] = run.platform().core().now_cycles();
    report["ledger_cycles"] = run.ledger().total().cycles();
    report["num_pages"] = run.platform().memory().num_pages();
    report["memory_checksum"] = checksum_of(run.platform().memory());
    report["guest_checksum"] = checksum_of_guests(run, params);
    report["statistics"] = run.region().statistics().to_json().dump();
    report["whole_run"] = run.statistics().to_json().dump();
    report["warmup_accesses"] = run.region().warmup_accesses();
    report["measured_accesses"] = run.region().measured_accesses();
    report["intervals"] = intervals;
  } catch (const VmStopped& stopped) {
    report["end"] = "vm_stopped";
    report["message"] = stopped.what();
  } catch (const std::exception& error) {
    report["end"] = "exception";
    report["message"] = error.what();
  }
  return report.dump();
}

}  // namespace

std::uint64_t RunReport::count(const std::string& name) const {
  const nlohmann::json all = nlohmann::json::parse(statistics);
  const nlohmann::json* at = &all.at("statistics");
  for (std::size_t first = 0; first <= name.size();) {
    const std::size_t dot = std::min(name.find('.', first), name.size());
    const std::string part = name.substr(first, dot - first);
    if (!at->contains(part)) {
      ADD_FAILURE() << "no statistic " << name;
      return 0;
    }
    at = &at->at(part);
    first = dot + 1;
  }
  return at->get<std::uint64_t>();
}

RunReport run_apart(const RunParams& params) {
  RunReport report = run_apart(params, VcpuFactory());
  for (const std::string& violation : report.check_violations) {
    ADD_FAILURE() << violation;
  }
  for (const std::string& problem : report.walker_problems) {
    ADD_FAILURE() << problem;
  }
  return report;
}

RunReport run_apart(const RunParams& params, const VcpuFactory& make_vcpu) {
  const std::string text = text_of_child([&] { return run_here(params, make_vcpu); });
  RunReport report;
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) {
    report.end = "crashed";
    return report;
  }
  report.end = json.at("end");
  report.message = json.at("message");
  if (json.contains("statistics")) {
    report.law_violations = json.at("law_violations").get<std::vector<std::string>>();
    report.check_violations = json.at("check_violations").get<std::vector<std::string>>();
    report.walker_problems = json.at("walker_problems").get<std::vector<std::string>>();
    report.num_segfaults = json.at("segfaults");
    report.core_cycles = json.at("core_cycles");
    report.ledger_cycles = json.at("ledger_cycles");
    report.num_pages = json.at("num_pages");
    report.memory_checksum = json.at("memory_checksum");
    report.guest_checksum = json.at("guest_checksum");
    report.statistics = json.at("statistics");
    report.whole_run = json.at("whole_run");
    report.warmup_accesses = json.at("warmup_accesses");
    report.measured_accesses = json.at("measured_accesses");
    for (const auto& interval : json.at("intervals")) {
      report.intervals.push_back({interval.at("begin"), interval.at("end"),
                                  interval.at("is_warmup"), interval.at("statistics")});
    }
  }
  return report;
}

RunParams small_run() {
  RunParams params;
  params.check = Check::kAll;
  params.machine.memory_bytes = std::uint64_t{2} << 30;
  params.vms[0].vm.memory_bytes = std::uint64_t{512} << 20;
  WorkloadParams& workload = params.vms[0].processes[0].workload;
  workload.kind = WorkloadKind::kGups;
  workload.num_accesses = 2000;
  workload.footprint_bytes = std::uint64_t{4} << 20;
  workload.base_address = 0x4000'0000;
  workload.operation = WorkloadOperation::kUpdate;
  return params;
}

}  // namespace nestwalk
