#include "model/observe/wave_file.h"

#include <algorithm>
#include <bit>
#include <csignal>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "model/observe/fst.h"

namespace nestwalk {

namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

// Files that an abort must close. A signal handler can reach nothing but static storage.
std::set<WaveFile*>& open_files() {
  static std::set<WaveFile*> files;
  return files;
}

// A broken invariant calls abort() from an ordinary place: what comes before the end still works.
void close_on_abort(int number) {
  std::signal(number, SIG_DFL);
  const std::set<WaveFile*> files = open_files();
  for (WaveFile* file : files) {
    file->close();
  }
  std::raise(number);
}

std::string binary(std::uint64_t value, unsigned width) {
  std::string digits;
  for (unsigned bit = width; bit-- > 0;) {
    digits += ((value >> bit) & 1U) != 0 ? '1' : '0';
  }
  return digits;
}

}  // namespace

WaveFile::WaveFile(WaveFileParams params) : params_(std::move(params)) {
  if (!is_available()) {
    throw WaveError(std::string(what_is_missing()));
  }
  writer_ = fst::create(fst_path().string());
  if (writer_ == nullptr) {
    throw WaveError(fmt::format("cannot write {}", params_.path.string()));
  }
  const WaveWindow& window = params_.window;
  if (!window.around_failure_cycles && (!window.from || !window.from->is_walk)) {
    begin_cycle_ = window.from ? window.from->number : 0;
  }
  if (window.to && !window.to->is_walk && !window.around_failure_cycles) {
    end_cycle_ = window.to->number;
  }
  if (open_files().empty()) {
    std::signal(SIGABRT, close_on_abort);
  }
  open_files().insert(this);
}

WaveFile::~WaveFile() {
  try {
    close();
  } catch (const WaveError&) {  // who wants to hear of it closes it
  }
}

bool WaveFile::is_available() {
  return fst::kIsAvailable;
}

std::string_view WaveFile::what_is_missing() {
  return fst::kWhatIsMissing;
}

std::filesystem::path WaveFile::fst_path() const {
  std::filesystem::path path = params_.path;
  if (params_.format == WaveFormat::kVcd) {
    path += ".fst";
  }
  return path;
}

void WaveFile::push_scope(std::string_view name) {
  scopes_.emplace_back(name);
  fst::push_scope(writer_, scopes_.back());
}

void WaveFile::pop_scope() {
  scopes_.pop_back();
  fst::pop_scope(writer_);
}

WaveSignal WaveFile::add(std::string_view name, WaveSignalInfo::Kind kind, unsigned width,
                         std::uint32_t handle) {
  WaveSignalInfo info;
  for (const std::string& scope : scopes_) {
    info.path += scope + ".";
  }
  info.path += name;
  info.kind = kind;
  info.width = width;
  infos_.push_back(std::move(info));
  State state;
  state.handle = handle;
  states_.push_back(state);
  return static_cast<WaveSignal>(states_.size() - 1);
}

WaveSignal WaveFile::add_bits(std::string_view name, unsigned width) {
  return add(name, WaveSignalInfo::Kind::kBits, width,
             fst::add_bits(writer_, std::string(name), width));
}

WaveSignal WaveFile::add_count(std::string_view name, unsigned width) {
  const WaveSignal signal = add_bits(name, width);
  infos_.back().is_number = true;
  return signal;
}

WaveSignal WaveFile::add_enum(std::string_view name, std::string_view table,
                              std::span<const std::string_view> labels) {
  // GTKWave gives no names to a single bit.
  const auto width =
      std::max(2U, static_cast<unsigned>(std::bit_width(labels.size() - std::size_t{1})));
  const std::string table_name(table);
  if (!tables_.contains(table_name)) {
    std::vector<std::string> names(labels.begin(), labels.end());
    std::vector<std::string> values;
    for (std::size_t i = 0; i < names.size(); ++i) {
      values.push_back(binary(i, width));
    }
    table_handles_[table_name] = fst::add_table(writer_, table_name, width, names, values);
    tables_[table_name] = std::move(names);
  }
  fst::use_table(writer_, table_handles_.at(table_name));
  const WaveSignal signal = add(name, WaveSignalInfo::Kind::kEnum, width,
                                fst::add_bits(writer_, std::string(name), width));
  infos_.back().enum_name = table_name;
  return signal;
}

