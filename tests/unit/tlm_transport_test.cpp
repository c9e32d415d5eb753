// What the sockets do with transactions that are not plain: debug transport, initiators without our
// extension, byte enables, bursts, addresses beyond memory, accesses across pages.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>

#include "tests/support/platform_bench.h"

namespace nestwalk {
namespace {

constexpr Gva kGva{0x4040'3000};
constexpr Gpa kGpa{0x8000'0000};
constexpr std::uint64_t kPage = 0x1000;

// Two pages whose host frames are not neighbours.
HandTables two_pages(std::uint64_t first_leaf = HandTables::kX86Leaf,
                     std::uint64_t second_leaf = HandTables::kX86Leaf) {
  HandTables tables({FormatId::kX86FourLevel, FormatId::kEptFourLevel});
  tables.map_guest(kGva, kGpa, 1, first_leaf);
  tables.map_guest(kGva + kPage, kGpa + 4 * kPage, 1, second_leaf);
  tables.map_host(kGpa, 1);
  tables.map_host(kGpa + 4 * kPage, 1);
  return tables;
}

struct Transaction {
  explicit Transaction(std::uint64_t address, tlm::tlm_command command, unsigned length = 8) {
    payload.set_address(address);
    payload.set_command(command);
    payload.set_data_ptr(data.data());
    payload.set_data_length(length);
    payload.set_streaming_width(length);
  }
  std::array<unsigned char, 64> data{};
  tlm::tlm_generic_payload payload;
};

class TlmTransport : public testing::Test {
 protected:
  PlatformBench bench{MachineParams{}};

  tlm::tlm_response_status send(Transaction& transaction) {
    sc_core::sc_time delay;
    bench.platform.core().cpu_socket->b_transport(transaction.payload, delay);
    return transaction.payload.get_response_status();
  }
  tlm::tlm_response_status send_physical(Transaction& transaction) {
    sc_core::sc_time delay;
    bench.platform.core().physical_socket->b_transport(transaction.payload, delay);
    return transaction.payload.get_response_status();
  }
  unsigned debug(Transaction& transaction) {
    return bench.platform.core().cpu_socket->transport_dbg(transaction.payload);
  }
  std::size_t num_cached() {
    Platform& p = bench.platform;
    return p.mmu().l1_dtlb().size() + p.mmu().l1_itlb().size() + p.mmu().l2_tlb().size() +
           p.walker().walk_cache().size() + p.walker().nested_tlb().size();
  }
  // Every page with content, as text.
  std::string content() {
    std::string all;
    bench.platform.memory().for_each_page([&](Hpa hpa, const std::byte* page) {
      all += std::to_string(hpa.value()) +
             std::string(reinterpret_cast<const char*>(page), SparseMemory::kPageBytes);
    });
    return all;
  }
};

TEST_F(TlmTransport, DebugReadsAndWritesLeaveNoTrace) {
  const HandTables tables = two_pages();
  bench.load(tables);
  const Hpa hpa = tables.host_of(kGpa) + 0x18;
  bench.platform.memory().write(hpa, 8, 0x1122334455667788);
  const std::string statistics = bench.statistics();
  const std::string before = content();
  Transaction read(kGva.value() + 0x18, tlm::TLM_READ_COMMAND);
  ASSERT_EQ(debug(read), 8U);
  std::uint64_t value = 0;
  std::memcpy(&value, read.data.data(), 8);
  EXPECT_EQ(value, 0x1122334455667788U);
  EXPECT_EQ(read.payload.get_address(), kGva.value() + 0x18);
  EXPECT_EQ(bench.statistics(), statistics);
  EXPECT_EQ(content(), before) << "no accessed bit either";
  EXPECT_EQ(num_cached(), 0U);

  Transaction write(kGva.value() + 0x18, tlm::TLM_WRITE_COMMAND);
  write.data[0] = 0x99;
  ASSERT_EQ(debug(write), 8U);
  EXPECT_EQ(bench.platform.memory().read(hpa, 8), 0x99U);
  bench.platform.memory().write(hpa, 8, 0x1122334455667788);
  EXPECT_EQ(bench.statistics(), statistics);
  EXPECT_EQ(content(), before) << "the data, and no dirty bit";
  EXPECT_EQ(num_cached(), 0U);
}

TEST_F(TlmTransport, DebugSeesWhatTheTablesSayNotWhatIsCached) {
  const HandTables tables = two_pages();
  bench.load(tables);
  Transaction access(kGva.value(), tlm::TLM_READ_COMMAND);
  ASSERT_EQ(send(access), tlm::TLM_OK_RESPONSE);
  bench.platform.memory().write(tables.guest_entry(kGva, 1), 8, 0);
  Transaction again(kGva.value(), tlm::TLM_READ_COMMAND);
  EXPECT_EQ(debug(again), 0U) << "not present in the tables";
  EXPECT_EQ(send(again), tlm::TLM_OK_RESPONSE) << "but still in the TLB";
}

TEST_F(TlmTransport, DebugGoesNoFurtherThanItsPage) {
  bench.load(two_pages());
  Transaction across(kGva.value() + kPage - 3, tlm::TLM_READ_COMMAND);
  EXPECT_EQ(debug(across), 3U);
  EXPECT_EQ(across.payload.get_data_length(), 8U);
  Transaction nowhere(0x7000'0000'0000, tlm::TLM_READ_COMMAND);
  EXPECT_EQ(debug(nowhere), 0U);
}

TEST_F(TlmTransport, AnInitiatorWithoutOurExtensionIsAUserWhoseBytesMove) {
  const HandTables tables = two_pages(HandTables::kX86Leaf, 0x3);  // the second: supervisor only
  bench.load(tables);
  Transaction write(kGva.value() + 8, tlm::TLM_WRITE_COMMAND);
  write.data[0] = 0x5a;
  ASSERT_EQ(send(write), tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(bench.platform.memory().read(tables.host_of(kGpa) + 8, 8), 0x5aU);
  EXPECT_EQ(bench.platform.memory().read(tables.guest_entry(kGva, 1), 8) & 0x60, 0x60U)
      << "a write, so dirty";
  Transaction read(kGva.value() + 8, tlm::TLM_READ_COMMAND);
  ASSERT_EQ(send(read), tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(read.data[0], 0x5a);
  Transaction denied(kGva.value() + kPage, tlm::TLM_READ_COMMAND);
  EXPECT_EQ(send(denied), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  Transaction unmapped(kGva.value() + 16 * kPage, tlm::TLM_WRITE_COMMAND);
  EXPECT_EQ(send(unmapped), tlm::TLM_ADDRESS_ERROR_RESPONSE);
}

TEST_F(TlmTransport, WhatTheProtocolAllowsToRefuseIsRefused) {
  bench.load(two_pages());
  unsigned char enable = 0xff;
  Transaction enabled(kGva.value(), tlm::TLM_WRITE_COMMAND);
  enabled.payload.set_byte_enable_ptr(&enable);
  enabled.payload.set_byte_enable_length(1);
  EXPECT_EQ(send(enabled), tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
  Transaction streaming(kGva.value(), tlm::TLM_WRITE_COMMAND);
  streaming.payload.set_streaming_width(4);
  EXPECT_EQ(send(streaming), tlm::TLM_BURST_ERROR_RESPONSE);
  Transaction beyond(MachineParams{}.memory_bytes - 4, tlm::TLM_READ_COMMAND);
  EXPECT_EQ(send_physical(beyond), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  Transaction inside(MachineParams{}.memory_bytes - 8, tlm::TLM_READ_COMMAND);
  EXPECT_EQ(send_physical(inside), tlm::TLM_OK_RESPONSE);
}

TEST_F(TlmTransport, TheSameIsRefusedAcrossPagesAndNothingIsWritten) {
  const HandTables tables = two_pages();
  bench.load(tables);
  const std::uint64_t address = kGva.value() + kPage - 4;
  Transaction streaming(address, tlm::TLM_WRITE_COMMAND);
  streaming.payload.set_streaming_width(4);
  streaming.data.fill(0xee);
  EXPECT_EQ(send(streaming), tlm::TLM_BURST_ERROR_RESPONSE);
  EXPECT_EQ(streaming.payload.get_streaming_width(), 4U);
  unsigned char enable = 0xff;
  Transaction enabled(address, tlm::TLM_WRITE_COMMAND);
  enabled.payload.set_byte_enable_ptr(&enable);
  enabled.payload.set_byte_enable_length(1);
  enabled.data.fill(0xee);
  EXPECT_EQ(send(enabled), tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
  EXPECT_EQ(bench.platform.memory().read(tables.host_of(kGpa) + (kPage - 8), 8), 0U);
}

TEST_F(TlmTransport, ABurstOverMoreThanTwoPagesIsRefused) {
  bench.load(two_pages());
  std::array<unsigned char, 0x3000> data{};
  Transaction burst(kGva.value(), tlm::TLM_READ_COMMAND);
  burst.payload.set_data_ptr(data.data());
  burst.payload.set_data_length(data.size());
  burst.payload.set_streaming_width(data.size());
  EXPECT_EQ(send(burst), tlm::TLM_BURST_ERROR_RESPONSE);
}

TEST_F(TlmTransport, AnAccessOfNoBytesIsOnlyTranslated) {
  HandTables tables = two_pages();
  tables.memory.write(tables.host_entry(kGpa, 1), 8, HandTables::kEptLeaf);  // to HPA 0
  bench.load(tables);
  Transaction empty(kGva.value(), tlm::TLM_READ_COMMAND, 0);
  EXPECT_EQ(send(empty), tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(bench.platform.mmu().stats().walks, 1U);
  EXPECT_EQ(bench.platform.mmu().stats().data_cycles, 0U);
  Transaction physical(0, tlm::TLM_READ_COMMAND, 0);
  EXPECT_EQ(send_physical(physical), tlm::TLM_BURST_ERROR_RESPONSE);
}

TEST_F(TlmTransport, DataAcrossPagesIsSplitAtThePage) {
  const HandTables tables = two_pages();
  bench.load(tables);
  Transaction write(kGva.value() + kPage - 3, tlm::TLM_WRITE_COMMAND);
  for (unsigned i = 0; i < 8; ++i) {
    write.data.at(i) = static_cast<unsigned char>(0x10 + i);
  }
  ASSERT_EQ(send(write), tlm::TLM_OK_RESPONSE);
  std::array<std::byte, 3> first{};
  std::array<std::byte, 5> second{};
  bench.platform.memory().read_bytes(tables.host_of(kGpa) + (kPage - 3), first);
  bench.platform.memory().read_bytes(tables.host_of(kGpa + 4 * kPage), second);
  for (unsigned i = 0; i < 8; ++i) {
    EXPECT_EQ(i < 3 ? first.at(i) : second.at(i - 3), std::byte(0x10 + i)) << i;
  }
  Transaction read(kGva.value() + kPage - 3, tlm::TLM_READ_COMMAND);
  ASSERT_EQ(send(read), tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(std::memcmp(read.data.data(), write.data.data(), 8), 0);
  EXPECT_EQ(bench.platform.mmu().stats().page_crossings, 2U);
  EXPECT_EQ(bench.platform.mmu().stats().translations, 4U);
}

// TLB-20 of the catalogue.
TEST_F(TlmTransport, AFaultOnTheSecondPageWritesNothingOnTheFirst) {
  const HandTables tables = two_pages(HandTables::kX86Leaf, 0x5);  // the second: read-only
  bench.load(tables);
  std::array<std::byte, 8> data{};
  data.fill(std::byte{0xee});
  const Access write{kGva + (kPage - 3), AccessType::kWrite};
  for (const bool is_warm : {false, true}) {
    const TimedAccess timed = bench.access(write, data);
    ASSERT_FALSE(timed.result.ok);
    EXPECT_EQ(timed.result.fault.kind, FaultKind::kGuestPageFault);
    EXPECT_EQ(timed.result.fault.address, kGva + kPage)
        << "its first byte in the page; warm " << is_warm;
    EXPECT_EQ(timed.result.fault.code, 0x7U);
    EXPECT_EQ(bench.platform.memory().read(tables.host_of(kGpa) + (kPage - 8), 8), 0U);
  }
  EXPECT_EQ(bench.platform.memory().read(tables.guest_entry(kGva, 1), 8) & 0x60, 0x60U);
}

TEST_F(TlmTransport, AFaultOnTheFirstPageLooksNoFurther) {
  const HandTables tables = two_pages(0x5, 0x5);
  bench.load(tables);
  std::array<std::byte, 8> data{};
  const TimedAccess timed = bench.access({kGva + (kPage - 3), AccessType::kWrite}, data);
  ASSERT_FALSE(timed.result.ok);
  EXPECT_EQ(timed.result.fault.address, kGva + (kPage - 3));
  EXPECT_EQ(bench.platform.mmu().stats().translations, 1U);
}

// A fault before must not be reported again.
TEST_F(TlmTransport, DataThatMemoryRefusesIsAMemoryErrorOfItsOwn) {
  HandTables tables = two_pages();
  const std::uint64_t beyond = MachineParams{}.memory_bytes;
  tables.memory.write(tables.host_entry(kGpa, 1), 8, beyond | HandTables::kEptLeaf);
  bench.load(tables);
  std::array<std::byte, 8> data{};
  for (const Gva gva : {kGva, kGva + (kPage - 3)}) {
    ASSERT_EQ(bench.access({Gva(0x7000'0000'0000)}, data).result.fault.kind,
              FaultKind::kGuestPageFault);
    const TimedAccess timed = bench.access({gva, AccessType::kWrite}, data);
    ASSERT_FALSE(timed.result.ok);
    EXPECT_EQ(timed.result.fault.kind, FaultKind::kMemoryError);
    EXPECT_EQ(timed.result.fault.address, gva);
  }
}

TEST_F(TlmTransport, LinearAddressesOf32BitGuestsWrapAround) {
  HandTables tables({FormatId::kX86TwoLevel, FormatId::kEptFourLevel});
  tables.map_guest(Gva(0xffff'f000), kGpa, 1);
  tables.map_guest(Gva(0), kGpa + kPage, 1);
  tables.map_host(kGpa, 1);
  tables.map_host(kGpa + kPage, 1);
  bench.load(tables);
  Transaction across(0xffff'fffc, tlm::TLM_READ_COMMAND);
  ASSERT_EQ(send(across), tlm::TLM_OK_RESPONSE);
  Transaction first(0, tlm::TLM_READ_COMMAND);
  const std::uint64_t walks = bench.platform.walker().stats().walks;
  ASSERT_EQ(send(first), tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(bench.platform.walker().stats().walks, walks) << "the second part was of page 0";
}

// A law that a counter breaks is reported by name with both values; unbroken ones are not.
TEST_F(TlmTransport, CounterLawsHoldAndABrokenCounterIsCaught) {
  bench.load(two_pages());
  for (unsigned i = 0; i < 10; ++i) {
    Transaction access(kGva.value() + i * 0x400, tlm::TLM_READ_COMMAND);
    send(access);
  }
  CounterLaws laws;
  bench.platform.expect_laws(laws);
  EXPECT_GT(laws.num_laws(), 10U);
  // The transactions did not come from the core, which therefore knows nothing of their cycles.
  const std::vector<std::string> violations = laws.check();
  ASSERT_EQ(violations.size(), 1U);
  EXPECT_NE(violations[0].find("access cycles"), std::string::npos) << violations[0];
}

}  // namespace
}  // namespace nestwalk
