// The text of log records.
#include "model/observe/software_log.h"

#include <gtest/gtest.h>

namespace nestwalk {
namespace {

TEST(SoftwareLog, ATableWriteSaysWhichEntryAndBothWords) {
  LogRecord record;
  record.cycle = 1200;
  record.core = 1;
  record.vm = 2;
  record.process = 3;
  record.actor = LogActor::kGuestKernel;
  record.kind = LogKind::kTableWrite;
  record.table = {LogTable::kShadow, 2};
  record.address = 0x1008;
  record.old_value = 0;
  record.value = 0x2027;
  EXPECT_EQ(json_line(record),
            R"({"cycle":1200,"core":1,"vm":2,"process":3,"actor":"guest kernel",)"
            R"("what":"table_write","table":"shadow","level":2,"address":"0x1008","old":"0x0",)"
            R"("new":"0x2027"})");
}

TEST(SoftwareLog, WhatAKindDoesNotUseIsLeftOut) {
  LogRecord record;
  record.kind = LogKind::kInvalidation;
  record.actor = LogActor::kHypervisor;
  record.cause = "invvpid_single";
  record.count = 4;
  record.value = 9;
  EXPECT_EQ(json_line(record),
            R"({"cycle":0,"core":0,"vm":0,"process":0,"actor":"hypervisor","what":"invalidation",)"
            R"("cause":"invvpid_single","address":"0x0","dropped":4})");
  record.kind = LogKind::kSwitch;
  record.actor = LogActor::kGuestKernel;
  record.cause = {};
  EXPECT_EQ(json_line(record),
            R"({"cycle":0,"core":0,"vm":0,"process":0,"actor":"guest kernel","what":"switch"})");
  record.kind = LogKind::kSystemCall;
  record.actor = LogActor::kUser;
  record.cause = "unmap";
  record.address = 0x5000;
  EXPECT_EQ(json_line(record),
            R"({"cycle":0,"core":0,"vm":0,"process":0,"actor":"user","what":"system_call",)"
            R"("cause":"unmap","address":"0x5000"})");
}

TEST(SoftwareLog, AVectorKeepsRecordsInOrder) {
  VectorSoftwareLog log;
  LogRecord record;
  for (std::uint64_t cycle = 0; cycle < 3; ++cycle) {
    record.cycle = cycle;
    log.record(record);
  }
  ASSERT_EQ(log.records().size(), 3U);
  EXPECT_EQ(log.records()[2].cycle, 2U);
}

}  // namespace
}  // namespace nestwalk
