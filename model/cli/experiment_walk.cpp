// Kind walk: "how costly is a nested walk?": its references in their order, and what caches and
// walk caches take off them.
//
// References are numbered as the lecture does: n', n'', ... for the host levels that are read to
// find the n-th guest entry, n for the entry itself; the last host levels find the data page.
#include <fmt/format.h>

#include "model/cli/experiment.h"
#include "model/cli/experiment_image.h"
#include "model/cli/experiment_run.h"
#include "model/cli/walk_engine_reference.h"

namespace nestwalk {

namespace {

struct Shape {
  const char* name;
  PageShape page;
};

const Shape kShapes[] = {
    {"2 levels over 2 (10 + 10 + 12 bits)",
     {FormatId::kX86TwoLevel, 12, FormatId::kX86TwoLevel, 12}},
    {"4 levels over 4", {FormatId::kX86FourLevel, 12, FormatId::kEptFourLevel, 12}},
};

std::vector<Position> order_of_walk(const PageShape& shape) {
  SparseMemory memory(std::uint64_t{1} << 30);
  const OnePage page = map_one_page(memory, shape);
  std::vector<MemoryWord> words;
  memory.for_each_page([&words, &memory](Hpa first, const std::byte*) {
    for (std::uint64_t offset = 0; offset < bit(kSmallPageBits); offset += 8) {
      if (const std::uint64_t word = memory.read(first + offset, 8); word != 0) {
        words.push_back({first + offset, word});
      }
    }
  });
  ReferenceWalkService service;
  service.load(words);
  Access access;
  access.address = page.address;
  std::vector<Position> order;
  for (const EntryReference& reference : service.walk(page.context, access).references) {
    order.push_back(reference.position);
  }
  return order;
}

// Levels count down in a position, and up in a label.
std::string label_of(Position position, unsigned guest_levels, unsigned host_levels) {
  const unsigned number = guest_levels + 1 - position.g;
  const unsigned num_primes = position.h == 0 ? 0 : host_levels + 1 - position.h;
  return std::to_string(number) + std::string(num_primes, '\'');
}

TextTable grid_of(const Shape& shape, const std::vector<Position>& order) {
  const unsigned guest_levels = format_of(shape.page.guest_format).levels;
  const unsigned host_levels = format_of(*shape.page.host_format).levels;
  TextTable table{fmt::format("{}: {} references; each as label:order", shape.name, order.size()),
                  {"to find"},
                  {}};
  for (unsigned h = host_levels; h > 0; --h) {
    table.columns.push_back(fmt::format("host level {}", h));
  }
  table.columns.emplace_back("guest entry");
  for (unsigned row = 0; row <= guest_levels; ++row) {
    const unsigned g = guest_levels - row;
    std::vector<std::string> cells{g == 0 ? "the data page" : fmt::format("guest level {}", g)};
    for (unsigned column = 0; column <= host_levels; ++column) {
      std::string cell;
      for (std::size_t i = 0; i < order.size(); ++i) {
        if (order[i].g == g && order[i].h == host_levels - column) {
          cell = fmt::format("{}:{}", label_of(order[i], guest_levels, host_levels), i + 1);
        }
      }
      cells.push_back(cell);
    }
    table.rows.push_back(cells);
  }
  return table;
}

bool is_row_by_row(const Shape& shape, const std::vector<Position>& order) {
  const unsigned guest_levels = format_of(shape.page.guest_format).levels;
  const unsigned host_levels = format_of(*shape.page.host_format).levels;
  std::vector<Position> expected;
  for (unsigned g = guest_levels + 1; g-- > 0;) {
    for (unsigned h = host_levels + 1; h-- > (g == 0 ? 1U : 0U);) {
      expected.push_back({static_cast<std::uint8_t>(g), static_cast<std::uint8_t>(h)});
    }
  }
  return order == expected;
}

// What the walker keeps between walks.
struct Kept {
  const char* name;
  bool prefixes;
  bool nested_tlb;
};

struct Cost {
  double references = 0;  // of a walk
  double cycles = 0;
};

Cost measure(const RunParams& params, Mode mode, TablePath path, const Kept& kept) {
  ExperimentJob job{params, {}, false};
  job.params.mode = mode;
  job.params.machine.table_path = path;
  if (!kept.prefixes) {
    job.params.machine.walker.pwc.organisation = PwcOrganisation::kNone;
  }
  if (!kept.nested_tlb) {
    job.params.machine.walker.ntlb.array.entries = 0;
  }
  const ExperimentRun run = run_apart(job);
  const std::uint64_t walks = run.count("core0.walker.walks");
  if (walks == 0) {
    throw ExperimentError(
        "no walk to measure: the TLBs hold all pages of the workload (a larger footprint_bytes)");
  }
  return {quotient(run.count("core0.walker.references"), walks),
          quotient(run.count("core0.walker.cycles"), walks)};
}

}  // namespace

ExperimentResult run_walk(const ExperimentParams& params) {
  ExperimentResult result;
  for (const Shape& shape : kShapes) {
    const std::vector<Position> order = order_of_walk(shape.page);
    result.tables.push_back(grid_of(shape, order));
    const unsigned g = format_of(shape.page.guest_format).levels;
    const unsigned h = format_of(*shape.page.host_format).levels;
    const std::size_t expected = (g + 1) * (h + 1) - 1;
    result.claims.push_back(
        {fmt::format("{}: ({} + 1) x ({} + 1) - 1 = {} references", shape.name, g, h, expected),
         order.size() == expected});
    result.claims.push_back(
        {fmt::format("{}: row by row", shape.name), is_row_by_row(shape, order)});
  }

  struct PathRow {
    const char* name;
    TablePath path;
  };
  constexpr PathRow kPaths[] = {{"memory alone", TablePath::kFlat},
                                {"LLC", TablePath::kLlc},
                                {"L2, LLC", TablePath::kL2},
                                {"L1, L2, LLC", TablePath::kL1d}};
  constexpr Kept kKept[] = {{"nothing", false, false},
                            {"nested TLB", false, true},
                            {"PWC", true, false},
                            {"PWC, nested TLB", true, true}};
  TextTable table{"What hides it: 4 levels over 4, random pages",
                  {"mode", "table entries in", "walker keeps", "references per walk",
                   "cycles per reference", "cycles per walk"},
                  {}};
  const auto add = [&](const char* mode, const char* path, const char* kept, const Cost& cost) {
    table.rows.push_back({mode, path, kept, fixed(cost.references),
                          fixed(cost.cycles / cost.references, 1), fixed(cost.cycles, 1)});
  };
  std::vector<double> without;  // cycles, by path
  double best = 0;
  for (const Kept& kept : kKept) {
    const bool is_end = kept.prefixes == kept.nested_tlb;  // nothing or all: every path
    for (const PathRow& path : kPaths) {
      if (!is_end && path.path != TablePath::kFlat && path.path != TablePath::kL1d) {
        continue;
      }
      const Cost cost = measure(params.run, Mode::kNested, path.path, kept);
      add("nested", path.name, kept.name, cost);
      best = cost.cycles;
      if (!kept.prefixes && !kept.nested_tlb) {
        without.push_back(cost.cycles);
      }
    }
  }
  add("native", kPaths[0].name, kKept[0].name,
      measure(params.run, Mode::kNative, TablePath::kFlat, kKept[0]));
  add("native", kPaths[3].name, kKept[3].name,
      measure(params.run, Mode::kNative, TablePath::kL1d, kKept[3]));
  result.tables.push_back(table);
  result.claims.push_back(
      {"each level of cache in front of the tables makes a walk cheaper",
       without[0] > without[1] && without[1] > without[2] && without[2] > without[3]});
  result.claims.push_back(
      {fmt::format("of {:.0f} cycles of a nested walk {:.0f} are left", without[0], best),
       best < without[0]});
  return result;
}

}  // namespace nestwalk
