#include "model/hypervisor/frame_migration.h"

namespace nestwalk {

MigrationCount FrameMigration::move_range(Gpa start, Gpa end) {
  MigrationCount count;
  stage_.for_each_leaf(stage_.clip(start), stage_.clip(end), [&](HostEntry& leaf) {
    ++(move(leaf) ? count.num_moved : count.num_refused);
  });
  stage_.statistics().pages_migrated += count.num_moved;
  stage_.statistics().migrations_refused += count.num_refused;
  return count;
}

bool FrameMigration::move(HostEntry& leaf) {
  const unsigned bits = stage_.page_bits(leaf);
  const std::optional<Hpa> to = stage_.take(bits, FrameUse::kGuestFrame);
  if (!to) {
    return false;
  }
  const Hpa from(stage_.view(leaf).address());
  stage_.spend(stage_.params().frame_allocation_cycles + stage_.params().page_update_cycles);
  if (stage_.vm().params.migration == MigrationMethod::kNotPresent) {
    move_not_present(leaf, *to);
  } else {
    move_write_protected(leaf, *to);
  }
  stage_.give_back(from, bits);
  return true;
}

void FrameMigration::move_not_present(HostEntry& leaf, Hpa to) {
  const unsigned bits = stage_.page_bits(leaf);
  const std::uint64_t before = stage_.unlink(leaf);
  stage_.flush(targets_);
  const EntryView was{stage_.format(), leaf.level, before};
  stage_.copy(Hpa(was.address()), to, bits);
  stage_.store(leaf, stage_.with_frame(leaf, before, to));
}

void FrameMigration::move_write_protected(HostEntry& leaf, Hpa to) {
  const bool was_writable = stage_.view(leaf).is_writable();
  const Hpa from(stage_.view(leaf).address());
  if (was_writable) {
    stage_.take_write(leaf);
    stage_.flush(targets_);
  }
  stage_.copy(from, to, stage_.page_bits(leaf));
  stage_.relocate(leaf, to);
  stage_.flush(targets_);
  if (was_writable) {
    stage_.change(leaf, [&](std::uint64_t word) { return word | stage_.write_bit(); });
  }
}

}  // namespace nestwalk
