// A guest on cores that forget nothing: every translation and every pointer to a table that a walk
// has used stays cached until an invalidation that reaches that core drops it. So a flush that is
// missing, early or on the wrong core shows, and a frame that is freed before its flush is used
// afterwards.
//
//   Host host;
//   StickyGuest guest(host, vm, 2);        // two cores
//   guest.write(0, 0x5000, 7);             // core 0; faults go to the hypervisor
//   guest.expect_caches_are_true();        // after an operation
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "model/hypervisor/host_stage.h"
#include "tests/unit/hypervisor_mock_port.h"

namespace nestwalk::test {

class StickyGuest {
 public:
  StickyGuest(Host& host, VmId vm, unsigned num_cores) : host_(host), vm_(vm), cores_(num_cores) {
    const TableShape shape = shape_of(params().format);
    unsigned shift = shape.first_shift;
    for (auto bits = shape.index_bits.rbegin(); bits != shape.index_bits.rend(); ++bits) {
      shifts_.push_back(shift);
      index_bits_.push_back(*bits);
      shift += *bits;
    }
    for (unsigned core = 0; core < num_cores; ++core) {
      targets_.cores.push_back(core);
    }
    previous_ = std::exchange(host_.port.on_invalidate, nullptr);
    host_.port.on_invalidate = [this](const Invalidation& drop, unsigned core) {
      if (previous_) {
        previous_(drop, core);
      }
      receive(drop, core);
    };
  }
  ~StickyGuest() { host_.port.on_invalidate = std::move(previous_); }
  StickyGuest(const StickyGuest&) = delete;
  StickyGuest& operator=(const StickyGuest&) = delete;

  const FlushTargets& targets() const { return targets_; }
  const VmParams& params() const { return host_.hypervisor.vm(vm_).params; }
  const Vm& vm() const { return host_.hypervisor.vm(vm_); }
  HostContext context() { return host_.hypervisor.host_context(host_.port, vm_); }
  bool has_accessed_dirty() const { return !shape().is_ept || params().accessed_dirty; }
  std::uint64_t flag(unsigned ept_bit, unsigned x86_bit) const {
    return bit(shape().is_ept ? ept_bit : x86_bit);
  }

  // An access that faults is served until it succeeds; false: the host is out of memory.
  bool write(unsigned core, std::uint64_t gpa, std::uint64_t value) {
    const std::optional<std::uint64_t> hpa = serve(core, gpa, true);
    if (hpa) {
      host_.memory.write(Hpa(*hpa), 8, value);
    }
    return hpa.has_value();
  }
  std::optional<std::uint64_t> read(unsigned core, std::uint64_t gpa) {
    const std::optional<std::uint64_t> hpa = serve(core, gpa, false);
    return hpa ? std::optional(host_.memory.read(Hpa(*hpa), 8)) : std::nullopt;
  }
  // While the hypervisor is at work elsewhere: false if the access would have to wait for it.
  bool try_write(unsigned core, std::uint64_t gpa, std::uint64_t value) {
    const std::optional<std::uint64_t> hpa = access(core, gpa, true);
    if (hpa) {
      host_.memory.write(Hpa(*hpa), 8, value);
    }
    return hpa.has_value();
  }
  std::optional<std::uint64_t> try_read(unsigned core, std::uint64_t gpa) {
    const std::optional<std::uint64_t> hpa = access(core, gpa, false);
    return hpa ? std::optional(host_.memory.read(Hpa(*hpa), 8)) : std::nullopt;
  }
  std::uint64_t num_faults() const { return num_faults_; }

  // What is cached gives no more than the tables do now, in the same size, and stands for the A and
  // D that are set. Nothing leads to a frame that the VM does not own.
  void expect_caches_are_true() const {
    for (const Core& core : cores_) {
      for (const auto& [page, cached] : core.pages) {
        const auto leaf = host_.walk(vm_, page << 12);
        ASSERT_TRUE(leaf.has_value()) << "a cached page of GPA " << (page << 12) << " is gone";
        EXPECT_EQ(leaf->output, cached.frame << 12);
        EXPECT_EQ(leaf->page_bits, cached.bits) << "two sizes of GPA " << (page << 12);
        EXPECT_TRUE(leaf->write || !cached.write) << "GPA " << (page << 12);
        if (has_accessed_dirty()) {
          EXPECT_TRUE((leaf->entry & flag(ept::kAccessed, x86::kAccessed)) != 0);
          EXPECT_TRUE((leaf->entry & flag(ept::kDirty, x86::kDirty)) != 0 || !cached.dirty);
        }
        expect_owned(cached.frame << 12, FrameUse::kGuestFrame);
      }
      for (const auto& [key, table] : core.tables) {
        EXPECT_EQ(table_of(key.first, key.second), table) << "a pointer to an old table";
        expect_owned(table, FrameUse::kHostTable);
      }
    }
  }
  bool is_cached(unsigned core, std::uint64_t gpa) const {
    return cores_[core].pages.contains(gpa >> 12);
  }
  std::size_t num_cached() const {
    std::size_t sum = 0;
    for (const Core& core : cores_) {
      sum += core.pages.size() + core.tables.size();
    }
    return sum;
  }

