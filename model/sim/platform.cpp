#include "model/sim/platform.h"

#include <utility>

namespace nestwalk {

Platform::Platform(const MachineParams& params, TableWatch watch)
    : params_(params),
      clock_(params.clock_mhz),
      memory_(params.memory_bytes),
      core_("core0", params.core, clock_),
      mmu_("mmu0", params, clock_),
      walker_("walker0", params.walker, clock_),
      table_monitor_(watch == TableWatch::kOn ? std::make_unique<TableMonitor>("table_monitor0")
                                              : nullptr),
      l1i_(make_cache("l1i0", params.l1i)),
      l1d_(make_cache("l1d0", params.l1d)),
      l2_(make_cache("l20", params.l2)),
      llc_(make_cache("llc", params.llc)),
      dram_("dram", params.dram, clock_, memory_) {
  bind();
}

Platform::CachePtr Platform::make_cache(const char* name, const CacheParams& params) {
  return params.size_bytes == 0 ? nullptr : std::make_unique<Cache>(name, params, clock_, memory_);
}

template <class Socket>
void Platform::bind_path(Socket& socket, std::initializer_list<Cache*> path) {
  for (Cache* cache : path) {
    if (cache != nullptr) {
      socket.bind(cache->target_socket);
      return;
    }
  }
  socket.bind(dram_.target_socket);
}

template <class Socket>
void Platform::bind_table_path(Socket& socket) {
  switch (params_.table_path) {
    case TablePath::kL1d:
      bind_path(socket, {l1d_.get(), l2_.get(), llc_.get()});
      break;
    case TablePath::kL2:
      bind_path(socket, {l2_.get(), llc_.get()});
      break;
    case TablePath::kLlc:
      bind_path(socket, {llc_.get()});
      break;
    case TablePath::kFlat:
      bind_path(socket, {});
      break;
  }
}

void Platform::bind() {
  core_.cpu_socket.bind(mmu_.cpu_socket);
  core_.set_walker(walker_);
  mmu_.walk_socket.bind(walker_.walk_socket);
  bind_path(core_.physical_socket, {l1d_.get(), l2_.get(), llc_.get()});
  bind_path(mmu_.data_socket, {l1d_.get(), l2_.get(), llc_.get()});
  bind_path(mmu_.fetch_socket, {l1i_.get(), l2_.get(), llc_.get()});
  if (table_monitor_) {
    walker_.memory_socket.bind(table_monitor_->target_socket);
    bind_table_path(table_monitor_->memory_socket);
  } else {
    bind_table_path(walker_.memory_socket);
  }
  for (Cache* cache : {l1i_.get(), l1d_.get()}) {
    if (cache != nullptr) {
      bind_path(cache->memory_socket, {l2_.get(), llc_.get()});
    }
  }
  if (l2_) {
    bind_path(l2_->memory_socket, {llc_.get()});
  }
  if (llc_) {
    bind_path(llc_->memory_socket, {});
  }
}

std::uint64_t Platform::invalidate(const Invalidation& invalidation) {
  return mmu_.invalidate(invalidation) + walker_.invalidate(invalidation);
}

void Platform::flush_translations() {
  mmu_.flush();
  walker_.flush();
}

void Platform::register_stats(StatGroup& root) const {
  core_.register_stats(root.group("core0"));
  mmu_.register_stats(root.group("core0.mmu"));
  walker_.register_stats(root.group("core0.walker"));
  const std::pair<const char*, const Cache*> caches[] = {{"core0.l1i", l1i_.get()},
                                                         {"core0.l1d", l1d_.get()},
                                                         {"core0.l2", l2_.get()},
                                                         {"llc", llc_.get()}};
  for (const auto& [name, cache] : caches) {
    if (cache != nullptr) {
      cache->register_stats(root.group(name));
    }
  }
  StatGroup& dram = root.group("dram");
  dram_.register_stats(dram);
  dram.computed(
      "pages_with_content", [this] { return memory_.num_pages(); }, "pages",
      "4K pages of host memory that were ever written.");
}

void Platform::expect_laws(CounterLaws& laws) const {
  mmu_.expect_laws(laws);
  walker_.expect_laws(laws);
  laws.expect_equal(
      "core0: mmu walks = walker walks", [this] { return mmu_.stats().walks; },
      [this] { return walker_.stats().walks; });
  laws.expect_equal(
      "core0: access cycles = tlb + walk + data + physical accesses",
      [this] { return core_.stats().access_cycles; },
      [this] {
        const MmuStats& m = mmu_.stats();
        return m.tlb_cycles + m.walk_cycles + m.data_cycles + core_.stats().physical_cycles;
      });
}

}  // namespace nestwalk
