// Kind entries: "one TLB entry in a native system = __ entries under NPT or EPT": what one
// translation leaves in each structure, and how many TLB entries the whole page takes.
#include <fmt/format.h>

#include <charconv>
#include <sstream>
#include <systemc>

#include "model/cli/experiment.h"
#include "model/cli/experiment_image.h"
#include "model/cli/experiment_run.h"
#include "model/sim/platform.h"

namespace nestwalk {

namespace {

struct Shape {
  const char* name;
  PageShape page;
};

const Shape kShapes[] = {
    {"4-level, 4K, native", {FormatId::kX86FourLevel, 12, std::nullopt, 12}},
    {"4-level, 4K over EPT 4K", {FormatId::kX86FourLevel, 12, FormatId::kEptFourLevel, 12}},
    {"4-level, 4K over NPT 4K", {FormatId::kX86FourLevel, 12, FormatId::kX86FourLevel, 12}},
    {"4-level, 4K over EPT 2M", {FormatId::kX86FourLevel, 12, FormatId::kEptFourLevel, 21}},
    {"4-level, 2M, native", {FormatId::kX86FourLevel, 21, std::nullopt, 12}},
    {"4-level, 2M over EPT 2M", {FormatId::kX86FourLevel, 21, FormatId::kEptFourLevel, 21}},
    {"4-level, 2M over EPT 4K", {FormatId::kX86FourLevel, 21, FormatId::kEptFourLevel, 12}},
    {"2-level, 4K, native", {FormatId::kX86TwoLevel, 12, std::nullopt, 12}},
    {"2-level, 4K over NPT 2-level", {FormatId::kX86TwoLevel, 12, FormatId::kX86TwoLevel, 12}},
};

// Nothing runs on the core but the accesses of the experiment.
class IdleClient : public CoreClient {
 public:
  [[nodiscard]] std::span<const CoreAccess> next_batch() override { return {}; }
  [[nodiscard]] bool serve_fault(const CoreAccess&, const Fault&) override { return false; }
};

struct Left {
  std::uint64_t references = 0;
  std::uint64_t l1 = 0;
  std::uint64_t l2 = 0;
  std::uint64_t guest_pwc = 0;
  std::uint64_t host_pwc = 0;
  std::uint64_t nested_tlb = 0;
  std::uint64_t page_entries = 0;  // second-level TLB, after every 4K of the page was read
  std::uint64_t page_walks = 0;
};

std::uint64_t size_of(const Tlb& tlb) {
  std::uint64_t size = 0;
  tlb.for_each([&size](const auto&) { ++size; });
  return size;
}

// Tag rules follow the host format, so that every shape runs on one machine.
Left measure_here(MachineParams machine, const PageShape& shape) {
  const bool is_npt = shape.host_format && format_of(*shape.host_format).rules == RuleSet::kX86;
  machine.tag_rules = is_npt ? TagRules::kAmd : TagRules::kIntel;
  Platform platform(machine);
  IdleClient client;
  platform.core().set_client(client);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  OnePage page = map_one_page(platform.memory(), shape);
  page.context.control.maxphyaddr = machine.maxphyaddr;
  page.context.control.guest_maxphyaddr = machine.maxphyaddr;
  platform.mmu().set_context(page.context);
  Access access;
  access.address = page.address;
  if (!platform.core().access(access, {}).ok) {
    throw ExperimentError("the page of the experiment does not translate");
  }
  Left left;
  left.references = platform.walker().stats().references;
  left.l1 = size_of(platform.mmu().l1_dtlb());
  left.l2 = size_of(platform.mmu().l2_tlb());
  platform.walker().walk_cache().for_each([&left](const PwcEntry& entry) {
    ++(entry.key.kind == MappingKind::kGuestPhysical ? left.host_pwc : left.guest_pwc);
  });
  left.nested_tlb = platform.walker().nested_tlb().size();
  for (std::uint64_t at = 0; at < bit(shape.guest_page_bits); at += bit(kSmallPageBits)) {
    access.address = page.address + at;
    if (!platform.core().access(access, {}).ok) {
      throw ExperimentError("a part of the page of the experiment does not translate");
    }
  }
  left.page_entries = size_of(platform.mmu().l2_tlb());
  left.page_walks = platform.walker().stats().walks;
  return left;
}

Left measure(const MachineParams& machine, const PageShape& shape) {
  const std::string bytes = bytes_of_child([&] {
    const Left left = measure_here(machine, shape);
    return fmt::format("{} {} {} {} {} {} {} {}", left.references, left.l1, left.l2, left.guest_pwc,
                       left.host_pwc, left.nested_tlb, left.page_entries, left.page_walks);
  });
  std::istringstream words(bytes);
  Left left;
  words >> left.references >> left.l1 >> left.l2 >> left.guest_pwc >> left.host_pwc >>
      left.nested_tlb >> left.page_entries >> left.page_walks;
  return left;
}

}  // namespace

ExperimentResult run_entries(const ExperimentParams& params) {
  TextTable table{"After one translation; last two: after reading all of the page",
                  {"guest page over host page", "references", "L1 TLB", "L2 TLB", "guest PWC",
                   "host PWC", "nested TLB", "all", "L2 TLB, all of it", "walks, all of it"},
                  {}};
  std::vector<Left> all;
  for (const Shape& shape : kShapes) {
    const Left left = measure(params.run.machine, shape.page);
    all.push_back(left);
    const std::uint64_t sum = left.l1 + left.l2 + left.guest_pwc + left.host_pwc + left.nested_tlb;
    table.rows.push_back({shape.name, std::to_string(left.references), std::to_string(left.l1),
                          std::to_string(left.l2), std::to_string(left.guest_pwc),
                          std::to_string(left.host_pwc), std::to_string(left.nested_tlb),
                          std::to_string(sum), std::to_string(left.page_entries),
                          std::to_string(left.page_walks)});
  }
  ExperimentResult result;
  result.tables.push_back(table);
  const auto tlb_is_one = [](const Left& left) { return left.l1 == 1 && left.l2 == 1; };
  result.claims = {
      {"one translation is one entry of each TLB level, native or nested",
       std::all_of(all.begin(), all.end(), tlb_is_one)},
      {"4 levels over 4: five entries of a nested TLB beside it, one for each guest table and one "
       "for the page",
       all[1].nested_tlb == 5},
      {"2 levels over 2: three of them", all[8].nested_tlb == 3},
      {"a 2M page natively, and over 2M: one TLB entry",
       all[4].page_entries == 1 && all[5].page_entries == 1},
      {"a 2M page over 4K host pages: 512 TLB entries", all[6].page_entries == 512},
  };
  return result;
}

}  // namespace nestwalk
