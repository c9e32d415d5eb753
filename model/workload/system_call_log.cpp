#include "model/workload/system_call_log.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <utility>

namespace nestwalk {
namespace {

struct CallShape {
  unsigned number = 0;
  SystemCallKind kind{};
  unsigned num_skipped = 0;    // arguments before those of the kind
  unsigned num_arguments = 0;  // of the kind
};

constexpr std::array kShapes = {
    CallShape{2, SystemCallKind::kOpen, 0, 0},       // open
    CallShape{257, SystemCallKind::kOpen, 1, 0},     // openat
    CallShape{3, SystemCallKind::kClose, 0, 1},      // close
    CallShape{9, SystemCallKind::kMap, 0, 5},        // mmap
    CallShape{10, SystemCallKind::kProtect, 0, 3},   // mprotect
    CallShape{329, SystemCallKind::kProtect, 0, 3},  // pkey_mprotect
    CallShape{11, SystemCallKind::kUnmap, 0, 2},     // munmap
    CallShape{12, SystemCallKind::kBreak, 0, 1},     // brk
    CallShape{25, SystemCallKind::kRemap, 0, 4},     // mremap
    CallShape{28, SystemCallKind::kAdvise, 0, 3},    // madvise
    CallShape{56, SystemCallKind::kFork, 0, 0},      // clone
    CallShape{57, SystemCallKind::kFork, 0, 0},      // fork
    CallShape{58, SystemCallKind::kFork, 0, 0},      // vfork
    CallShape{59, SystemCallKind::kExec, 0, 0},      // execve
    CallShape{322, SystemCallKind::kExec, 1, 0},     // execveat
};

constexpr std::string_view kCallPrefix = "SYSCALL[";
constexpr std::string_view kResultPrefix = " --> ";
constexpr std::string_view kSuccess = "Success(0x";
constexpr std::string_view kCreated = " created child ";

template <class Number>
std::optional<Number> take_number(std::string_view& text, int base = 10) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc()) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take_word(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) {
    return false;
  }
  text.remove_prefix(word.size());
  return true;
}

std::optional<std::uint64_t> take_argument(std::string_view& text) {
  if (take_word(text, "0x")) {
    return take_number<std::uint64_t>(text, 16);
  }
  if (text.starts_with('-')) {
    const auto value = take_number<std::int64_t>(text);
    return value ? std::optional(static_cast<std::uint64_t>(*value)) : std::nullopt;
  }
  return take_number<std::uint64_t>(text);
}

// Numbers with commas between, up to the arguments that the shape wants.
bool take_arguments(std::string_view text, const CallShape& shape, SystemCall& call) {
  for (unsigned i = 0; i < shape.num_skipped + shape.num_arguments; ++i) {
    const std::optional<std::uint64_t> value = take_argument(text);
    if (!value) {
      return false;
    }
    if (i >= shape.num_skipped) {
      call.arguments.push_back(*value);
    }
    if (i + 1 < shape.num_skipped + shape.num_arguments && !take_word(text, ", ")) {
      return false;
    }
  }
  return true;
}

// Of "0x4035e78(/usr/bin/ls), ...": the text in the first parentheses. A path may hold a
// parenthesis itself; what follows it is a comma.
std::string path_of(std::string_view text) {
  const std::size_t begin = text.find('(');
  const std::size_t end = text.rfind("), ");
  return begin == std::string_view::npos || end == std::string_view::npos || end < begin
             ? std::string()
             : std::string(text.substr(begin + 1, end - begin - 1));
}

std::optional<std::uint64_t> result_of(std::string_view text) {
  const std::size_t arrow = text.rfind(kResultPrefix);
  const std::size_t at =
      arrow == std::string_view::npos ? arrow : text.find(kSuccess, arrow + kResultPrefix.size());
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  text.remove_prefix(at + kSuccess.size());
  return take_number<std::uint64_t>(text, 16);
}

}  // namespace

std::optional<SystemCall> SystemCallParser::take(std::string_view line) {
  std::string_view rest = line;
  if (rest.starts_with(kResultPrefix)) {
    return finish(last_thread_, rest);
  }
  if (!take_word(rest, kCallPrefix)) {
    return std::nullopt;
  }
  const auto pid = take_number<std::int64_t>(rest);
  const bool has_thread = pid && take_word(rest, ",");
  const auto thread = has_thread ? take_number<unsigned>(rest) : std::nullopt;
  const bool has_number = thread && take_word(rest, "](");
  const auto number = has_number ? take_number<unsigned>(rest) : std::nullopt;
  if (!number || !take_word(rest, ") ")) {
    return std::nullopt;
  }
  last_thread_ = *thread;
  if (rest.starts_with("... [async]")) {
    return finish(*thread, rest);
  }
  pending_.erase(*thread);
  const auto* const shape =
      std::find_if(kShapes.begin(), kShapes.end(),
                   [number](const CallShape& candidate) { return candidate.number == *number; });
  const std::size_t open = rest.find("( ");
  if (shape == kShapes.end() || open == std::string_view::npos) {
    return std::nullopt;
  }
  rest.remove_prefix(open + 2);
  SystemCall call;
  call.kind = shape->kind;
  if (!take_arguments(rest, *shape, call)) {
    return std::nullopt;
  }
  if (call.kind == SystemCallKind::kOpen || call.kind == SystemCallKind::kExec) {
    call.path = path_of(rest);
  }
  if (call.kind == SystemCallKind::kFork) {
    const std::size_t created = rest.find(kCreated);
    if (created == std::string_view::npos) {  // a thread, or a failure
      return std::nullopt;
    }
    rest.remove_prefix(created + kCreated.size());
    call.child = take_number<std::int32_t>(rest).value_or(0);
    return call;
  }
  // The line of a successful exec is ended by the banner of the program that follows.
  if (call.kind == SystemCallKind::kExec) {
    return rest.find(")==") != std::string_view::npos ? std::optional(std::move(call))
                                                      : std::nullopt;
  }
  pending_[*thread] = std::move(call);
  return finish(*thread, rest);
}

// The pending call of a thread with its result, if this text has one.
std::optional<SystemCall> SystemCallParser::finish(unsigned thread, std::string_view text) {
  const auto pending = pending_.find(thread);
  if (pending == pending_.end()) {
    return std::nullopt;
  }
  const std::optional<std::uint64_t> result = result_of(text);
  if (!result) {
    if (text.rfind("Failure(") != std::string_view::npos) {
      pending_.erase(pending);
    }
    return std::nullopt;
  }
  SystemCall call = std::move(pending->second);
  pending_.erase(pending);
  call.result = *result;
  return call;
}

}  // namespace nestwalk
