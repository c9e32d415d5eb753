// A SoftwareLog as a file of JSON lines, with a bound on its length.
//
//   SoftwareLogFile log("log.jsonl", 1000);
//   run.execute({.log = &log});
//   log.close();
//
// Throws ResultsError if it cannot be written.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

#include "model/observe/software_log.h"

namespace nestwalk {

class SoftwareLogFile : public SoftwareLog {
 public:
  SoftwareLogFile(const std::string& path, std::uint64_t limit);

  void record(const LogRecord& record) override;
  void close();
  [[nodiscard]] std::uint64_t num_left_out() const { return num_left_out_; }

 private:
  std::string path_;
  std::ofstream file_;
  std::uint64_t num_left_;
  std::uint64_t num_left_out_ = 0;
};

}  // namespace nestwalk
