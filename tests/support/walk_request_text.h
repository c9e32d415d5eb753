// Walk requests as the JSON lines of `nestwalk walk`: the inverse of parse_walk_request().
//
//   const std::string line = walk_request_text(id, context, access, words);
//
// Every key is written, whatever its default. Not for registers that a request cannot say: tags,
// PDPTEs.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "model/cli/walk_names.h"
#include "model/sim/walk_service.h"

namespace nestwalk {

inline std::string walk_request_text(std::uint64_t id, const WalkContext& context,
                                     const Access& access, const std::vector<MemoryWord>& words) {
  const Control& c = context.control;
  std::string text = fmt::format("{{\"id\":{}", id);
  if (context.has_guest) {
    text += fmt::format(R"(,"guest":{{"format":"{}","root":"{:#x}"}})",
                        format_name(kGuestFormats, context.guest_format), context.guest_root);
  }
  if (context.has_host) {
    text += fmt::format(
        R"(,"host":{{"format":"{}","root":"{:#x}","accessed_dirty":{},"execute_only":{},)"
        R"("mode_based_execute":{}}})",
        format_name(kHostFormats, context.host_format), context.host_root, c.accessed_dirty,
        c.execute_only, c.mode_based_execute);
  }
  text += fmt::format(
      R"(,"control":{{"maxphyaddr":{},"guest_maxphyaddr":{},"pkru":"{:#x}","wp":{},"nxe":{},)"
      R"("smep":{},"smap":{},"ac":{},"pke":{},"pse":{},"page_1g":{}}},"memory":[)",
      c.maxphyaddr, c.guest_maxphyaddr, c.pkru, c.wp, c.nxe, c.smep, c.smap, c.ac, c.pke, c.pse,
      c.page_1g);
  for (std::size_t i = 0; i < words.size(); ++i) {
    text += fmt::format(R"({}["{:#x}","{:#x}"])", i == 0 ? "" : ",", words[i].hpa.value(),
                        words[i].value);
  }
  return text +
         fmt::format(
             R"(],"access":{{"address":"{:#x}","type":"{}","privilege":"{}","implicit":{}}}}})",
             access.address.value(), name_of(access.type), name_of(access.privilege),
             access.implicit) +
         "\n";
}

}  // namespace nestwalk
