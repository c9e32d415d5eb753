// Answers of `nestwalk walk` as JSON lines.
//
//   std::string line;
//   append_answer(line, request.id, answer);
//
// The format is described in docs/reference/walk.md.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "model/arch/translation.h"
#include "model/cli/walk_request.h"
#include "model/sim/walk_service.h"

namespace nestwalk {

// What the entries of both stages allow together, before WP, SMEP, SMAP and protection keys.
struct PageRights {
  bool read = false;
  bool write = false;
  bool execute = false;
  bool user = false;
};
[[nodiscard]] PageRights page_rights(const Translation& translation);

// Appends one line with its line feed.
void append_answer(std::string& out, std::string_view id, const WalkAnswer& answer);
void append_error(std::string& out, const RequestError& error, std::size_t line);

}  // namespace nestwalk
