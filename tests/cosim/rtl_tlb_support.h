// The RTL's L1 TLB beside the model's: random fills, lookups and invalidations, compared after
// each. Translations are invented: a TLB believes what it is told. The pool of addresses, tags and
// modes is small, so that sets fill up, sizes overlap and operations hit what they name.
//
//   RtlTlb rtl_tlb(params);
//   EXPECT_EQ(rtl_tlb.run(seed, 20000), "");
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "Vl1_tlb.h"
#include "model/lookup/tlb.h"
#include "model/tlm/fault_drop.h"
#include "model/walk/permissions.h"
#include "tests/cosim/rtl_packed_records.h"
#include "tests/property/walk_comparison.h"
#include "tests/support/test_random.h"

namespace nestwalk {

struct TlbRun {
  std::uint64_t num_hits = 0;
  std::uint64_t num_rejected = 0;
  std::uint64_t num_misses = 0;
  std::uint64_t num_evictions = 0;
  std::uint64_t num_dropped = 0;
  std::vector<std::uint64_t> drops_by_op = std::vector<std::uint64_t>(kNumInvalidateOps, 0);
};

class RtlTlb {
 public:
  explicit RtlTlb(const TlbParams& params) : model_(params), top_(std::make_unique<Vl1_tlb>()) {
    top_->rst_ni = 1;
    idle();
    top_->eval();
    top_->rst_ni = 0;
    top_->eval();
    tick();
    top_->rst_ni = 1;
  }

  // Empty: both agreed on everything.
  std::string run(std::uint64_t seed, unsigned num_operations) {
    SplitMix64 random(seed);
    for (unsigned i = 0; i < num_operations; ++i) {
      const std::uint64_t kind = random.below(100);
      const std::string difference = kind < 35   ? fill(random)
                                     : kind < 95 ? look_up(likely_request(random))
                                                 : invalidate(random);
      if (!difference.empty()) {
        return "seed " + std::to_string(seed) + " operation " + std::to_string(i) + ": " +
               difference;
      }
    }
    return "";
  }

  [[nodiscard]] const TlbRun& seen() const { return seen_; }

 private:
  static MappingKind kind_of(const WalkContext& context) {
    return context.has_host ? MappingKind::kCombined : MappingKind::kLinear;
  }

