// `nestwalk walk --snapshot DIR`: one address or every leaf of a page-table image.
#pragma once

#include "model/cli/walk_command.h"

namespace nestwalk {

int run_walk_snapshot(const WalkOptions& options, WalkService& service, const Streams& streams);

}  // namespace nestwalk
