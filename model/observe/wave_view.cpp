#include "model/observe/wave_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <string_view>

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

constexpr int kWindowWidth = 1600;
constexpr int kWindowHeight = 900;
constexpr int kNameWidth = 260;              // pixels
constexpr int kWaveWidth = 1000;             // what is left for the waves
constexpr std::uint64_t kMostCycles = 4000;  // shown at first

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

std::string trace_lines(const WaveFile& file, const WaveSignalInfo& info) {
  using Kind = WaveSignalInfo::Kind;
  const std::string name =
      info.width > 1 ? fmt::format("{}[{}:0]", info.path, info.width - 1) : info.path;
  if (info.kind == Kind::kEnum && file.format() == WaveFormat::kVcd) {
    return fmt::format("{}\n^1 {}/{}.txt\n{}\n", kFilterFlags, filter_folder(file.path()).string(),
                       info.enum_name, name);
  }
  const std::string_view flags = info.kind == Kind::kText   ? kTextFlags
                                 : info.kind == Kind::kEnum ? kEnumFlags
                                 : info.width == 1          ? kBitFlags
                                 : info.is_number           ? kDecimalFlags
                                                            : kHexFlags;
  return fmt::format("{}\n{}\n", flags, name);
}

}  // namespace

std::filesystem::path wave_view_path(const std::filesystem::path& wave_path) {
  std::filesystem::path path = wave_path;
  return path.replace_extension(".gtkw");
}

std::string wave_filter_text(const std::vector<std::string>& labels) {
  std::string text;
  for (std::size_t value = 0; value < labels.size(); ++value) {
    text += fmt::format("{:x} {}\n", value, labels[value]);
  }
  return text;
}

std::string wave_view_text(const WaveFile& file) {
  const std::uint64_t cycles = std::min(file.last_cycle() - file.first_cycle() + 1, kMostCycles);
  // A pixel stands for 2^-zoom cycles.
  const double zoom = -std::log2(static_cast<double>(cycles) / kWaveWidth);
  std::string text = fmt::format(
      "[*] Written by nestwalk beside its wave file; 1 ns stands for one cycle.\n"
      "[dumpfile] \"{}\"\n[savefile] \"{}\"\n[timestart] {}\n[size] {} {}\n[pos] -1 -1\n"
      "*{:.6f} {}\n[sst_expanded] 0\n[signals_width] {}\n",
      std::filesystem::absolute(file.path()).string(),
      std::filesystem::absolute(wave_view_path(file.path())).string(), file.first_cycle(),
      kWindowWidth, kWindowHeight, zoom, file.first_cycle(), kNameWidth);
  std::string_view open_scope;
  for (const WaveSignalInfo& info : file.signals()) {
    const std::string_view scope = scope_of(info.path);
    if (scope != open_scope) {
      if (!open_scope.empty()) {
        text += fmt::format("{}\n-{}\n", kGroupEnd, open_scope);
      }
      text += fmt::format("{}\n-{}\n", kGroupBegin, scope);
      open_scope = scope;
    }
    text += trace_lines(file, info);
  }
  if (!open_scope.empty()) {
    text += fmt::format("{}\n-{}\n", kGroupEnd, open_scope);
  }
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
