// Objects that come and go often, kept between uses; their addresses stay valid.
//
//   ObjectPool<Pending> pool;
//   Pending& p = pool.take();   // as it was left by its last user
//   pool.give(p);
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

namespace nestwalk {

template <class Object>
class ObjectPool {
 public:
  Object& take() {
    if (free_.empty()) {
      return all_.emplace_back();
    }
    Object& object = *free_.back();
    free_.pop_back();
    return object;
  }
  void give(Object& object) { free_.push_back(&object); }
  // visit(Object&), those that nobody has taken included.
  template <class Visit>
  void for_each(Visit visit) {
    for (Object& object : all_) {
      visit(object);
    }
  }
  [[nodiscard]] std::size_t num_taken() const { return all_.size() - free_.size(); }

 private:
  std::deque<Object> all_;
  std::vector<Object*> free_;
};

}  // namespace nestwalk