 private:
  struct Cached {
    std::uint64_t frame = 0;
    unsigned bits = 12;
    bool write = false;
    bool dirty = false;
  };
  struct Core {
    std::map<std::uint64_t, Cached> pages;                               // by GPA page
    std::map<std::pair<unsigned, std::uint64_t>, std::uint64_t> tables;  // by level and GPA prefix
  };

  TableShape shape() const { return shape_of(params().format); }
  unsigned levels() const { return static_cast<unsigned>(shifts_.size()); }
  unsigned shift(unsigned level) const { return shifts_[level - 1]; }

  void expect_owned(std::uint64_t hpa, FrameUse use) const {
    const FrameOwner wanted{use, static_cast<std::uint32_t>(vm_)};
    EXPECT_EQ(host_.hypervisor.owners().owner(Hpa(hpa)), wanted)
        << "frame " << hpa << " is used by a VM that does not own it";
  }

  // The table of a level that holds the entry for an address; 0: none.
  std::uint64_t table_of(unsigned level, std::uint64_t prefix) const {
    const unsigned bytes = shape().entry_bytes;
    const std::uint64_t gpa = prefix << (shift(level) + index_bits_[level - 1]);
    std::uint64_t table = vm().root.value();
    for (unsigned at = levels(); at > level; --at) {
      const std::uint64_t entry = host_.memory.read(Hpa(entry_address(table, at, gpa)), bytes);
      if (!is_present(entry) || is_leaf(entry, at)) {
        return 0;
      }
      table = entry & mask(51, 12);
    }
    return table;
  }
  std::uint64_t entry_address(std::uint64_t table, unsigned level, std::uint64_t gpa) const {
    const std::uint64_t index = (gpa >> shift(level)) % bit(index_bits_[level - 1]);
    return table + index * shape().entry_bytes;
  }
  bool is_present(std::uint64_t entry) const { return (entry & (shape().is_ept ? 7U : 1U)) != 0; }
  bool is_leaf(std::uint64_t entry, unsigned level) const {
    return level == 1 || ((entry & bit(7)) != 0 && !(shape().pae_top && level == 3));
  }

  // By what is cached, else by a walk that begins at the deepest table known. Nothing: a fault.
  std::optional<std::uint64_t> access(unsigned core, std::uint64_t gpa, bool write) {
    const auto hit = cores_[core].pages.find(gpa >> 12);
    if (hit != cores_[core].pages.end()) {
      const Cached& cached = hit->second;
      if (!write || (cached.write && (cached.dirty || !has_accessed_dirty()))) {
        expect_owned(cached.frame << 12, FrameUse::kGuestFrame);
        return (cached.frame << 12) + gpa % 4096;
      }
    }
    return walk(core, gpa, write);
  }

  std::optional<std::uint64_t> walk(unsigned core, std::uint64_t gpa, bool write) {
    Core& me = cores_[core];
    const unsigned bytes = shape().entry_bytes;
    unsigned level = levels();
    std::uint64_t table = vm().root.value();
    for (unsigned at = 1; at < levels(); ++at) {
      const auto known = me.tables.find({at, gpa >> (shift(at) + index_bits_[at - 1])});
      if (known != me.tables.end()) {
        level = at;
        table = known->second;
        break;
      }
    }
    std::vector<std::pair<std::uint64_t, std::uint64_t>> passed;  // address and value
    std::vector<std::pair<unsigned, std::uint64_t>> tables;       // level and address
    for (;; --level) {
      expect_owned(table, FrameUse::kHostTable);
      const std::uint64_t address = entry_address(table, level, gpa);
      const std::uint64_t entry = host_.memory.read(Hpa(address), bytes);
      if (!is_present(entry)) {
        return std::nullopt;
      }
      if (is_leaf(entry, level)) {
        return finish(me, gpa, write, {level, address, entry}, passed, tables);
      }
      if (!(shape().pae_top && level == 3)) {
        passed.emplace_back(address, entry);
      }
      table = entry & mask(51, 12);
      tables.emplace_back(level - 1, table);
    }
  }