WaveSignal WaveFile::add_text(std::string_view name) {
  const WaveSignal signal =
      add(name, WaveSignalInfo::Kind::kText, 0, fst::add_text(writer_, std::string(name)));
  states_.back().value = text_number("-");
  return signal;
}

std::uint64_t WaveFile::text_number(std::string_view text) {
  const auto [entry, is_new] = text_numbers_.try_emplace(std::string(text), texts_.size());
  if (is_new) {
    texts_.push_back(entry->first);
  }
  return entry->second;
}

void WaveFile::set(std::uint64_t cycle, WaveSignal signal, std::uint64_t value) {
  push(cycle, signal, value, false);
}

void WaveFile::set(std::uint64_t cycle, WaveSignal signal, std::string_view text) {
  push(cycle, signal, text_number(text), false);
}

void WaveFile::pulse(std::uint64_t cycle, WaveSignal signal) {
  push(cycle, signal, 1, false);
  push(cycle + 1, signal, 0, true);
}

void WaveFile::announce(std::uint64_t cycle, WaveSignal signal, std::uint64_t value) {
  push(cycle, signal, value, true);
}

void WaveFile::push(std::uint64_t cycle, WaveSignal signal, std::uint64_t value,
                    bool is_announced) {
  if (is_closed_) {
    return;
  }
  State& state = states_[static_cast<std::size_t>(signal)];
  cycle = std::max(cycle, flushed_cycle_);  // too late to be where it belongs
  if (state.announced) {
    if (state.announced->first > cycle) {
      pending_.erase(*state.announced);
    }
    state.announced.reset();
  }
  const Key key{cycle, num_changes_++};
  pending_.emplace_hint(pending_.end(), key, Change{signal, value});
  if (is_announced) {
    state.announced = key;
    return;
  }
  if (cycle > newest_cycle_) {
    newest_cycle_ = cycle;
    const std::uint64_t horizon =
        std::max(params_.horizon_cycles, !is_failed_ && params_.window.around_failure_cycles
                                             ? *params_.window.around_failure_cycles
                                             : 0);
    if (newest_cycle_ > horizon) {
      flush(newest_cycle_ - horizon);
    }
  }
}

// The last value of a signal within a cycle is the one that is seen.
void WaveFile::flush(std::uint64_t before_cycle) {
  while (!pending_.empty() && pending_.begin()->first.first < before_cycle) {
    const std::uint64_t cycle = pending_.begin()->first.first;
    while (!pending_.empty() && pending_.begin()->first.first == cycle) {
      const auto node = pending_.extract(pending_.begin());
      State& state = states_[static_cast<std::size_t>(node.mapped().signal)];
      if (state.announced && *state.announced == node.key()) {
        state.announced.reset();
      }
      state.next = node.mapped().value;
      if (!state.is_touched) {
        state.is_touched = true;
        touched_.push_back(node.mapped().signal);
      }
    }
    apply(cycle);
    touched_.clear();
  }
  flushed_cycle_ = std::max(flushed_cycle_, before_cycle);
}

// What has changed in a cycle. A file that begins with it begins with the new values.
void WaveFile::apply(std::uint64_t cycle) {
  const bool is_inside =
      begin_cycle_ && cycle >= *begin_cycle_ && cycle <= end_cycle_.value_or(kNever);
  if (is_inside && !has_begun_ && cycle > *begin_cycle_) {
    begin_file(*begin_cycle_);
  }
  bool is_time_said = false;
  for (const WaveSignal signal : touched_) {
    const auto index = static_cast<std::size_t>(signal);
    State& state = states_[index];
    state.is_touched = false;
    if (state.next == state.value) {
      continue;
    }
    state.value = state.next;
    if (is_inside && has_begun_) {
      if (!is_time_said) {
        fst::set_time(writer_, cycle);
        last_cycle_ = cycle;
        is_time_said = true;
      }
      emit(state, infos_[index]);
    }
  }
  if (is_inside && !has_begun_) {
    begin_file(cycle);
  }
}

