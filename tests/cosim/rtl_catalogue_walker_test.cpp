// Catalogue rows WLK on the RTL walker: addresses, ordering, errors, progress. Not here: WLK-14 and
// WLK-22, whose bugs are those of a queue that joins requests; the walker joins none.
#include <algorithm>
#include <array>
#include <cstddef>

#include "tests/cosim/rtl_catalogue_support.h"

namespace nestwalk {
namespace {

using RtlCatalogueWalker = RtlCatalogue;
INSTANTIATE_TEST_SUITE_P(Sets, RtlCatalogueWalker, kCatalogueSets, name_of_set);

TEST_P(RtlCatalogueWalker, Wlk01AGuestTableMayStandAnywhereInHostMemory) {
  constexpr std::uint64_t kTop = (std::uint64_t{1} << 52) - kPage;
  for (const std::uint64_t frame : {std::uint64_t{1} << 41, std::uint64_t{3} << 46, kTop}) {
    for (unsigned level = 1; level <= 4; ++level) {
      HandTables tables = nested(kFour, kEpt4);
      const Gpa entry = tables.guest_entry_gpa(kGva, level);
      const std::uint64_t word = tables.memory.read(tables.guest_entry(kGva, level), 8).value();
      tables.memory.write(tables.guest_entry(kGva, level), 8, 0);
      tables.memory.write(tables.host_entry(entry, 1), 8, frame | HandTables::kEptLeaf);
      tables.memory.write(Hpa(frame + entry.offset(12)), 8, word);
      const WalkerResponse response = translate(tables);
      EXPECT_TRUE(response.is_translation) << std::hex << frame << " level " << level;
      EXPECT_EQ(response.translation.hpa, tables.host_of(kGpa + kGva.offset(12)));
    }
  }
}

TEST_P(RtlCatalogueWalker, Wlk02AGuestEntryBeyondTheHostsRangeIsAFaultOfTheHostStage) {
  for (unsigned level = 1; level <= 4; ++level) {
    for (const unsigned bit_above : {48U, 51U}) {
      HandTables tables = nested(kFour, kEpt4);
      tables.or_bits(tables.guest_entry(kGva, level), std::uint64_t{1} << bit_above);
      const WalkerResponse response = translate(tables);
      EXPECT_EQ(response.fault.kind, FaultKind::kEptViolation);
      EXPECT_EQ(response.fault.gpa.value() >> 48, std::uint64_t{1} << (bit_above - 48));
      const auto g = static_cast<std::uint8_t>(level - 1);
      EXPECT_EQ(response.fault.position, (Position{g, 4}));
    }
    // Just below: it may be there or not, and here it is not.
    HandTables tables = nested(kFour, kEpt4);
    tables.or_bits(tables.guest_entry(kGva, level), std::uint64_t{1} << 47);
    EXPECT_EQ(translate(tables).fault.kind, FaultKind::kEptViolation);
    // Beyond what the guest is told: its own fault, at the entry.
    HandTables narrow = nested(kFour, kEpt4);
    narrow.context.control.guest_maxphyaddr = 48;
    narrow.or_bits(narrow.guest_entry(kGva, level), std::uint64_t{1} << 48);
    const WalkerResponse reserved = translate(narrow);
    expect_fault(reserved, FaultKind::kGuestPageFault, 0xd, {static_cast<std::uint8_t>(level), 0});
  }
}

TEST_P(RtlCatalogueWalker, Wlk04WithoutGuestPagingTheAddressMayBeOutOfRange) {
  for (const AccessType type : {kRead, kWrite, kFetch}) {
    HandTables tables({std::nullopt, kEpt4});
    tables.map_host(kGpa, 1);
    const WalkerResponse response = translate(tables, type, kUser, Gva(std::uint64_t{1} << 48));
    EXPECT_EQ(response.fault.kind, FaultKind::kEptViolation);
    EXPECT_EQ(response.fault.gpa, Gpa(std::uint64_t{1} << 48));
    EXPECT_EQ(cold_.num_reads, 0U);
  }
}

TEST_P(RtlCatalogueWalker, Wlk05TableReadsNeedReadWhateverTheAccessIs) {
  struct Case {
    std::uint64_t rights;
    bool succeeds;
  };
  for (const AccessType type : {kRead, kWrite, kFetch}) {
    for (const Case& c : {Case{0x1, true}, Case{0x4, false}, Case{0x3, true}, Case{0x7, true}}) {
      HandTables tables = nested(kFour, kEpt4);
      touch(tables);  // nothing is left to be written
      const Hpa leaf = tables.host_entry(tables.guest_entry_gpa(kGva, 2), 1);
      tables.clear_bits(leaf, 0x7);
      tables.or_bits(leaf, c.rights);
      const WalkerResponse response = translate(tables, type);
      EXPECT_EQ(response.is_translation, c.succeeds) << c.rights;
      if (!c.succeeds) {  // a read; X alone is given; not the final translation
        expect_fault(response, FaultKind::kEptViolation, 0xa1, {2, 1});
      }
    }
    HandTables tables = nested(kFour, kFour);
    touch(tables);
    tables.clear_bits(tables.host_entry(tables.guest_entry_gpa(kGva, 2), 1), 0x2);
    expect_fault(translate(tables, type), FaultKind::kNestedPageFault, 0x2'0000'0007, {2, 1});
  }
}

TEST_P(RtlCatalogueWalker, Wlk06AFaultOfATableReadNamesTheEntry) {
  for (const FormatId guest : {kFour, kFive}) {
    const unsigned levels = guest == kFour ? 4 : 5;
    for (unsigned level = 1; level <= levels; ++level) {
      HandTables tables = nested(guest, kEpt4);
      const Gpa entry = tables.guest_entry_gpa(kGva, level);
      tables.memory.write(tables.host_entry(entry, 1), 8, 0);
      const WalkerResponse response = translate(tables);
      expect_fault(response, FaultKind::kEptViolation, 0x81, {static_cast<std::uint8_t>(level), 1});
      EXPECT_EQ(response.fault.gpa, entry);
    }
    HandTables tables = nested(guest, kEpt4);
    tables.memory.write(tables.host_entry(kGpa, 1), 8, 0);
    const WalkerResponse response = translate(tables);
    expect_fault(response, FaultKind::kEptViolation, 0x181, {0, 1});
    EXPECT_EQ(response.fault.gpa, kGpa + kGva.offset(12));
  }
}

// Requests that are submitted together: what each of them ends with, by its id.
class RtlCatalogueQueue : public RtlCatalogue {
 protected:
  std::array<WalkerResponse, 256> answer(WordMemory& words,
                                         const std::vector<WalkerRequest>& requests) {
    forget_tables();
    WordTableMemory memory(words);
    bench_.connect(memory);
    bench_.forget_reports();
    for (std::size_t i = 0; i < requests.size(); ++i) {
      WalkerRequest request = requests[i];
      request.id = static_cast<std::uint8_t>(i);
      bench_.submit(request);
    }
    bench_.run();
    EXPECT_EQ(problems(), "");
    EXPECT_EQ(bench_.reports().size(), requests.size());
    std::array<WalkerResponse, 256> responses;
    for (const WalkerBench::Report& one : bench_.reports()) {
      responses.at(one.response.id) = one.response;
    }
    return responses;
  }
};
INSTANTIATE_TEST_SUITE_P(Sets, RtlCatalogueQueue, kCatalogueSets, name_of_set);

TEST_P(RtlCatalogueQueue, Wlk08AnErrorStaysWithItsWalk) {
  HandTables tables = nested(kFour, kEpt4);
  const Gva other(kGva.value() + 0x4000'0000);  // shares the root alone
  tables.map_guest(other, kGpa, 1);
  tables.memory.refuse_page(tables.guest_entry(kGva, 1));
  const WalkerRequest bad = request_of(tables);
  const WalkerRequest good = request_of(tables, kFetch, kUser, other);
  const auto responses = answer(tables.memory, {bad, good, bad, bad, good, good});
  for (const unsigned i : {0U, 2U, 3U}) {
    EXPECT_EQ(responses.at(i).fault.kind, FaultKind::kMemoryError);
    EXPECT_FALSE(responses.at(i).is_translation);
  }
  for (const unsigned i : {1U, 4U, 5U}) {
    EXPECT_TRUE(responses.at(i).is_translation);
    EXPECT_EQ(responses.at(i).translation.gpa, kGpa + other.offset(12));
  }
}

TEST_P(RtlCatalogueQueue, Wlk09AnEarlyFaultBlocksNobody) {
  HandTables tables = nested(kFour, kEpt4);
  const WalkerRequest good = request_of(tables);
  const WalkerRequest bad = request_of(tables, kRead, kUser, Gva(std::uint64_t{1} << 47));
  const auto responses = answer(tables.memory, {good, bad, good, bad, bad, good});
  for (const unsigned i : {0U, 2U, 5U}) {
    EXPECT_TRUE(responses.at(i).is_translation);
  }
  for (const unsigned i : {1U, 3U, 4U}) {
    EXPECT_EQ(responses.at(i).fault.kind, FaultKind::kNonCanonical);
  }
}

TEST_P(RtlCatalogueQueue, Wlk10AWalkThatHadToWaitMayFault) {
  HandTables tables = nested(kFour, kEpt4);
  const Gva missing(kGva.value() + 0x8000'0000);
  std::vector<WalkerRequest> requests(20, request_of(tables));
  for (std::size_t i = 0; i < requests.size(); i += 3) {
    requests[i] = request_of(tables, kWrite, kUser, missing);
  }
  const auto responses = answer(tables.memory, requests);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(responses.at(i).is_translation, i % 3 != 0);
  }
}

TEST_P(RtlCatalogueQueue, Wlk12BackPressureLosesNothing) {
  for (const unsigned percent : {5U, 10U, 50U}) {
    bench_.set_params({.seed = percent,
                       .max_latency = 3,
                       .ready_percent = percent,
                       .offer_percent = percent,
                       .max_idle_cycles = 5000});
    HandTables tables = nested(kFour, kEpt4);
    tables.context.control.accessed_dirty = true;
    const auto responses =
        answer(tables.memory, std::vector<WalkerRequest>(8, request_of(tables, kWrite)));
    for (unsigned i = 0; i < 8; ++i) {
      EXPECT_TRUE(responses.at(i).is_translation);
    }
  }
}

// WLK-25 is the same with another processor's root.
TEST_P(RtlCatalogueQueue, Wlk13And25AWalkUsesTheRootsOfItsOwnRequest) {
  HandTables tables = nested(kFour, kEpt4);
  // Another address space over the same host tables: its root differs, and so does the page.
  constexpr Gpa kOther{0x8765'4000};
  tables.map_host(kOther, 1);
  WalkerRequest first = request_of(tables);
  WalkerRequest second = first;
  const Gpa root(second.context.guest_root);
  const Gpa copy{0x9000'0000};
  for (unsigned i = 0; i < 4; ++i) {  // tables of four levels, each in a page of its own
    tables.map_host(copy + i * kPage, 1);
  }
  for (unsigned level = 4; level >= 1; --level) {
    const Gpa table = copy + (4 - level) * kPage;
    const std::uint64_t next = level == 1 ? kOther.value() : (table + kPage).value();
    const std::uint64_t offset = tables.guest_entry_gpa(kGva, level).offset(12);
    tables.memory.write(tables.host_of(table + offset), 8, next | HandTables::kX86Table);
  }
  second.context.guest_root = copy.value();
  first.context.tags.pcid = Pcid(1);
  second.context.tags.pcid = Pcid(2);
  ASSERT_NE(root, copy);
  const auto responses = answer(tables.memory, {first, second, second, first, first, second});
  for (const unsigned i : {0U, 3U, 4U}) {
    EXPECT_EQ(responses.at(i).translation.gpa, kGpa + kGva.offset(12));
  }
  for (const unsigned i : {1U, 2U, 5U}) {
    EXPECT_EQ(responses.at(i).translation.gpa, kOther + kGva.offset(12));
  }
}

TEST_P(RtlCatalogueQueue, Wlk16KindsOfRequestsAlternate) {
  HandTables tables = nested(kFour, kEpt4);
  tables.memory.write(tables.host_entry(kGpa, 1), 8, 0);  // the nested walk faults
  tables.map_host(Gpa(kGva.value()), 1);
  const WalkerRequest both = request_of(tables);
  WalkerRequest host_only = both;
  host_only.context.has_guest = false;
  WalkerRequest neither = host_only;
  neither.context.has_host = false;
  WalkerRequest load = both;
  load.is_pdpte_load = true;
  load.access = {Gva(both.context.guest_root), kRead, kSupervisor, false};
  std::vector<WalkerRequest> requests;
  for (unsigned i = 0; i < 6; ++i) {
    requests.insert(requests.end(), {both, host_only, neither, load});
  }
  const auto responses = answer(tables.memory, requests);
  for (unsigned i = 0; i < requests.size(); i += 4) {
    EXPECT_EQ(responses.at(i).fault.kind, FaultKind::kEptViolation);
    EXPECT_FALSE(responses.at(i).is_translation);
    for (unsigned j = 1; j < 4; ++j) {
      EXPECT_TRUE(responses.at(i + j).is_translation) << j;
    }
    EXPECT_EQ(responses.at(i + 2).translation.hpa.value(), kGva.value());
  }
}

TEST_P(RtlCatalogueQueue, Wlk17AnInvalidationAtAnyTimeLeavesThePortsOpen) {
  HandTables tables = nested(kFour, kEpt4);
  WordTableMemory memory(tables.memory);
  bench_.connect(memory);
  bench_.set_params({.min_latency = 2, .max_latency = 2});
  Invalidation all;
  all.op = InvalidateOp::kInveptAll;
  for (unsigned wait = 0; wait < 100; ++wait) {
    const unsigned num_acknowledged = bench_.num_acknowledged();
    bench_.forget_reports();
    bench_.submit(request_of(tables));
    bench_.submit(request_of(tables, kWrite));
    for (unsigned i = 0; i < wait; ++i) {
      bench_.step();
    }
    bench_.invalidate(all);
    const std::uint64_t before = bench_.cycle();
    while (bench_.num_acknowledged() == num_acknowledged) {
      bench_.step();
      ASSERT_LT(bench_.cycle() - before, 10U);  // an update and its answer, at most
    }
    bench_.run();
    ASSERT_EQ(bench_.reports().size(), 2U);
    ASSERT_EQ(problems(), "");
  }
}

TEST_P(RtlCatalogueWalker, Wlk18AnUpdateThatTheMemoryRefusesIsAnErrorAndNothingIsKept) {
  for (unsigned level = 1; level <= 4; ++level) {
    for (const bool is_host : {false, true}) {
      HandTables tables = nested(kFour, kEpt4);
      tables.context.control.accessed_dirty = is_host;
      tables.memory.refuse_writes(is_host ? tables.host_entry(kGpa, level)
                                          : tables.guest_entry(kGva, level));
      const WalkerResponse response = translate(tables, kWrite);  // twice: no hit the second time
      EXPECT_FALSE(response.is_translation);
      EXPECT_EQ(response.fault.kind, FaultKind::kMemoryError);
    }
  }
}

TEST_P(RtlCatalogueWalker, Wlk20LowBitsOfARootThatAreNoAddressAreIgnored) {
  HandTables tables = nested(kFour, kPae);
  const WalkerResponse plain = translate(tables);
  tables.context.host_root |= 0x1f;
  const WalkerResponse response = translate(tables);
  EXPECT_TRUE(response.is_translation);
  EXPECT_EQ(response.translation.hpa, plain.translation.hpa);
}

TEST_P(RtlCatalogueWalker, Wlk21AShortEntryIsWrittenAlone) {
  for (const std::uint64_t neighbour : {0x0ULL, 0xdead'beefULL}) {
    HandTables tables = native(kTwo, 1, HandTables::kX86Leaf);
    for (unsigned level = 1; level <= 2; ++level) {
      tables.memory.write(Hpa(tables.guest_entry(kGva, level).value() ^ 4), 4, neighbour);
    }
    EXPECT_TRUE(translate(tables, kWrite).is_translation);
    for (unsigned level = 1; level <= 2; ++level) {
      const Hpa entry = tables.guest_entry(kGva, level);
      EXPECT_EQ(tables.memory.read(Hpa(entry.value() ^ 4), 4), neighbour);
      EXPECT_EQ(tables.memory.read(entry, 4).value() & 0x60, level == 1 ? 0x60U : 0x20U);
    }
  }
}

TEST_P(RtlCatalogueWalker, Wlk24EachStepReadsItsEntryOnce) {
  for (std::uint64_t after = 1; after <= 24; ++after) {  // the entry of each read changes behind it
    HandTables tables = nested(kFour, kEpt4);
    touch(tables);  // no update would notice
    WordMemory scratch = tables.memory;
    WordOracleMemory view(scratch);
    const OracleResult result = oracle_translate(tables.context, {kGva, kRead, kUser, false}, view);
    ASSERT_EQ(result.references.size(), 24U);
    Interference interference;
    interference.after_operations = after;
    interference.hpa = result.references[after - 1].hpa;
    interference.flip = 0x7;  // neither present nor permitted any more
    forget_tables();
    WordMemory witness = tables.memory;
    if (has_caches()) {  // the moments are others: the scoreboard judges
      WordTableMemory memory(tables.memory, interference);
      walk(request_of(tables), memory);
      EXPECT_EQ(problems(), "");
    } else {
      EXPECT_EQ(compare(request_of(tables), tables.memory, witness, coverage_, interference), "");
      const bool is_read_again = std::any_of(
          result.references.begin() + static_cast<std::ptrdiff_t>(after), result.references.end(),
          [&](const OracleReference& later) { return later.hpa == interference.hpa; });
      EXPECT_NE(report().response.is_translation, is_read_again) << after;
    }
    EXPECT_LE(report().num_reads, 24U);
  }
}

}  // namespace
}  // namespace nestwalk
