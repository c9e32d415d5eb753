#include "model/cli/walk_machine_text.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "model/cli/walk_names.h"

namespace nestwalk {

namespace {

std::string guest_text(const WalkContext& context) {
  if (!context.has_guest) {
    return "paging off: the address is guest-physical";
  }
  return fmt::format("{}, gCR3 {:#x}{}{}", format_name(kGuestFormats, context.guest_format),
                     context.guest_root, context.has_host ? " (guest-physical)" : "",
                     context.has_shadow
                         ? fmt::format("; agile, from a shadow at {:#x}", context.shadow_root)
                         : "");
}

std::string host_text(const WalkContext& context) {
  if (!context.has_host) {
    return "none: guest-physical addresses are host-physical";
  }
  const std::string_view name = format_name(kHostFormats, context.host_format);
  if (context.is_npt()) {
    return fmt::format("{}, nCR3 {:#x}", name, context.host_root);
  }
  const auto on = [](bool value) { return value ? "on" : "off"; };
  const Control& control = context.control;
  return fmt::format("{}, root {:#x}, accessed/dirty {}, execute-only {}, mode-based execute {}",
                     name, context.host_root, on(control.accessed_dirty), on(control.execute_only),
                     on(control.mode_based_execute));
}

std::string control_text(const Control& c) {
  const std::array<std::pair<bool, std::string_view>, 8> flags = {{{c.wp, "wp"},
                                                                   {c.nxe, "nxe"},
                                                                   {c.smep, "smep"},
                                                                   {c.smap, "smap"},
                                                                   {c.ac, "ac"},
                                                                   {c.pke, "pke"},
                                                                   {c.pse, "pse"},
                                                                   {c.page_1g, "page_1g"}}};
  std::vector<std::string_view> on;
  for (const auto& [is_on, name] : flags) {
    if (is_on) {
      on.push_back(name);
    }
  }
  return fmt::format("{}; maxphyaddr {}, guest_maxphyaddr {}{}", fmt::join(on, " "), c.maxphyaddr,
                     c.guest_maxphyaddr, c.pke ? fmt::format(", pkru {:#x}", c.pkru) : "");
}

}  // namespace

std::string describe_machine(const WalkContext& context) {
  return fmt::format("  guest    {}\n  host     {}\n  control  {}\n", guest_text(context),
                     host_text(context), control_text(context.control));
}

}  // namespace nestwalk