void WaveFile::begin_file(std::uint64_t cycle) {
  has_begun_ = true;
  first_cycle_ = cycle;
  last_cycle_ = cycle;
  fst::set_time(writer_, cycle);
  for (std::size_t i = 0; i < states_.size(); ++i) {
    emit(states_[i], infos_[i]);
  }
}

void WaveFile::emit(const State& state, const WaveSignalInfo& info) const {
  if (info.kind == WaveSignalInfo::Kind::kText) {
    fst::emit_text(writer_, state.handle, texts_[state.value]);
  } else {
    fst::emit_bits(writer_, state.handle, info.width, state.value);
  }
}

void WaveFile::walk_begins(std::uint64_t cycle, std::uint64_t number) {
  const WaveWindow& window = params_.window;
  if (window.from && window.from->is_walk && number >= window.from->number && !begin_cycle_) {
    begin_cycle_ = cycle;
  }
  const bool is_inside = begin_cycle_ && cycle >= *begin_cycle_;
  if (is_inside && !first_walk_) {
    first_walk_ = Walk{number, cycle, cycle};
  }
  if (window.to && window.to->is_walk && number <= window.to->number) {
    ++num_walks_open_;
    num_last_walks_ += number == window.to->number ? 1 : 0;
  }
}

// Walks end in any order.
void WaveFile::walk_ends(std::uint64_t cycle, std::uint64_t number) {
  const WaveWindow& window = params_.window;
  if (first_walk_ && first_walk_->number == number) {
    first_walk_->end_cycle = std::max(first_walk_->end_cycle, cycle);
  }
  if (window.to && window.to->is_walk && number <= window.to->number) {
    --num_walks_open_;
    if (num_walks_open_ == 0 && num_last_walks_ == params_.num_sides) {
      end_cycle_ = cycle;
    }
  }
}

void WaveFile::fail(std::uint64_t cycle) {
  if (is_failed_ || !params_.window.around_failure_cycles) {
    return;
  }
  is_failed_ = true;
  const std::uint64_t around = *params_.window.around_failure_cycles;
  begin_cycle_ = std::max(flushed_cycle_, cycle > around ? cycle - around : 0);
  end_cycle_ = cycle + around;
}

bool WaveFile::is_over() const {
  return is_closed_ || (end_cycle_ && newest_cycle_ > *end_cycle_ + params_.horizon_cycles);
}

void WaveFile::close() {
  if (is_closed_) {
    return;
  }
  is_closed_ = true;
  open_files().erase(this);
  if (open_files().empty()) {
    std::signal(SIGABRT, SIG_DFL);
  }
  flush(kNever);
  // A window in which nothing changed shows what stood.
  const bool is_reached = begin_cycle_ && *begin_cycle_ <= newest_cycle_;
  if (is_reached && !has_begun_) {
    begin_file(*begin_cycle_);
  }
  if (has_begun_) {  // the last cycle is seen to its end
    const std::uint64_t end = std::min(newest_cycle_, end_cycle_.value_or(kNever)) + 1;
    if (end > last_cycle_) {
      last_cycle_ = end;
      fst::set_time(writer_, end);
    }
  }
  const bool is_complete = fst::close(writer_);
  writer_ = nullptr;
  is_written_ = has_begun_;
  if (!has_begun_) {
    std::error_code ignored;
    std::filesystem::remove(fst_path(), ignored);
    return;
  }
  if (!is_complete) {
    throw WaveError(fmt::format("cannot write {}: is the disk full?", params_.path.string()));
  }
  if (params_.format == WaveFormat::kVcd) {
    convert_to_vcd();
  }
}

void WaveFile::convert_to_vcd() const {
  const bool is_written = fst::to_vcd(fst_path().string(), params_.path.string());
  std::error_code ignored;
  std::filesystem::remove(fst_path(), ignored);
  if (!is_written) {
    throw WaveError(fmt::format("cannot write {}", params_.path.string()));
  }
}

}  // namespace nestwalk
