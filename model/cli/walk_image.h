// A page-table image: the table pages of a real machine, in a folder with
//   tables.bin.xz    records of a little-endian 64-bit page address and the 4096 bytes of that page
//   snapshot.json    the registers: `guest`, `host` and `control` as in a walk request (optional;
//                    else the table of registers in README.md, if it has one)
//
//   TableImage image;
//   if (const auto error = load_table_image("tests/fixtures/linux-nested", image)) { ... }
//
// Everything not listed reads as zero.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "model/sim/walk_service.h"

namespace nestwalk {

struct TableImage {
  std::vector<MemoryWord> words;  // those that are not zero
  std::size_t num_pages = 0;
  bool has_registers = false;  // they were found beside the tables
  WalkContext context;
};

// The message to print, or nothing.
[[nodiscard]] std::optional<std::string> load_table_image(const std::filesystem::path& folder,
                                                          TableImage& image);

}  // namespace nestwalk
