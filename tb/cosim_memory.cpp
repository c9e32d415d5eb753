#include "tb/cosim_memory.h"

#include <algorithm>

namespace nestwalk {

CosimMemory::CosimMemory(const CosimMemoryParams& params, EntryInventor& inventor, Draws& random)
    : inventor_(inventor),
      random_(random),
      bus_error_(params.bus_error_percent),
      poison_(params.poison_percent),
      racing_write_(params.racing_write_percent) {}

CosimMemory::Word& CosimMemory::touch(const PinWalker::TableRequest& request) {
  Word& word = words_[request.hpa.value() >> 3];
  const unsigned halves = request.bytes == 8 ? 3U : shift_of(request) != 0 ? 2U : 1U;
  if ((word.known_halves & halves) == 0) {
    const unsigned level = request.stage == Stage::kGuest ? request.position.g : request.position.h;
    const std::uint64_t entry = inventor_.entry(request.stage, level);
    word.value = (word.value & ~mask_of(request)) | (entry << shift_of(request));
    word.is_poisoned = poison_.draw(random_);
  }
  word.known_halves = static_cast<std::uint8_t>(word.known_halves | halves);
  return word;
}

std::optional<std::uint64_t> CosimMemory::read(const PinWalker::TableRequest& request) {
  const Word& word = touch(request);
  const std::uint64_t value = (word.value & mask_of(request)) >> shift_of(request);
  const bool is_error = word.is_poisoned || bus_error_.draw(random_);
  recent_[num_reads_++ % recent_.size()] = request;
  if (racing_write_.draw(random_)) {
    race();
  }
  if (is_error) {
    ++num_errors_;
    return std::nullopt;
  }
  return value;
}

AnswerKind CosimMemory::update(const PinWalker::TableRequest& request) {
  Word& word = touch(request);
  if (word.is_poisoned || bus_error_.draw(random_)) {
    ++num_errors_;
    return AnswerKind::kError;
  }
  if ((word.value & mask_of(request)) >> shift_of(request) != request.expected) {
    return AnswerKind::kLost;
  }
  word.value = (word.value & ~mask_of(request)) | (request.desired << shift_of(request));
  return AnswerKind::kStored;
}

// Another agent: a bit of an entry that was read lately, or the whole entry anew.
void CosimMemory::race() {
  const std::uint64_t known = std::min<std::uint64_t>(num_reads_, recent_.size());
  const PinWalker::TableRequest& where = recent_[random_.below(known)];
  Word& word = words_[where.hpa.value() >> 3];
  ++num_racing_writes_;
  if (random_.percent(70)) {
    word.value ^= std::uint64_t{1} << (shift_of(where) + random_.below(8 * where.bytes));
    return;
  }
  const unsigned level = where.stage == Stage::kGuest ? where.position.g : where.position.h;
  const std::uint64_t entry = inventor_.entry(where.stage, level);
  word.value = (word.value & ~mask_of(where)) | (entry << shift_of(where));
}

}  // namespace nestwalk
