#include "model/params/structures.h"

namespace nestwalk {

void describe(ArrayParams& p, ParameterVisitor& v) {
  v.integer({"entries", "entries", "Capacity; 0 removes the structure.", 0, 1U << 20}, p.entries);
  v.integer({"ways", "ways", "Associativity; 0 means fully associative.", 0, 1U << 20}, p.ways);
  v.choice({"replacement", "Which entry of a full set gives way.", kReplacementNames},
           p.replacement);
  v.choice({"index", "Which bits choose the set: the low ones, or those XOR the field above them.",
            kSetIndexNames},
           p.index);
}

void describe(InvalidateExtent& p, ParameterVisitor& v) {
  v.choice({"invalidate",
            "What an invalidation drops: what the manual requires, or everything of the stage.",
            kInvalidateExtentNames},
           p);
}

void describe(TlbParams& p, ParameterVisitor& v) {
  v.group({"page_4k", "Array for 4K pages."}, p.page_4k);
  v.group({"page_2m", "Array for 2M and 4M pages."}, p.page_2m);
  v.group({"page_1g", "Array for 1G pages."}, p.page_1g);
  v.boolean({"unified_2m", "Keep 2M pages in the 4K array instead of an own one."}, p.unified_2m);
  v.boolean({"unified_1g", "Keep 1G pages in the 4K array instead of an own one."}, p.unified_1g);
  v.integer({"latency_cycles", "cycles", "Time of one lookup.", 0, 1000}, p.latency_cycles);
  v.group({"beside",
           "A second array for 4K pages, searched together with page_4k; an entry goes "
           "where there is room, else to the two in turn."},
          p.beside);
  v.boolean({"beside_1g", "Keep 1G pages in the array `beside` instead of an own one."},
            p.beside_1g);
  v.boolean({"keep_pieces",
             "Keep a page whose size has no array as pieces of the next smaller size; false: do "
             "not keep it."},
            p.keep_pieces);
}

void describe(TlbPrefetchParams& p, ParameterVisitor& v) {
  v.choice({"kind", "Which pages are translated ahead: none, those that follow, or by stride.",
            kPrefetchKindNames},
           p.kind);
  v.integer({"degree", "pages", "How many pages at a time.", 1, kMaxPrefetchDegree}, p.degree);
  v.choice({"target", "Where translations fetched ahead wait for their first use.",
            kPrefetchTargetNames},
           p.target);
  v.group({"buffer", "target buffer: pages of every size."}, p.buffer);
  v.integer({"streams", "streams", "stride: regions of 256 MiB followed at a time.", 1, 1024},
            p.streams);
}

void describe(PwcParams& p, ParameterVisitor& v) {
  v.choice({"organisation", "How upper-level entries are cached.", kPwcOrganisationNames},
           p.organisation);
  v.choice({"content", "What a guest entry of a nested walk holds.", kPwcContentNames}, p.content);
  v.choice({"sharing", "Whether guest and host stage use one capacity.", kPwcSharingNames},
           p.sharing);
  v.group({"level_2", "Cached level-2 entries (PDE)."}, p.level_2);
  v.group({"level_3", "Cached level-3 entries (PDPTE)."}, p.level_3);
  v.group({"level_4", "Cached level-4 entries (PML4E)."}, p.level_4);
  v.group({"level_5", "Cached level-5 entries (PML5E)."}, p.level_5);
  v.group({"unified", "The one array of the unified and physical organisations."}, p.unified);
  v.boolean({"host_stage", "Cache upper levels of the host stage too (prefix organisations)."},
            p.host_stage);
  v.integer({"latency_cycles", "cycles", "Time of one lookup.", 0, 1000}, p.latency_cycles);
  describe(p.invalidate, v);
}

void describe(NtlbParams& p, ParameterVisitor& v) {
  v.group({"array", "Capacity and shape."}, p.array);
  v.boolean({"serve_final_walk", "Also serve the walk of the data page, not only table pages."},
            p.serve_final_walk);
  v.integer({"latency_cycles", "cycles", "Time of one lookup.", 0, 1000}, p.latency_cycles);
  describe(p.invalidate, v);
}

}  // namespace nestwalk