  struct Leaf {
    unsigned level;
    std::uint64_t address;
    std::uint64_t entry;
  };
  std::optional<std::uint64_t> finish(
      Core& me, std::uint64_t gpa, bool write, Leaf leaf,
      const std::vector<std::pair<std::uint64_t, std::uint64_t>>& passed,
      const std::vector<std::pair<unsigned, std::uint64_t>>& tables) {
    const bool may_write = (leaf.entry & 2) != 0;
    if (write && !may_write) {
      return std::nullopt;
    }
    const unsigned bytes = shape().entry_bytes;
    const std::uint64_t accessed = flag(ept::kAccessed, x86::kAccessed);
    const std::uint64_t dirty = flag(ept::kDirty, x86::kDirty);
    if (has_accessed_dirty()) {
      for (const auto& [address, entry] : passed) {
        host_.memory.write(Hpa(address), bytes, entry | accessed);
      }
      leaf.entry |= accessed | (write ? dirty : 0);
      host_.memory.write(Hpa(leaf.address), bytes, leaf.entry);
    }
    for (const auto& [level, table] : tables) {
      me.tables[{level, gpa >> (shift(level) + index_bits_[level - 1])}] = table;
    }
    const unsigned bits = shift(leaf.level);
    const std::uint64_t page = (leaf.entry & mask(51, 12)) >> bits << bits;
    const std::uint64_t hpa = page + gpa % bit(bits);
    me.pages[gpa >> 12] = {hpa >> 12, bits, may_write,
                           has_accessed_dirty() && (leaf.entry & dirty) != 0};
    expect_owned(hpa, FrameUse::kGuestFrame);
    return hpa;
  }

  std::optional<std::uint64_t> serve(unsigned core, std::uint64_t gpa, bool write) {
    for (unsigned tries = 0; tries < 4; ++tries) {
      if (const auto hpa = access(core, gpa, write)) {
        return hpa;
      }
      ++num_faults_;
      drop(core, gpa);  // as the fault itself does
      Fault fault;
      fault.kind = shape().is_ept ? FaultKind::kEptViolation : FaultKind::kNestedPageFault;
      fault.gpa = Gpa(gpa);
      fault.has_gpa = true;
      fault.code = write ? 2 : 1;
      host_.hypervisor.make_room(host_.port, vm_, fault, targets_);
      if (host_.hypervisor.handle_fault(host_.port, vm_, fault) != ExitOutcome::kResumed) {
        return std::nullopt;
      }
    }
    ADD_FAILURE() << "GPA " << gpa << " faults for ever";
    return std::nullopt;
  }
  void drop(unsigned core, std::uint64_t gpa) {
    cores_[core].pages.erase(gpa >> 12);
    for (unsigned level = 1; level < levels(); ++level) {
      cores_[core].tables.erase({level, gpa >> (shift(level) + index_bits_[level - 1])});
    }
  }

  // Until now every frame that something cached leads to is the VM's: it is freed after this.
  void receive(const Invalidation& drop, unsigned core) {
    if (shape().is_ept) {
      EXPECT_EQ(drop.op, InvalidateOp::kInveptSingle);
      EXPECT_EQ(drop.rules, TagRules::kIntel);
      if (drop.tags.ep4ta != Ep4ta{vm().root.value()}) {
        return;
      }
    } else {
      EXPECT_EQ(drop.op, InvalidateOp::kTlbControlAsid);
      EXPECT_EQ(drop.rules, TagRules::kAmd);
      if (drop.tags.asid != Asid{static_cast<std::uint32_t>(vm_) + 1}) {
        return;
      }
    }
    ASSERT_LT(core, cores_.size());
    for (const auto& [page, cached] : cores_[core].pages) {
      expect_owned(cached.frame << 12, FrameUse::kGuestFrame);
    }
    for (const auto& [key, table] : cores_[core].tables) {
      expect_owned(table, FrameUse::kHostTable);
    }
    cores_[core] = {};
  }

  Host& host_;
  VmId vm_;
  std::vector<Core> cores_;
  std::vector<unsigned> shifts_;      // by level, from 1
  std::vector<unsigned> index_bits_;  // the same
  FlushTargets targets_;
  std::function<void(const Invalidation&, unsigned)> previous_;  // of another guest
  std::uint64_t num_faults_ = 0;
};

}  // namespace nestwalk::test
