// What a viewer needs beside a wave file, made from the hierarchy that is in it: a save file of
// GTKWave, with a group for each scope, and for a VCD the filters that turn numbers of enumerations
// into names (an FST has them in itself).
//
//   file.close();
//   write_wave_view(file);          // waves.fst: waves.gtkw; waves.vcd: waves-filters/ as well
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "model/observe/wave_file.h"

namespace nestwalk {

// The save file's name: that of the wave file with .gtkw for its ending.
[[nodiscard]] std::filesystem::path wave_view_path(const std::filesystem::path& wave_path);

// Nothing if there is no wave file. Throws WaveError.
void write_wave_view(const WaveFile& file);

[[nodiscard]] std::string wave_view_text(const WaveFile& file);

// A translate filter of GTKWave: a line for each value, in hexadecimal, and its name.
[[nodiscard]] std::string wave_filter_text(const std::vector<std::string>& labels);

}  // namespace nestwalk
