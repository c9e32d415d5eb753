// A walk request: one JSON object on one line, checked to the last key.
//
//   WalkRequest request;
//   if (const auto error = parse_walk_request(line, request)) { ... error->what ... }
//
// The format is described in docs/reference/walk.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/arch/access.h"
#include "model/arch/paging_format.h"
#include "model/cli/walk_request_reader.h"
#include "model/sim/walk_service.h"
#include "model/walk/context.h"

namespace nestwalk {

struct WalkRequest {
  std::string id = "null";  // any JSON value as its own text, echoed unchanged
  WalkContext context;
  Access access;
  std::vector<MemoryWord> memory;
};

// Fills `request`, whose buffers are used again, or says what is wrong with the text.
[[nodiscard]] std::optional<RequestError> parse_walk_request(std::string_view text,
                                                             WalkRequest& request);

// The part of a request that describes a machine: an object of `guest`, `host` and `control`, as
// in the snapshot.json of a page-table image.
[[nodiscard]] std::optional<RequestError> parse_walk_machine(std::string_view text,
                                                             WalkContext& context);

// What is wrong with the address of an access in these modes, or nothing.
[[nodiscard]] std::optional<std::string> find_address_problem(const WalkContext& context,
                                                              std::uint64_t address);
[[nodiscard]] std::optional<std::string> find_root_problem(FormatId format, std::uint64_t root);

}  // namespace nestwalk
