#include "model/hypervisor/vm.h"

namespace nestwalk {

Tags Vm::tags() const {
  Tags tags;
  if (rules() == TagRules::kAmd) {
    tags.asid = Asid{tag_number};
    return tags;
  }
  tags.vpid = params.vpid ? Vpid{static_cast<std::uint16_t>(tag_number)} : Vpid{0};
  tags.ep4ta = Ep4ta{root.value()};
  return tags;
}

void VmStatistics::register_stats(StatGroup& group) const {
  group.counter("exits", &exits, "count", "VM exits.");
  group.counter("ept_violations", &ept_violations, "count", "Exits for an EPT violation.");
  group.counter("nested_page_faults", &nested_page_faults, "count",
                "Exits for a nested page fault.");
  group.counter("ept_misconfigurations", &ept_misconfigurations, "count",
                "Exits for an EPT misconfiguration; they end the VM.");
  group.counter("guest_table_faults", &guest_table_faults, "count",
                "Violations and nested page faults on an access to a guest table.");
  group.counter("spurious_faults", &spurious_faults, "count",
                "Faults on an entry that permitted the access by then.");
  group.counter("rights_raised", &rights_raised, "count",
                "Faults on a present entry, given back the rights it lacked.");
  group.counter("beyond_memory", &beyond_memory, "count",
                "Accesses beyond guest memory; they end the VM.");
  group.counter("out_of_memory", &out_of_memory, "count",
                "Faults that found no host frame for a page or its tables.");
  StatGroup& pages = group.group("pages_backed");
  pages.counter("level1", &pages_backed[0], "pages", "4K host pages given to the VM.");
  pages.counter("level2", &pages_backed[1], "pages",
                "2M host pages (npt-2level: 4M) given to the VM.");
  pages.counter("level3", &pages_backed[2], "pages", "1G host pages given to the VM.");
  group.counter("backing_fallbacks", &backing_fallbacks, "pages",
                "Host pages smaller than preferred: guest memory or free frames did not allow it.");
  group.counter("tables_allocated", &tables_allocated, "tables",
                "Tables of the host stage, the root included.");
  group.counter("table_reads", &table_reads, "count", "Table entries loaded by the hypervisor.");
  group.counter("table_writes", &table_writes, "count", "Table entries stored by the hypervisor.");
  StatGroup& switches = group.group("switches");
  switches.counter("to_shadow", &switches_to_shadow, "count",
                   "Switches from nested to shadow paging.");
  switches.counter("to_nested", &switches_to_nested, "count",
                   "Switches from shadow to nested paging.");
  switches.counter("refused", &switches_refused, "count",
                   "Switches to shadow paging for which the host had no frames; the VM went on.");
  pager.register_stats(group);
}

}  // namespace nestwalk
