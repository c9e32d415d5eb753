// The registers of a page-table image from the table in its README.md, for images that come without
// a snapshot.json. Rows it knows, in any order and spelling of case:
//
//   | guest format | x86 4-level, NX on |
//   | host format | NPT, x86 4-level |
//   | gCR3 (a guest-physical address) | 0x54e0000 |
//   | nCR3 (a host-physical address) | 0x2fd89000 |
//
// All of it or nothing: a README that names only some is prose, not a description.
#pragma once

#include <optional>
#include <string_view>

#include "model/walk/context.h"

namespace nestwalk {

[[nodiscard]] std::optional<WalkContext> registers_from_readme(std::string_view text);

}  // namespace nestwalk
