// Requests in, answers out, line by line and in order. A line that is not a request is answered by
// an error, and the rest goes on.
#pragma once

#include <string>

#include "model/cli/command.h"
#include "model/sim/walk_service.h"

namespace nestwalk {

struct WalkStreamOptions {
  std::string input_name;  // for messages: a path, or "<stdin>"
  bool explain = false;    // text for people in place of JSON lines
};

// Answers are written out whenever the next request would have to be waited for, so a program can
// ask and read in turn. Returns the exit status.
int answer_requests(const WalkStreamOptions& options, WalkService& service, const Streams& streams);

}  // namespace nestwalk
