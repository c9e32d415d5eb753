#include "tb/cosim_case.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>

#include "model/params/guest.h"
#include "model/params/hypervisor.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

// One of the formats that the text names; empty: none. Their order is that of the enumerators.
std::optional<std::size_t> draw_format(const std::string& text,
                                       const std::vector<std::string_view>& all, Draws& random) {
  const std::vector<std::string> names = names_in(text, all);
  const std::string& name = names[random.below(names.size())];
  const auto index =
      static_cast<std::size_t>(std::find(all.begin(), all.end(), name) - all.begin());
  return name == "none" ? std::nullopt : std::optional(index);
}

FormatId host_format(std::size_t index) {
  static constexpr FormatId kFormats[] = {FormatId::kEptFourLevel, FormatId::kEptFiveLevel,
                                          FormatId::kX86TwoLevel,  FormatId::kX86Pae,
                                          FormatId::kX86FourLevel, FormatId::kX86FiveLevel};
  static_assert(std::size(kFormats) == kHostFormatNames.size());
  return kFormats[index];
}

}  // namespace

CosimCase::CosimCase(const CosimParams& params, std::uint64_t seed)
    : params_(params),
      seed_(seed),
      random_(seed),
      context_(draw_context()),
      mood_(draw_mood()),
      surroundings_(draw_surroundings()),
      inventor_(context_, mood_, random_),
      memory_(params.memory, inventor_, random_) {
  load_pdptes();
}

WalkContext CosimCase::draw_context() {
  WalkContext context;
  context.control = random_control(random_);
  if (const auto guest = draw_format(params_.tables.guest_formats, guest_stage_names(), random_)) {
    context.has_guest = true;
    context.guest_format = static_cast<FormatId>(*guest);
  }
  if (const auto host = draw_format(params_.tables.host_formats, host_stage_names(), random_)) {
    context.has_host = true;
    context.host_format = host_format(*host);
  }
  draw_roots(context, random_);
  return context;
}

EntryMood CosimCase::draw_mood() {
  const CosimTablesParams& tables = params_.tables;
  EntryMood mood;
  // Where nothing is wrong, walks go to their end.
  mood.broken = random_.percent(40) ? 0 : up_to(tables.broken_percent);
  mood.restricted = random_.percent(40) ? 0 : up_to(tables.restricted_percent);
  mood.guest_large_2 = up_to(tables.guest_large_percent);
  mood.guest_large_3 = up_to(tables.guest_large_percent);
  mood.host_large_2 = up_to(tables.host_large_percent);
  mood.host_large_3 = up_to(tables.host_large_percent);
  mood.clean = up_to(tables.clean_percent);
  mood.reused = up_to(tables.shared_percent);
  mood.self_mapped = up_to(tables.self_mapped_percent);
  return mood;
}

BenchParams CosimCase::draw_surroundings() {
  BenchParams bench;
  bench.seed = random_.next();
  const CosimMemoryParams& memory = params_.memory;
  bench.min_latency = memory.min_latency_cycles;
  bench.max_latency =
      memory.min_latency_cycles + up_to(memory.max_latency_cycles - memory.min_latency_cycles);
  bench.is_in_order = memory.in_order;
  const auto share = [this](unsigned least) {
    return random_.percent(50) ? 100 : least + up_to(100 - least);
  };
  bench.ready_percent = share(params_.traffic.min_ready_percent);
  bench.offer_percent = share(params_.traffic.min_offer_percent);
  bench.max_idle_cycles = params_.watchdog_cycles;
  return bench;
}

Tags CosimCase::draw_tags() {
  Tags tags;
  tags.vpid = Vpid(static_cast<std::uint16_t>(random_.below(3)));
  tags.pcid = Pcid(static_cast<std::uint16_t>(random_.below(2)));
  tags.ep4ta = Ep4ta(random_.below(2) << 12);
  tags.asid = Asid(static_cast<std::uint32_t>(random_.below(2)));
  return tags;
}

// What a load of CR3 would have let into the registers: no reserved bits, present or not.
void CosimCase::load_pdptes() {
  if (!context_.uses_pdpte_registers()) {
    return;
  }
  context_.pdptes.loaded = true;
  for (std::uint64_t& entry : context_.pdptes.entry) {
    const std::uint64_t reserved = format_of(FormatId::kX86Pae).level[3].reserved_table;
    const unsigned width = context_.control.guest_maxphyaddr;
    const std::uint64_t address = (std::uint64_t{1} << width) - 1;
    entry = inventor_.entry(Stage::kGuest, 3) & address & ~reserved;
  }
}

