// The main of SystemC tests: GoogleTest inside sc_main, where modules may be built and simulated.
//
//   TEST(Walker, AnswersAColdWalk) {
//     Testbench bench("bench");
//     sc_core::sc_start();
//     EXPECT_EQ(bench.num_answers(), 1U);
//   }
//
// A SystemC warning, error or fatal report fails the test that caused it. A test that expects a
// report sets its own handler. SystemC has one simulation context per process, so each case that
// elaborates needs a process of its own: CTest starts one per case.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <systemc>

#include "model/tlm/leak_check.h"

namespace {

void report_as_failure(const sc_core::sc_report& report, const sc_core::sc_actions& actions) {
  if (report.get_severity() >= sc_core::SC_WARNING) {
    ADD_FAILURE_AT(report.get_file_name(), report.get_line_number())
        << "SystemC " << report.get_msg_type() << ": " << report.get_msg();
  }
  sc_core::sc_report_handler::default_handler(report, actions);
}

void warn_about_shared_context() {
  if (testing::UnitTest::GetInstance()->test_to_run_count() > 1 && !GTEST_FLAG_GET(list_tests)) {
    std::cerr << "Several SystemC cases in one process share one simulation context and may fail "
                 "for that reason alone; run them through ctest, or one by --gtest_filter.\n";
  }
}

}  // namespace

int sc_main(int argc, char* argv[]) {
  testing::InitGoogleTest(&argc, argv);
  sc_core::sc_report_handler::set_handler(report_as_failure);
  // "Simulation stopped by user": sc_stop() is how a test ends its simulation, not news.
  sc_core::sc_report_handler::set_actions("/OSCI/SystemC", sc_core::SC_DO_NOTHING);
  warn_about_shared_context();
  return RUN_ALL_TESTS();
}

int main(int argc, char* argv[]) {
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 0);
  return sc_core::sc_elab_and_sim(argc, argv);
}
