// Processor time of this process, summed over the pieces between start() and stop().
#pragma once

#include <ctime>

namespace nestwalk {

class BenchTimer {
 public:
  void start() { started_ = now(); }
  void stop() { seconds_ += now() - started_; }
  void reset() { seconds_ = 0; }
  [[nodiscard]] double seconds() const { return seconds_; }

 private:
  static double now() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }

  double started_ = 0;
  double seconds_ = 0;
};

}  // namespace nestwalk
