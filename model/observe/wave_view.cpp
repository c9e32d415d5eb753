#include "model/observe/wave_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <string_view>
#include <utility>

namespace nestwalk {

namespace {

// Flags of a trace in a save file (GTKWave's analyzer.h): TR_HEX, TR_DEC, TR_BIN with TR_RJUSTIFY;
// a file of names for its values; a table of names in the FST; begin and end of a group.
constexpr std::string_view kHexFlags = "@22";
constexpr std::string_view kDecimalFlags = "@24";
constexpr std::string_view kBitFlags = "@28";
constexpr std::string_view kTextFlags = "@20";
constexpr std::string_view kEnumFlags = "@100000028";
constexpr std::string_view kFilterFlags = "@2022";
constexpr std::string_view kGroupBegin = "@800200";
constexpr std::string_view kGroupEnd = "@1000200";
constexpr std::string_view kClosedGroupBegin = "@c00200";
constexpr std::string_view kClosedGroupEnd = "@1401200";

constexpr int kWindowWidth = 1600;
constexpr int kWindowHeight = 900;
constexpr int kNameWidth = 340;  // pixels, with the values at the cursor
constexpr int kWaveWidth = 1200;
// GTKWave's scale: 2^-zoom whole cycles to so many pixels.
constexpr int kFramePixels = 200;
constexpr std::uint64_t kMostCycles = 20'000;  // shown at first

std::string_view scope_of(std::string_view path) {
  return path.substr(0, path.rfind('.'));
}

std::filesystem::path filter_folder(const std::filesystem::path& wave_path) {
  return wave_path.parent_path() / (wave_path.stem().string() + "-filters");
}

void write_text(const std::filesystem::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) {
    throw WaveError(fmt::format("cannot write {}", path.string()));
  }
}

std::string_view name_of(const WaveSignalInfo& info) {
  return std::string_view(info.path).substr(info.path.rfind('.') + 1);
}

// With the plain name in place of name[63:0].
std::string trace_lines(const WaveFile& file, const WaveSignalInfo& info) {
  using Kind = WaveSignalInfo::Kind;
  const std::string trace =
      info.width > 1 ? fmt::format("+{{{}}} {}[{}:0]", name_of(info), info.path, info.width - 1)
                     : info.path;
  if (info.kind == Kind::kEnum && file.format() == WaveFormat::kVcd) {
    return fmt::format("{}\n^1 {}/{}.txt\n{}\n", kFilterFlags, filter_folder(file.path()).string(),
                       info.enum_name, trace);
  }
  const std::string_view flags = info.kind == Kind::kText   ? kTextFlags
                                 : info.kind == Kind::kEnum ? kEnumFlags
                                 : info.width == 1          ? kBitFlags
                                 : info.is_number           ? kDecimalFlags
                                                            : kHexFlags;
  return fmt::format("{}\n{}\n", flags, trace);
}

// Of many slots the first one is open.
bool is_closed(std::string_view scope) {
  const std::size_t slot = scope.rfind(".slot");
  return slot != std::string_view::npos && scope.substr(slot) != ".slot0";
}

void end_group(std::string& text, std::string_view scope) {
  if (!scope.empty()) {
    text += fmt::format("{}\n-{}\n", is_closed(scope) ? kClosedGroupEnd : kGroupEnd, scope);
  }
}

// What is seen at first: one walk and a little around it, or the beginning.
std::pair<std::uint64_t, std::uint64_t> first_view(const WaveFile& file) {
  std::uint64_t begin = file.first_cycle();
  std::uint64_t end = file.last_cycle();
  if (const auto& walk = file.first_walk(); walk && walk->end_cycle > walk->begin_cycle) {
    const std::uint64_t margin = (walk->end_cycle - walk->begin_cycle) / 40 + 1;
    begin = std::max(begin, walk->begin_cycle > margin ? walk->begin_cycle - margin : 0);
    end = std::min(end, walk->end_cycle + margin);
  }
  return {begin, std::min(end, begin + kMostCycles)};
}

}  // namespace

std::filesystem::path wave_view_path(const std::filesystem::path& wave_path) {
  std::filesystem::path path = wave_path;
  return path.replace_extension(".gtkw");
}

// Values as GTKWave shows them: with all digits.
std::string wave_filter_text(const std::vector<std::string>& labels) {
  constexpr std::size_t kPerDigit = 16;
  const int digits = labels.size() > kPerDigit ? 2 : 1;
  std::string text;
  for (std::size_t value = 0; value < labels.size(); ++value) {
    text += fmt::format("{:0{}X} {}\n", value, digits, labels[value]);
  }
  return text;
}

std::string wave_view_text(const WaveFile& file) {
  const auto [begin, end] = first_view(file);
  const double frame = std::ceil(static_cast<double>(end - begin + 1) * kFramePixels / kWaveWidth);
  const double zoom = -std::log2(frame + 0.01);  // it is rounded down
  std::string text = fmt::format(
      "[*] Written by nestwalk beside its wave file; 1 ns stands for one cycle.\n"
      "[dumpfile] \"{}\"\n[savefile] \"{}\"\n[timestart] {}\n[size] {} {}\n[pos] -1 -1\n"
      "*{:.6f} {}\n[sst_expanded] 0\n[signals_width] {}\n",
      std::filesystem::absolute(file.path()).string(),
      std::filesystem::absolute(wave_view_path(file.path())).string(), begin, kWindowWidth,
      kWindowHeight, zoom, begin, kNameWidth);
  std::string_view open_scope;
  for (const WaveSignalInfo& info : file.signals()) {
    const std::string_view scope = scope_of(info.path);
    if (scope != open_scope) {
      end_group(text, open_scope);
      text += fmt::format("{}\n-{}\n", is_closed(scope) ? kClosedGroupBegin : kGroupBegin, scope);
      open_scope = scope;
    }
    text += trace_lines(file, info);
  }
  end_group(text, open_scope);
  return text;
}

void write_wave_view(const WaveFile& file) {
  if (!file.is_written()) {
    return;
  }
  if (file.format() == WaveFormat::kVcd) {
    const std::filesystem::path folder = filter_folder(file.path());
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    for (const auto& [name, labels] : file.tables()) {
      write_text(folder / (name + ".txt"), wave_filter_text(labels));
    }
  }
  write_text(wave_view_path(file.path()), wave_view_text(file));
}

}  // namespace nestwalk
