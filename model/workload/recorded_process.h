// One process of a recording: the text of its log becomes records, its system calls become events,
// and its address space is followed, so that every access lies in a region that permits it.
//
//   RecordedProcess process([&] { return tree.maps(pid); }, Follow::kChildren);
//   process.feed(text);
//   while (process.step(out)) { write(out.records); }   // one line of the log each
//
// Not for more than one process: fork() gives the child, which has its own log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/workload/lackey.h"
#include "model/workload/process_tree.h"
#include "model/workload/region_map.h"
#include "model/workload/stream.h"
#include "model/workload/system_call_log.h"

namespace nestwalk {

// What one line of a log has brought; process numbers are left to the caller.
struct RecordedStep {
  std::vector<TraceRecord> records;
  std::deque<TraceEvent> events;           // of the records
  std::optional<std::int32_t> forked_pid;  // the last record is its fork event
};

class RecordedProcess {
 public:
  // The first process of a recording. Its regions at the start make no events; initial_regions()
  // has them.
  RecordedProcess(RegionMap::MapsReader read_maps, Follow follow);

  // The child of a fork that this process has just made.
  [[nodiscard]] RecordedProcess fork(RegionMap::MapsReader read_maps) const;

  void feed(std::string_view text);
  // Turns the next line into records, perhaps none; false when no complete line is left.
  [[nodiscard]] bool step(RecordedStep& out);
  // The process has ended.
  void end(RecordedStep& out);

  [[nodiscard]] const std::vector<Region>& initial_regions() const { return initial_regions_; }
  [[nodiscard]] bool has_lines() const { return next_line_ != lines_.lines.size(); }
  // The regions of the program that runs are known: its first instruction has been seen.
  [[nodiscard]] bool has_image() const { return image_ != Image::kNone; }
  // Mappings and rights that an access used although no system call had made them.
  [[nodiscard]] std::uint64_t num_added() const { return num_added_; }
  [[nodiscard]] std::uint64_t num_widened() const { return num_widened_; }

 private:
  // How much of the program that runs is known.
  enum class Image : std::uint8_t { kNone, kWithoutStack, kComplete };

  void put(const TraceEvent& event, RecordedStep& out);
  void put_access(const TraceRecord& access, RecordedStep& out);
  void begin_image(RecordedStep& out);
  void learn_region(const Region& region, RecordedStep& out);
  void apply(const SystemCall& call, RecordedStep& out);
  void map(const SystemCall& call, RecordedStep& out);
  void remap(const SystemCall& call, RecordedStep& out);
  void put_mapped(const Region& region, RecordedStep& out);
  void put_unmapped(PageRange range, RecordedStep& out);
  void move_break(std::uint64_t end, RecordedStep& out);

  RegionMap::MapsReader read_maps_;
  Follow follow_;
  LackeyParser parser_;
  LackeyLines lines_;
  std::size_t next_line_ = 0;
  SystemCallParser calls_;
  LackeyCoalescer coalescer_;
  RegionMap regions_;
  bool is_first_image_ = true;
  Image image_ = Image::kNone;
  std::vector<Region> initial_regions_;
  std::map<std::uint64_t, std::string> files_;  // by descriptor
  std::optional<PageRange> data_segment_;       // known from the first brk
  std::uint64_t num_added_ = 0;
  std::uint64_t num_widened_ = 0;
};

}  // namespace nestwalk
