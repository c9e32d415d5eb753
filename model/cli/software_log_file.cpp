#include "model/cli/software_log_file.h"

#include <fmt/format.h>

#include "model/sim/results.h"

namespace nestwalk {

SoftwareLogFile::SoftwareLogFile(const std::string& path, std::uint64_t limit)
    : path_(path), file_(path, std::ios::binary), num_left_(limit) {
  if (!file_) {
    throw ResultsError(fmt::format("cannot write {}", path_));
  }
}

void SoftwareLogFile::record(const LogRecord& record) {
  if (num_left_ == 0) {
    ++num_left_out_;
    return;
  }
  --num_left_;
  file_ << json_line(record) << '\n';
}

void SoftwareLogFile::close() {
  file_.close();
  if (!file_) {
    throw ResultsError(fmt::format("cannot write {}", path_));
  }
}

}  // namespace nestwalk