  static Gva random_address(SplitMix64& random) {
    const std::uint64_t top = random.percent(20) ? 0xffff'ff80'0000'0000 : 0x7f80'0000'0000;
    return Gva(top + (random.below(2) << 30) + (random.below(3) << 21) + (random.below(6) << 12) +
               random.below(0x1000));
  }
  static Tags random_tags(SplitMix64& random) {
    Tags tags;
    tags.vpid = Vpid(static_cast<std::uint16_t>(random.below(2)));
    tags.pcid = Pcid(static_cast<std::uint16_t>(random.below(2)));
    tags.ep4ta = Ep4ta(random.below(2) << 12);
    tags.asid = Asid(static_cast<std::uint32_t>(random.percent(20) ? 1 : 0));
    return tags;
  }
  static WalkerRequest random_request(SplitMix64& random) {
    WalkerRequest request;
    request.id = static_cast<std::uint8_t>(random.next());
    WalkContext& context = request.context;
    context.has_host = random.percent(60);
    context.has_guest = random.percent(90);
    context.guest_format = static_cast<FormatId>(random.below(4));
    context.host_format = random.percent(50) ? FormatId::kEptFourLevel : FormatId::kX86FourLevel;
    context.tags = random_tags(random);
    Control& control = context.control;
    control.wp = random.percent(50);
    control.smep = random.percent(50);
    control.smap = random.percent(50);
    control.ac = random.percent(50);
    control.pke = random.percent(50);
    control.mode_based_execute = random.percent(50);
    control.accessed_dirty = random.percent(50);
    control.pkru = static_cast<std::uint32_t>(random.next());
    request.access = {random_address(random), static_cast<AccessType>(random.below(3)),
                      random.percent(50) ? Privilege::kUser : Privilege::kSupervisor,
                      random.percent(10)};
    return request;
  }
  // Of an address, tags and kind that were filled lately, as a rule.
  WalkerRequest likely_request(SplitMix64& random) {
    WalkerRequest request = random_request(random);
    const WalkerRequest& filled = filled_.at(random.below(filled_.size()));
    if (random.percent(70)) {
      request.context.tags = filled.context.tags;
      request.context.has_host = filled.context.has_host;
      request.access.address = filled.access.address;
    }
    return request;
  }
  // What a walk of this request might have found.
  static Translation random_translation(SplitMix64& random, const WalkerRequest& request) {
    static constexpr std::uint8_t kSizes[] = {12, 21, 22, 30};
    const auto size = [&] { return kSizes[random.percent(50) ? 0 : random.below(4)]; };
    const std::uint64_t address = request.access.address.value();
    const auto page = [&](std::uint64_t from, unsigned bits) {
      const std::uint64_t offset = (std::uint64_t{1} << bits) - 1;
      return ((random.next() & 0xf'ffff'ffff'ffff) & ~offset) | (from & offset);
    };
    Translation t;
    t.gpa = Gpa(address);
    if (request.context.has_guest) {
      t.guest_page_bits = size();
      t.gpa = Gpa(page(address, t.guest_page_bits));
    }
    t.hpa = Hpa(t.gpa.value());
    if (request.context.has_host) {
      do {
        t.host_page_bits = size();
      } while (t.host_page_bits == 22 && request.context.host_format == FormatId::kEptFourLevel);
      t.hpa = Hpa(page(t.gpa.value(), t.host_page_bits));
    }
    t.protection_key = static_cast<std::uint16_t>(random.below(16));
    t.dirty = random.percent(70);
    t.global = random.percent(25);
    t.guest.bits =
        random.percent(60) ? GuestRights::kAll : static_cast<std::uint8_t>(random.below(8));
    t.host.bits =
        random.percent(60) ? HostRights::kAll : static_cast<std::uint8_t>(random.below(32));
    return t;
  }

  void idle() {
    top_->clk_i = 0;
    top_->invalidate_i = 0;
    top_->fill_i = 0;
    top_->lookup_i = 0;
  }
  void tick() {
    top_->clk_i = 1;
    top_->eval();
    idle();
    top_->eval();
  }

  std::string fill(SplitMix64& random) {
    const WalkerRequest request = random_request(random);
    filled_.at(random.below(filled_.size())) = request;
    WalkerResponse response;
    response.is_translation = true;
    response.fault.address = request.access.address;
    response.translation = random_translation(random, request);
    Tlb::Losses losses;
    const unsigned span_bits = model_.fill(request.access.address, response.translation,
                                           kind_of(request.context), request.context.tags, &losses);
    top_->fill_i = 1;
    pack(response, 0).write_to(top_->fill_response_i);
    pack(request.context.tags).write_to(top_->fill_tags_i);
    top_->fill_has_host_i = request.context.has_host ? 1 : 0;
    top_->eval();
    std::ostringstream out;
    if (top_->fill_span_bits_o != span_bits) {
      out << "covers " << +top_->fill_span_bits_o << " bits, the model " << span_bits << "; ";
    }
    if ((top_->evicts_o != 0) != losses.evicted.has_value()) {
      out << "evicts " << +top_->evicts_o << ", the model " << losses.evicted.has_value() << "; ";
    } else if (losses.evicted) {
      ++seen_.num_evictions;
      out << difference_of_victim(*losses.evicted);
    }
    tick();
    return out.str().empty() ? "" : "fill: " + out.str() + print(response.translation);
  }

  std::string difference_of_victim(const TlbEntry& entry) const {
    PackedReader reader(top_->victim_o, 285);
    const std::uint64_t page = reader.take(52);
    const bool is_combined = reader.take(1) != 0;
    const std::uint64_t vpid = reader.take(16);
    const std::uint64_t pcid = reader.take(12);
    const std::uint64_t ep4ta = reader.take(40);
    const std::uint64_t asid = reader.take(32);
    Translation t;
    t.gpa = Gpa(reader.take(52) << 12);
    t.hpa = Hpa(reader.take(52) << 12);
    t.guest_page_bits = static_cast<std::uint8_t>(reader.take(7));
    t.host_page_bits = static_cast<std::uint8_t>(reader.take(7));
    t.protection_key = static_cast<std::uint16_t>(reader.take(4));
    t.dirty = reader.take(1) != 0;
    t.global = reader.take(1) != 0;
    t.guest.bits = static_cast<std::uint8_t>(reader.take(3));
    t.host.bits = static_cast<std::uint8_t>(reader.take(5));
    EXPECT_EQ(reader.left(), 0U);
    const Tags& tags = entry.key.tags;
    const bool is_same = page << 12 == entry.key.address &&
                         is_combined == (entry.key.kind == MappingKind::kCombined) &&
                         vpid == static_cast<std::uint64_t>(tags.vpid) &&
                         pcid == static_cast<std::uint64_t>(tags.pcid) &&
                         ep4ta == static_cast<std::uint64_t>(tags.ep4ta) >> 12 &&
                         asid == static_cast<std::uint64_t>(tags.asid) && t == entry.payload;
    return is_same ? "" : "another victim: " + print(t) + ", the model: " + print(entry.payload);
  }

  std::string look_up(const WalkerRequest& request) {
    const WalkContext& context = request.context;
    const auto matched = model_.probe(request.access.address, kind_of(context), context.tags);
    const auto hit = model_.lookup(request.access.address, kind_of(context), context.tags,
                                   [&](const Translation& t) {
                                     return cached_translation_serves(context, request.access, t);
                                   });
    ++(hit ? seen_.num_hits : matched ? seen_.num_rejected : seen_.num_misses);
    const std::string difference = compare_lookup(request, matched, hit);
    tick();
    return difference.empty() ? "" : "lookup: " + difference + print(context, request.access);
  }

  // Leaves the lookup at the pins.
  std::string compare_lookup(const WalkerRequest& request,
                             const std::optional<Translation>& matched,
                             const std::optional<Translation>& hit) {
    top_->lookup_i = 1;
    pack(request).write_to(top_->request_i);
    top_->eval();
    if ((top_->matches_o != 0) != matched.has_value()) {
      return std::string(matched ? "no match" : "a match") + " against the model; ";
    }
    if ((top_->hit_o != 0) != hit.has_value()) {
      return std::string(hit ? "a miss" : "a hit") + " against the model; ";
    }
    if (!hit) {
      return "";
    }
    const WalkerResponse response = unpack_response({top_->response_o, kResponseBits});
    const bool is_same = response.is_translation && response.id == request.id &&
                         response.fault.address == request.access.address &&
                         response.num_restarts == 0 && response.translation == *hit;
    return is_same ? "" : print(response.translation) + ", the model " + print(*hit) + "; ";
  }

  std::string invalidate(SplitMix64& random) {
    Invalidation invalidation;
    invalidation.op = static_cast<InvalidateOp>(random.below(kNumInvalidateOps));
    invalidation.rules = random.percent(50) ? TagRules::kIntel : TagRules::kAmd;
    invalidation.tags = random_tags(random);
    invalidation.address = random_address(random);
    invalidation.gpa = Gpa(random.next());
    invalidation.vpid_enabled = random.percent(30);
    std::vector<TlbEntry> entries;
    model_.for_each([&](const TlbEntry& entry) { entries.push_back(entry); });
    const std::size_t dropped = model_.invalidate(invalidation);
    seen_.num_dropped += dropped;
    seen_.drops_by_op.at(static_cast<unsigned>(invalidation.op)) += dropped;
    top_->invalidate_i = 1;
    pack(invalidation).write_to(top_->invalidation_i);
    top_->eval();
    tick();
    // Every entry that there was: is it still there or not?
    for (const TlbEntry& entry : entries) {
      WalkerRequest request;
      request.context.has_host = entry.key.kind == MappingKind::kCombined;
      request.context.tags = entry.key.tags;
      request.access = {Gva(entry.key.address), AccessType::kRead, Privilege::kSupervisor};
      const auto matched = model_.probe(request.access.address, entry.key.kind, entry.key.tags);
      top_->lookup_i = 1;
      pack(request).write_to(top_->request_i);
      top_->eval();  // without a tick: it leaves no trace
      const bool matches = top_->matches_o != 0;
      idle();
      if (matches != matched.has_value()) {
        return "invalidation " + std::string(name_of(invalidation.op)) + " rules " +
               std::to_string(static_cast<int>(invalidation.rules)) + ": an entry " +
               (matches ? "stayed" : "went") + " against the model: " + print(entry.payload);
      }
    }
    return "";
  }

  Tlb model_;
  std::unique_ptr<Vl1_tlb> top_;
  TlbRun seen_;
  std::vector<WalkerRequest> filled_ = std::vector<WalkerRequest>(6);
};

}  // namespace nestwalk
