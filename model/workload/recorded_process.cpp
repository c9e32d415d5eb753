#include "model/workload/recorded_process.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <utility>

namespace nestwalk {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kMaxStackBytes = std::uint64_t{8} << 20;  // Linux's default limit
constexpr const char* kAnonymous = "[anonymous]";
constexpr const char* kHeap = "[heap]";
constexpr RegionRights kDataRights{.read = true, .write = true};

std::uint64_t stack_limit_bytes() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_STACK, &limit) == 0
             ? std::min<std::uint64_t>(limit.rlim_cur, kMaxStackBytes)
             : kMaxStackBytes;
}

RegionRights rights_of(std::uint64_t protection) {
  return {.read = (protection & PROT_READ) != 0,
          .write = (protection & PROT_WRITE) != 0,
          .execute = (protection & PROT_EXEC) != 0};
}

Region region_of(PageRange range, RegionRights rights, std::string name) {
  return {.start = Gva(range.start),
          .length_bytes = range.length_bytes,
          .rights = rights,
          .name = std::move(name)};
}

TraceEvent event_of(TraceEventKind kind) {
  TraceEvent event;
  event.kind = kind;
  return event;
}

// An event that names a range alone.
TraceEvent range_event(TraceEventKind kind, PageRange range) {
  return {.kind = kind, .region = region_of(range, {}, {})};
}

}  // namespace

RecordedProcess::RecordedProcess(RegionMap::MapsReader read_maps, Follow follow)
    : read_maps_(std::move(read_maps)), follow_(follow) {}

RecordedProcess RecordedProcess::fork(RegionMap::MapsReader read_maps) const {
  RecordedProcess child(std::move(read_maps), follow_);
  child.regions_ = regions_;
  child.is_first_image_ = false;
  child.image_ = image_;
  child.files_ = files_;
  child.data_segment_ = data_segment_;
  return child;
}

void RecordedProcess::feed(std::string_view text) {
  if (next_line_ == lines_.lines.size()) {
    lines_.clear();
    next_line_ = 0;
  }
  parser_.feed(text, lines_);
}

bool RecordedProcess::step(RecordedStep& out) {
  out = {};
  if (next_line_ == lines_.lines.size()) {
    return false;
  }
  const LackeyLine& line = lines_.lines[next_line_++];
  if (line.kind == LackeyLine::Kind::kText) {
    if (const auto call = calls_.take(lines_.texts[line.address])) {
      apply(*call, out);
    }
    return true;
  }
  std::vector<TraceRecord> accesses;
  coalescer_.convert(line, accesses);
  for (const TraceRecord& access : accesses) {
    put_access(access, out);
  }
  return true;
}

void RecordedProcess::end(RecordedStep& out) {
  out = {};
  put(event_of(TraceEventKind::kExit), out);
}

void RecordedProcess::put(const TraceEvent& event, RecordedStep& out) {
  TraceRecord record;
  record.event = &out.events.emplace_back(event);
  record.num_instructions = coalescer_.take_pending_instructions();
  out.records.push_back(record);
}

void RecordedProcess::put_access(const TraceRecord& access, RecordedStep& out) {
  if (image_ == Image::kNone) {
    begin_image(out);
  }
  if (image_ == Image::kWithoutStack && access.type != AccessType::kFetch) {
    image_ = Image::kComplete;
    learn_region(regions_.mark_stack(access.address, stack_limit_bytes(), read_maps_), out);
  }
  std::vector<TraceEvent> made_up;
  regions_.touch(access, read_maps_, made_up);
  for (const TraceEvent& event : made_up) {
    ++(event.kind == TraceEventKind::kMap ? num_added_ : num_widened_);
    put(event, out);
  }
  out.records.push_back(access);
}

void RecordedProcess::begin_image(RecordedStep& out) {
  image_ = Image::kWithoutStack;
  regions_ = RegionMap(read_maps_());
  for (const Region& region : regions_.regions()) {
    learn_region(region, out);
  }
}

void RecordedProcess::learn_region(const Region& region, RecordedStep& out) {
  if (is_first_image_) {
    initial_regions_.push_back(region);
  } else {
    put({.kind = TraceEventKind::kMap, .region = region}, out);
  }
}

