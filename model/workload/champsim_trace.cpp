#include "model/workload/champsim_trace.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>

#include "model/workload/bytes.h"
#include "model/workload/lackey.h"
#include "model/workload/trace_error.h"

namespace nestwalk {
namespace {

constexpr std::size_t kBranchAt = 8;
constexpr std::size_t kTakenAt = 9;
constexpr std::size_t kDestinationsAt = 16;
constexpr std::size_t kNumDestinations = 2;
constexpr std::size_t kSourcesAt = 32;
constexpr std::size_t kNumSources = 4;
constexpr std::size_t kBatchRecords = 1024;

using Record = std::span<const std::uint8_t>;

std::uint64_t address_at(Record record, std::size_t at) {
  return get_word<std::uint64_t>(&record[at]);
}

bool has_boolean_flags(Record record) {
  return record[kBranchAt] <= 1 && record[kTakenAt] <= 1;
}

// Addresses of 57 bits, sign-extended.
bool is_canonical(std::uint64_t address) {
  const std::uint64_t upper = address >> 56;
  return upper == 0 || upper == 0xff;
}

bool is_sensible(Record record) {
  bool is_good = has_boolean_flags(record) && record[kTakenAt] <= record[kBranchAt] &&
                 address_at(record, 0) != 0 && is_canonical(address_at(record, 0));
  for (std::size_t i = 0; i < kNumDestinations + kNumSources; ++i) {
    is_good = is_good && is_canonical(address_at(record, kDestinationsAt + 8 * i));
  }
  return is_good;
}

class ChampSimTrace : public ForeignTrace {
 public:
  ChampSimTrace(ByteSource& source, Record head)
      : source_(source), bytes_(head.begin(), head.end()) {}

  std::string_view format() const override { return "ChampSim"; }

  bool next(std::vector<TraceRecord>& records) override {
    records.clear();
    while (records.empty()) {
      if (!fill()) {
        return false;
      }
      const std::size_t count = bytes_.size() / kChampSimRecordBytes;
      for (std::size_t i = 0; i < count; ++i) {
        take(Record(bytes_).subspan(i * kChampSimRecordBytes, kChampSimRecordBytes), records);
      }
      bytes_.clear();
    }
    return true;
  }

 private:
  // Whole records; false at the end.
  bool fill() {
    const std::size_t have = bytes_.size();
    bytes_.resize(std::max(have, kBatchRecords * kChampSimRecordBytes));
    bytes_.resize(have + source_.read(std::span(bytes_).subspan(have)));
    if (const std::size_t rest = bytes_.size() % kChampSimRecordBytes; rest != 0) {
      num_records_ += bytes_.size() / kChampSimRecordBytes + 1;
      fail(fmt::format("the end of the file after {} of its {} bytes", rest, kChampSimRecordBytes),
           "whole records: the file was cut off, or is of another kind");
    }
    return !bytes_.empty();
  }

  void take(Record record, std::vector<TraceRecord>& records) {
    ++num_records_;
    if (!has_boolean_flags(record)) {
      fail(fmt::format("branch flags {} and {}", record[kBranchAt], record[kTakenAt]),
           "0 or 1 in both: the file is damaged, or its records are of another size");
    }
    coalescer_.convert(
        {.kind = LackeyLine::Kind::kInstruction, .address = address_at(record, 0), .size_bytes = 1},
        records);
    put(record, kSourcesAt, kNumSources, LackeyLine::Kind::kLoad, records);
    put(record, kDestinationsAt, kNumDestinations, LackeyLine::Kind::kStore, records);
  }

  void put(Record record, std::size_t at, std::size_t count, LackeyLine::Kind kind,
           std::vector<TraceRecord>& records) {
    for (std::size_t i = 0; i < count; ++i) {
      if (const std::uint64_t address = address_at(record, at + 8 * i); address != 0) {
        coalescer_.convert({.kind = kind, .address = address, .size_bytes = 1}, records);
      }
    }
  }

  [[noreturn]] void fail(std::string found, std::string expected) const {
    throw TraceError({.path = source_.path(),
                      .offset = num_records_,
                      .found = std::move(found),
                      .expected = std::move(expected),
                      .unit = "record"});
  }

  ByteSource& source_;
  Bytes bytes_;
  std::uint64_t num_records_ = 0;
  LackeyCoalescer coalescer_;
};

}  // namespace

bool is_champsim(std::span<const std::uint8_t> head) {
  const std::size_t count = head.size() / kChampSimRecordBytes;
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_sensible(head.subspan(i * kChampSimRecordBytes, kChampSimRecordBytes))) {
      return false;
    }
  }
  return count != 0;
}

std::unique_ptr<ForeignTrace> open_champsim_trace(ByteSource& source,
                                                  std::span<const std::uint8_t> head) {
  return std::make_unique<ChampSimTrace>(source, head);
}

}  // namespace nestwalk