WalkerRequest CosimCase::draw_request() {
  WalkerRequest request;
  request.id = next_id_++;
  request.context = context_;
  request.context.tags = draw_tags();
  Control& control = request.context.control;
  if (random_.percent(20)) {  // software changes these without touching the tables
    const std::uint64_t flags = random_.next();
    control.wp ^= (flags & 1) != 0;
    control.smep ^= (flags & 2) != 0;
    control.smap ^= (flags & 4) != 0;
    control.ac ^= (flags & 8) != 0;
    control.pke ^= (flags & 16) != 0;
  }
  if (!used_.empty() && random_.percent(params_.traffic.same_page_percent)) {
    const Access& before = used_[random_.below(used_.size())];
    request.access = random_access(random_, context_, before.address.value());
    request.access.address = Gva(before.address.value() ^ (random_.next() & 0xff8));
  } else {
    request.access =
        random_access(random_, context_, used_.empty() ? 0 : used_.back().address.value());
  }
  if (used_.size() < 64) {
    used_.push_back(request.access);
  }
  const bool loads_pdptes = context_.uses_pdpte_registers() && context_.has_host;
  if (loads_pdptes && random_.percent(5)) {
    request.is_pdpte_load = true;
    request.access = {};
    request.access.address = Gva(context_.guest_root & format_of(FormatId::kX86Pae).root_mask);
    request.access.privilege = Privilege::kSupervisor;
  }
  return request;
}

Invalidation CosimCase::draw_invalidation() {
  Invalidation invalidation;
  invalidation.op = static_cast<InvalidateOp>(random_.below(kNumInvalidateOps));
  invalidation.rules = random_.percent(60) ? TagRules::kIntel : TagRules::kAmd;
  invalidation.tags = draw_tags();
  invalidation.address =
      used_.empty() ? Gva(random_.next()) : used_[random_.below(used_.size())].address;
  const std::vector<std::uint64_t>& gpas = inventor_.gpas();
  invalidation.gpa = Gpa(gpas[random_.below(gpas.size())]);
  invalidation.vpid_enabled = random_.percent(30);
  return invalidation;
}

// The distance in cycles follows from what walks of this case have taken so far.
void CosimCase::schedule_invalidation(std::uint64_t now) {
  const double percent = params_.traffic.invalidation_percent;
  if (percent <= 0) {
    next_invalidation_ = kNever;
    return;
  }
  constexpr double kCyclesOfTheFirst = 50;
  const double per_walk = num_walks_ == 0
                              ? kCyclesOfTheFirst
                              : static_cast<double>(now - start_) / static_cast<double>(num_walks_);
  next_invalidation_ =
      now + 1 + random_.below(2 + static_cast<std::uint64_t>(2 * per_walk * 100 / percent));
}

void CosimCase::run(WalkerBench& bench) {
  bench.power_up(seed_);
  bench.set_params(surroundings_);
  bench.connect(memory_);
  start_ = bench.cycle();
  schedule_invalidation(start_);
  const std::uint64_t wanted = params_.walks_per_case;
  std::uint64_t reset_at = kNever;  // so many walks answered
  if (Chance(params_.traffic.reset_percent).draw(random_)) {
    reset_at = random_.below(wanted);
  }
  std::uint64_t num_submitted = 0;
  const std::size_t ahead = bench.slots() + std::size_t{1};
  while (num_walks_ < wanted && bench.is_sound()) {
    while (num_submitted < wanted && bench.num_waiting() < ahead) {
      bench.submit(draw_request());
      ++num_submitted;
    }
    if (bench.cycle() >= next_invalidation_) {
      bench.invalidate(draw_invalidation());
      schedule_invalidation(bench.cycle());
    }
    if (num_walks_ >= reset_at && bench.is_busy()) {
      reset_at = kNever;
      ++num_resets_;
      bench.reset();
      num_submitted = num_walks_;  // what was under way is gone
    }
    bench.step();
    num_walks_ += bench.reports().size();
    bench.forget_reports();
  }
  bench.run();  // the last acknowledgement
}

}  // namespace nestwalk