void RecordedProcess::apply(const SystemCall& call, RecordedStep& out) {
  switch (call.kind) {
    case SystemCallKind::kOpen:
      files_[call.result] = call.path;
      return;
    case SystemCallKind::kClose:
      files_.erase(call.arguments[0]);
      return;
    case SystemCallKind::kMap:
      map(call, out);
      return;
    case SystemCallKind::kProtect: {
      const PageRange range = whole_pages(call.arguments[0], call.arguments[1]);
      const RegionRights rights = rights_of(call.arguments[2]);
      if (range.length_bytes != 0) {
        regions_.protect(range, rights);
        put({.kind = TraceEventKind::kProtect, .region = region_of(range, rights, {})}, out);
      }
      return;
    }
    case SystemCallKind::kUnmap:
      put_unmapped(whole_pages(call.arguments[0], call.arguments[1]), out);
      return;
    case SystemCallKind::kBreak:
      move_break(call.result, out);
      return;
    case SystemCallKind::kRemap:
      remap(call, out);
      return;
    case SystemCallKind::kAdvise:
      if (call.arguments[2] == MADV_DONTNEED) {  // the pages go, the mapping stays
        for (const Region& part :
             regions_.within(whole_pages(call.arguments[0], call.arguments[1]))) {
          put_mapped(part, out);
        }
      }
      return;
    case SystemCallKind::kFork:
      if (follow_ == Follow::kChildren) {
        put(event_of(TraceEventKind::kFork), out);
        out.forked_pid = call.child;
      }
      return;
    case SystemCallKind::kExec: {
      TraceEvent exec = event_of(TraceEventKind::kExec);
      exec.region.name = call.path;
      put(exec, out);
      regions_ = RegionMap();
      data_segment_.reset();
      is_first_image_ = false;
      image_ = Image::kNone;
      return;
    }
  }
}

void RecordedProcess::map(const SystemCall& call, RecordedStep& out) {
  const bool is_anonymous = (call.arguments[3] & MAP_ANONYMOUS) != 0;
  const auto file = files_.find(call.arguments[4]);
  const bool is_named = !is_anonymous && file != files_.end() && !file->second.empty();
  put_mapped(region_of(whole_pages(call.result, call.arguments[1]), rights_of(call.arguments[2]),
                       is_named ? file->second : std::string(is_anonymous ? kAnonymous : "[file]")),
             out);
}

// A mapping that moves or changes its length: the old one goes, the new one comes.
void RecordedProcess::remap(const SystemCall& call, RecordedStep& out) {
  const PageRange old_range = whole_pages(call.arguments[0], call.arguments[1]);
  const PageRange new_range = whole_pages(call.result, call.arguments[2]);
  const std::vector<Region> parts = regions_.within(whole_pages(call.arguments[0], 1));
  const Region like = parts.empty() ? region_of(new_range, kDataRights, kAnonymous) : parts.front();
  if (new_range.start != old_range.start) {
    put_unmapped(old_range, out);
    put_mapped(region_of(new_range, like.rights, like.name), out);
  } else if (new_range.length_bytes > old_range.length_bytes) {
    put_mapped(region_of({.start = old_range.end(),
                          .length_bytes = new_range.length_bytes - old_range.length_bytes},
                         like.rights, like.name),
               out);
  } else if (new_range.length_bytes < old_range.length_bytes) {
    put_unmapped(
        {.start = new_range.end(), .length_bytes = old_range.length_bytes - new_range.length_bytes},
        out);
  }
}

// What a mapping replaces is unmapped first.
void RecordedProcess::put_mapped(const Region& region, RecordedStep& out) {
  const PageRange range{.start = region.start.value(), .length_bytes = region.length_bytes};
  if (regions_.overlaps(range)) {
    put(range_event(TraceEventKind::kUnmap, range), out);
  }
  if (range.length_bytes != 0) {
    regions_.map(region);
    put({.kind = TraceEventKind::kMap, .region = region}, out);
  }
}

void RecordedProcess::put_unmapped(PageRange range, RecordedStep& out) {
  if (range.length_bytes != 0) {
    regions_.unmap(range);
    put(range_event(TraceEventKind::kUnmap, range), out);
  }
}

// The first call of a program asks where its data segment begins, and changes nothing.
void RecordedProcess::move_break(std::uint64_t end, RecordedStep& out) {
  if (!data_segment_) {
    data_segment_ = PageRange{.start = end, .length_bytes = 0};
  }
  if (end == data_segment_->end() || end < data_segment_->start) {
    return;
  }
  const PageRange old_pages = whole_pages(data_segment_->start, data_segment_->length_bytes);
  data_segment_->length_bytes = end - data_segment_->start;
  const PageRange new_pages = whole_pages(data_segment_->start, data_segment_->length_bytes);
  if (new_pages.length_bytes > old_pages.length_bytes) {
    regions_.map(region_of(
        {.start = old_pages.end(), .length_bytes = new_pages.length_bytes - old_pages.length_bytes},
        kDataRights, kHeap));
  } else if (new_pages.length_bytes < old_pages.length_bytes) {
    regions_.unmap({.start = new_pages.end(),
                    .length_bytes = old_pages.length_bytes - new_pages.length_bytes});
  }
  TraceEvent event = event_of(TraceEventKind::kBreak);
  event.region.start = Gva(end);
  event.region.length_bytes = data_segment_->length_bytes;
  put(event, out);
}

}  // namespace nestwalk
