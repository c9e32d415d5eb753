#include "model/hypervisor/checked_contexts.h"

#include <tuple>

namespace nestwalk {
namespace {

auto rules_of(const Control& c) {
  return std::tie(c.wp, c.nxe, c.smep, c.smap, c.ac, c.pke, c.pse, c.page_1g, c.accessed_dirty,
                  c.execute_only, c.mode_based_execute, c.maxphyaddr, c.guest_maxphyaddr, c.pkru);
}

auto format_rules_of(const Control& c) {
  return std::tie(c.nxe, c.pse, c.page_1g, c.accessed_dirty, c.execute_only, c.mode_based_execute,
                  c.maxphyaddr, c.guest_maxphyaddr);
}

bool have_same_host_stage(const CheckedContext& a, const CheckedContext& b) {
  const Tags& x = a.walk.tags;
  const Tags& y = b.walk.tags;
  return a.walk.has_host == b.walk.has_host && a.is_reference == b.is_reference &&
         a.walk.host_format == b.walk.host_format && a.walk.host_root == b.walk.host_root &&
         x.vpid == y.vpid && x.ep4ta == y.ep4ta && x.asid == y.asid &&
         format_rules_of(a.walk.control) == format_rules_of(b.walk.control);
}

}  // namespace

bool have_same_tables(const WalkContext& a, const WalkContext& b) {
  if (a.has_guest != b.has_guest || a.has_host != b.has_host ||
      format_rules_of(a.control) != format_rules_of(b.control)) {
    return false;
  }
  if (a.has_guest && (a.guest_format != b.guest_format || a.guest_root != b.guest_root ||
                      (a.uses_pdpte_registers() && a.pdptes.entry != b.pdptes.entry))) {
    return false;
  }
  return !a.has_host || (a.host_format == b.host_format && a.host_root == b.host_root);
}

ContextNumber CheckedContexts::number_of(const WalkContext& context, bool is_reference) {
  // Those used last are asked for most.
  for (ContextNumber n = size(); n-- > 0;) {
    const WalkContext& known = contexts_[n].walk;
    if (contexts_[n].is_reference == is_reference && known.tags == context.tags &&
        rules_of(known.control) == rules_of(context.control) && have_same_tables(known, context)) {
      return n;
    }
  }
  CheckedContext added;
  added.walk = context;
  added.is_reference = is_reference;
  if (context.has_guest) {
    added.guest = guest_rules(context);
  }
  if (context.has_host) {
    added.host = host_rules(context);
  }
  while (added.of_host < size() && !have_same_host_stage(contexts_[added.of_host], added)) {
    ++added.of_host;
  }
  contexts_.push_back(added);
  return size() - 1;
}

}  // namespace nestwalk
