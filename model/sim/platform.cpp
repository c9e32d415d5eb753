#include "model/sim/platform.h"

#include <utility>

#include "model/sim/walker_models.h"

namespace nestwalk {

Platform::Unit::Unit(const std::string& index, Platform& platform, TableWatch watch)
    : core(("core" + index).c_str(), {platform.params_.core, platform.params_.timing},
           platform.queue_, platform.clock_),
      mmu(("mmu" + index).c_str(), platform.params_, platform.queue_, platform.clock_),
      walker(make_walker({"walker" + index, platform.params_, platform.queue_, platform.clock_})),
      monitor(watch == TableWatch::kOn
                  ? std::make_unique<TableMonitor>(("table_monitor" + index).c_str())
                  : nullptr),
      l1i(platform.make_cache("l1i" + index, platform.params_.l1i)),
      l1d(platform.make_cache("l1d" + index, platform.params_.l1d)),
      l2(platform.make_cache("l2_" + index, platform.params_.l2)) {}

Platform::Platform(const MachineParams& params, TableWatch watch)
    : params_(params),
      clock_(params.clock_mhz),
      queue_("event_queue", clock_),
      memory_(params.memory_bytes),
      llc_(make_cache("llc", params.llc)),
      dram_("dram", params.dram, queue_, clock_, memory_) {
  for (unsigned i = 0; i < params.cores; ++i) {
    units_.push_back(std::make_unique<Unit>(std::to_string(i), *this, watch));
    bind(*units_.back());
  }
  if (llc_) {
    bind_path(llc_->memory_socket, {});
  }
}

Platform::CachePtr Platform::make_cache(const std::string& name, const CacheParams& params) {
  return params.size_bytes == 0
             ? nullptr
             : std::make_unique<Cache>(name.c_str(), params, queue_, clock_, memory_);
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
void Platform::bind_table_path(Unit& unit, Socket& socket) {
  switch (params_.table_path) {
    case TablePath::kL1d:
      bind_path(socket, {unit.l1d.get(), unit.l2.get(), llc_.get()});
      break;
    case TablePath::kL2:
      bind_path(socket, {unit.l2.get(), llc_.get()});
      break;
    case TablePath::kLlc:
      bind_path(socket, {llc_.get()});
      break;
    case TablePath::kFlat:
      bind_path(socket, {});
      break;
  }
}

void Platform::bind(Unit& unit) {
  unit.core.cpu_socket.bind(unit.mmu.cpu_socket);
  unit.core.set_walker(*unit.walker);
  unit.mmu.walk_socket.bind(unit.walker->walk_socket);
  bind_path(unit.core.physical_socket, {unit.l1d.get(), unit.l2.get(), llc_.get()});
  bind_path(unit.mmu.data_socket, {unit.l1d.get(), unit.l2.get(), llc_.get()});
  bind_path(unit.mmu.fetch_socket, {unit.l1i.get(), unit.l2.get(), llc_.get()});
  if (unit.monitor) {
    unit.walker->memory_socket.bind(unit.monitor->target_socket);
    bind_table_path(unit, unit.monitor->memory_socket);
  } else {
    bind_table_path(unit, unit.walker->memory_socket);
    if (params_.table_path == TablePath::kFlat) {
      unit.walker->connect_directly(dram_);
    }
  }
  for (Cache* cache : {unit.l1i.get(), unit.l1d.get()}) {
    if (cache != nullptr) {
      bind_path(cache->memory_socket, {unit.l2.get(), llc_.get()});
    }
  }
  if (unit.l2) {
    bind_path(unit.l2->memory_socket, {llc_.get()});
  }
}

std::uint64_t Platform::invalidate(unsigned core, const Invalidation& invalidation, Fence* fence) {
  Unit& unit = *units_[core];
  return unit.mmu.invalidate(invalidation, fence) + unit.walker->invalidate(invalidation, fence);
}

void Platform::set_observer(TranslationObserver* observer) {
  observer_ = observer;
  for (unsigned i = 0; i < num_cores(); ++i) {
    units_[i]->mmu.set_observer(observer, i);
  }
}

void Platform::flush_translations() {
  for (const std::unique_ptr<Unit>& unit : units_) {
    unit->mmu.flush();
    unit->walker->flush();
  }
}

void Platform::register_stats(StatGroup& root) const {
  for (std::size_t i = 0; i < units_.size(); ++i) {
    const Unit& unit = *units_[i];
    StatGroup& group = root.group("core" + std::to_string(i));
    unit.core.register_stats(group);
    unit.mmu.register_stats(group.group("mmu"));
    unit.walker->register_stats(group.group("walker"));
    const std::pair<const char*, const Cache*> caches[] = {
        {"l1i", unit.l1i.get()}, {"l1d", unit.l1d.get()}, {"l2", unit.l2.get()}};
    for (const auto& [name, cache] : caches) {
      if (cache != nullptr) {
        cache->register_stats(group.group(name));
      }
    }
  }
  if (llc_) {
    llc_->register_stats(root.group("llc"));
  }
  StatGroup& dram = root.group("dram");
  dram_.register_stats(dram);
  dram.computed(
      "pages_with_content", [this] { return memory_.num_pages(); }, "pages",
      "4K pages of host memory that were ever written.");
}

std::vector<std::string> Platform::problems() const {
  std::vector<std::string> all;
  for (const std::unique_ptr<Unit>& unit : units_) {
    for (const std::string& problem : unit->walker->problems()) {
      all.push_back(std::string(unit->walker->name()) + ": " + problem);
    }
  }
  return all;
}

void Platform::expect_laws(CounterLaws& laws) const {
  for (const std::unique_ptr<Unit>& owner : units_) {
    const Unit& unit = *owner;
    unit.mmu.expect_laws(laws);
    unit.walker->expect_laws(laws);
    const std::string name = unit.core.name();
    laws.expect_equal(
        name + ": mmu walks = walker walks",
        [&unit] { return unit.mmu.stats().walks + unit.mmu.num_prefetch_walks(); },
        [&unit] { return unit.walker->stats().walks; });
    laws.expect_equal(
        name + ": access cycles = tlb + walk + data + physical accesses",
        [&unit] { return unit.core.stats().access_cycles; },
        [&unit] {
          const MmuStats& m = unit.mmu.stats();
          return m.tlb_cycles + m.walk_cycles + m.data_cycles + unit.core.stats().physical_cycles;
        });
  }
}

}  // namespace nestwalk
