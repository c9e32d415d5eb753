#include "model/hypervisor/vm_teardown.h"

#include <vector>

#include "model/hypervisor/shadow_pager.h"

namespace nestwalk {
namespace {

struct Found {
  std::vector<FrameBlock> pages;
  std::vector<Hpa> tables;
};

void collect(HostStage& stage, HostEntry& entry, Found& found) {
  const EntryView view = stage.view(entry);
  if (view.is_leaf()) {
    found.pages.push_back({Hpa(view.address()), view.page_bits()});
  } else if (view.is_table()) {
    found.tables.emplace_back(view.address());
    stage.for_each_entry(entry, Hpa(view.address()),
                         [&](HostEntry& below) { collect(stage, below, found); });
  }
}

}  // namespace

void destroy(const HostContext& context, const FlushTargets& targets) {
  HostStage stage(context, Cause::kVmTeardown);
  Vm& vm = context.vm;
  vm.tag_number =
      static_cast<std::uint32_t>(vm.id) + 1;  // others that it had are never given again
  if (!vm.shadow.cores
           .empty()) {  // it is or was under shadow paging, and its tag is another's soon
    ShadowPager(context.port, context.machine, context.frames, vm).drop_all();
  }
  Found found;
  for (std::uint64_t index = 0; index < bit(vm.format().level[vm.format().levels].index_bits);
       ++index) {
    const unsigned level = vm.format().levels;
    HostEntry entry{Gpa(index << vm.format().level[level].index_low),
                    vm.root + index * vm.format().entry_bytes, 0, level};
    stage.read(entry);
    if (stage.view(entry).is_present()) {
      collect(stage, entry, found);
      stage.store(entry, 0);
    }
  }
  stage.flush(targets);
  stage.spend(std::uint64_t{stage.params().page_update_cycles} * found.pages.size());
  stage.free(found.pages);
  for (const Hpa table : found.tables) {
    stage.free_table(table);
  }
  stage.free_table(vm.root);
  vm.exists = false;
  vm.dirty_log.reset();
  vm.ballooned = {};
  vm.swap = {};
  vm.shadow = {};
}

}  // namespace nestwalk
