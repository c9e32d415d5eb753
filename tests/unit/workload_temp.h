// A folder for the files of one test, removed after it, and whole streams as lists.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/workload/stream.h"

namespace nestwalk {

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nestwalk-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, std::string_view content) const {
    std::ofstream(file(name), std::ios::binary) << content;
    return file(name);
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_whole_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A record that owns its event.
struct OwnedRecord {
  TraceRecord record;
  TraceEvent event;
  bool is_event = false;

  friend bool operator==(const OwnedRecord& a, const OwnedRecord& b) {
    return a.is_event == b.is_event && a.event == b.event && a.record.address == b.record.address &&
           a.record.type == b.record.type && a.record.size_bytes == b.record.size_bytes &&
           a.record.process == b.record.process &&
           a.record.num_instructions == b.record.num_instructions;
  }
};

inline OwnedRecord owned(const TraceRecord& record) {
  OwnedRecord result{.record = record, .event = {}, .is_event = record.event != nullptr};
  if (result.is_event) {
    result.event = *record.event;
    result.record.event = nullptr;
  }
  return result;
}

inline std::vector<OwnedRecord> read_all(Stream& stream, std::size_t batch_size = 1000) {
  std::vector<OwnedRecord> all;
  std::vector<TraceRecord> batch(batch_size);
  while (const std::size_t count = stream.next_batch(batch)) {
    for (const TraceRecord& record : std::span(batch).first(count)) {
      all.push_back(owned(record));
    }
  }
  return all;
}

}  // namespace nestwalk
