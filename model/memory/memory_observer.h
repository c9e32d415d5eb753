// Who wants to hear of writes to a memory.
#pragma once

#include <cstdint>

#include "model/arch/address.h"

namespace nestwalk {

class MemoryObserver {
 public:
  virtual ~MemoryObserver() = default;
  // After the write, also of one that stored the value already there.
  virtual void on_write(Hpa address, std::uint64_t num_bytes) = 0;
};

// A pointer to an observer that stays with its object: a copy of the object is not observed, and
// assigning to an observed object leaves its observer in place.
class ObserverLink {
 public:
  ObserverLink() = default;
  ObserverLink(const ObserverLink&) {}
  ObserverLink& operator=(const ObserverLink&) { return *this; }
  ~ObserverLink() = default;

  void set(MemoryObserver* observer) { observer_ = observer; }
  [[nodiscard]] MemoryObserver* get() const { return observer_; }

 private:
  MemoryObserver* observer_ = nullptr;
};

}  // namespace nestwalk
