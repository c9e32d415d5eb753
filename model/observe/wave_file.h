// A wave file, FST or VCD: scopes with signals, and their values over time. One unit of time is one
// cycle and stands in the file as one nanosecond.
//
//   WaveFile file({.path = "waves.fst"});
//   file.push_scope("core0");
//   const WaveSignal state = file.add_enum("state", "walk_state", kStateNames);
//   const WaveSignal kill = file.add_bits("kill", 1);
//   file.pop_scope();
//   file.set(cycle, state, 2);
//   file.pulse(cycle, kill);        // high for that cycle
//   file.close();                   // or the destructor; a call of abort() closes it, too
//
// Values may come out of order by up to `horizon_cycles`. A value replaces what a pulse has
// announced for a later time. The window says what of it gets into the file; values from before it
// are where it begins. Throws WaveError if the file cannot be written or if this build cannot write
// waves. Not for statistics, and not for what is not simulated: nobody pays for a file that is not
// there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/observe/wave_window.h"

namespace nestwalk {

class WaveError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class WaveFormat : std::uint8_t { kFst, kVcd };

enum class WaveSignal : std::uint32_t {};

// What a viewer needs to know of a signal.
struct WaveSignalInfo {
  enum class Kind : std::uint8_t { kBits, kEnum, kText };
  std::string path;  // scopes and name, with dots
  Kind kind = Kind::kBits;
  unsigned width = 1;      // bits; kText: 0
  std::string enum_name;   // kEnum
  bool is_number = false;  // kBits: a count, to be read in decimal
};

struct WaveFileParams {
  std::filesystem::path path;
  WaveFormat format = WaveFormat::kFst;
  WaveWindow window;
  std::uint64_t horizon_cycles = 16;
  unsigned num_sides = 1;  // that each number their walks from 1: the model, the RTL
};

class WaveFile {
 public:
  explicit WaveFile(WaveFileParams params);
  ~WaveFile();
  WaveFile(const WaveFile&) = delete;
  WaveFile& operator=(const WaveFile&) = delete;

  // Whether this build can write waves; if not, what is missing.
  [[nodiscard]] static bool is_available();
  [[nodiscard]] static std::string_view what_is_missing();

  // The hierarchy, before the first value.
  void push_scope(std::string_view name);
  void pop_scope();
  WaveSignal add_bits(std::string_view name, unsigned width);
  WaveSignal add_count(std::string_view name, unsigned width);
  // Signals with the same table share it by its name.
  WaveSignal add_enum(std::string_view name, std::string_view table,
                      std::span<const std::string_view> labels);
  WaveSignal add_text(std::string_view name);

  void set(std::uint64_t cycle, WaveSignal signal, std::uint64_t value);
  void set(std::uint64_t cycle, WaveSignal signal, std::string_view text);
  void pulse(std::uint64_t cycle, WaveSignal signal);
  // At `cycle`, unless another value of the signal comes before.
  void announce(std::uint64_t cycle, WaveSignal signal, std::uint64_t value);

  // For windows by walk number, from 1.
  void walk_begins(std::uint64_t cycle, std::uint64_t number);
  void walk_ends(std::uint64_t cycle, std::uint64_t number);
  // For the window around a failure. The first one counts.
  void fail(std::uint64_t cycle);

  // Nothing that comes later gets into the file.
  [[nodiscard]] bool is_over() const;
  // After close(): there is something in the file. If not, there is no file.
  [[nodiscard]] bool is_written() const { return is_written_; }
  void close();

  [[nodiscard]] const std::filesystem::path& path() const { return params_.path; }
  [[nodiscard]] WaveFormat format() const { return params_.format; }
  [[nodiscard]] const std::vector<WaveSignalInfo>& signals() const { return infos_; }
  // Tables of enumerations by name.
  [[nodiscard]] const std::map<std::string, std::vector<std::string>>& tables() const {
    return tables_;
  }
  // What is in the file so far: of its first and last change.
  [[nodiscard]] std::uint64_t first_cycle() const { return first_cycle_; }
  [[nodiscard]] std::uint64_t last_cycle() const { return last_cycle_; }
  struct Walk {
    std::uint64_t number = 0;
    std::uint64_t begin_cycle = 0;
    std::uint64_t end_cycle = 0;
  };
  // The first one that begins in the window.
  [[nodiscard]] const std::optional<Walk>& first_walk() const { return first_walk_; }

 private:
  // Of a change: cycle, then the order in which they came.
  using Key = std::pair<std::uint64_t, std::uint64_t>;
  struct Change {
    WaveSignal signal{};
    std::uint64_t value = 0;
  };
  struct State {
    std::uint32_t handle = 0;
    std::uint64_t value = 0;  // of a text: its number
    std::uint64_t next = 0;   // within a cycle
    bool is_touched = false;
    std::optional<Key> announced;
  };

  WaveSignal add(std::string_view name, WaveSignalInfo::Kind kind, unsigned width,
                 std::uint32_t handle);
  void push(std::uint64_t cycle, WaveSignal signal, std::uint64_t value, bool is_announced);
  void flush(std::uint64_t before_cycle);
  void apply(std::uint64_t cycle);
  void begin_file(std::uint64_t cycle);
  void emit(const State& state, const WaveSignalInfo& info) const;
  [[nodiscard]] std::uint64_t text_number(std::string_view text);
  void convert_to_vcd() const;
  [[nodiscard]] std::filesystem::path fst_path() const;

  WaveFileParams params_;
  void* writer_ = nullptr;
  std::vector<std::string> scopes_;
  std::vector<WaveSignalInfo> infos_;
  std::vector<State> states_;
  std::map<std::string, std::vector<std::string>> tables_;
  std::map<std::string, std::uint32_t> table_handles_;
  std::vector<std::string> texts_;
  std::unordered_map<std::string, std::uint64_t> text_numbers_;

  std::map<Key, Change> pending_;
  std::uint64_t num_changes_ = 0;
  std::uint64_t newest_cycle_ = 0;
  std::uint64_t flushed_cycle_ = 0;  // nothing before it is changed any more
  std::vector<WaveSignal> touched_;

  std::optional<std::uint64_t> begin_cycle_;  // of the window, as soon as it is known
  std::optional<std::uint64_t> end_cycle_;    // the last one
  std::uint64_t num_walks_open_ = 0;
  std::uint64_t num_last_walks_ = 0;  // how many sides have come to walk `to`
  std::optional<Walk> first_walk_;
  bool is_failed_ = false;
  bool has_begun_ = false;
  bool is_written_ = false;
  bool is_closed_ = false;
  std::uint64_t first_cycle_ = 0;
  std::uint64_t last_cycle_ = 0;
};

}  // namespace nestwalk
