#include "model/cli/run_verdict.h"

#include <ostream>

namespace nestwalk {

bool report_broken_rules(const RunResult& result, std::ostream& err) {
  for (const std::string& violation : result.law_violations) {
    err << "nestwalk run: counter law broken: " << violation << "\n";
  }
  for (const std::string& problem : result.walker_problems) {
    err << "nestwalk run: wrong walk: " << problem << "\n";
  }
  for (const std::string& violation : result.check_violations) {
    err << "nestwalk run: wrong translation: " << violation;
  }
  if (!result.check_violations.empty()) {
    err << "nestwalk run: some translations were wrong (check); how to read this: "
           "docs/verification/checker.md\n";
  }
  return result.law_violations.empty() && result.check_violations.empty() &&
         result.walker_problems.empty();
}

}  // namespace nestwalk
