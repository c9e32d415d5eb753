// The shared main of SystemC tests: each case elaborates and simulates on its own, and a report of
// SystemC fails the case that caused it.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <systemc>

namespace nestwalk {
namespace {

class Counter : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(Counter);
  explicit Counter(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
    SC_THREAD(count);
  }

  int value = 0;

 private:
  void count() {
    for (; value < 3; ++value) {
      wait(10, sc_core::SC_NS);
    }
    sc_core::sc_stop();
  }
};

TEST(SystemcMain, RunsOneSimulation) {
  Counter counter("counter");
  sc_core::sc_start();
  EXPECT_EQ(counter.value, 3);
  EXPECT_EQ(sc_core::sc_time_stamp(), sc_core::sc_time(30, sc_core::SC_NS));
}

// Fails in the process of the case above: two simulations need two processes.
TEST(SystemcMain, RunsASecondSimulationInItsOwnProcess) {
  Counter counter("counter");
  sc_core::sc_start();
  EXPECT_EQ(counter.value, 3);
}

TEST(SystemcMain, TurnsAWarningIntoAFailure) {
  EXPECT_NONFATAL_FAILURE(SC_REPORT_WARNING("nestwalk/test", "on purpose"), "on purpose");
}

TEST(SystemcMain, TurnsAnErrorIntoAFailureAndAnException) {
  EXPECT_NONFATAL_FAILURE(
      EXPECT_THROW(SC_REPORT_ERROR("nestwalk/test", "on purpose"), sc_core::sc_report),
      "on purpose");
}

TEST(SystemcMain, LetsInformationPass) {
  sc_core::sc_report_handler::set_actions("nestwalk/test", sc_core::SC_DO_NOTHING);
  SC_REPORT_INFO("nestwalk/test", "all is well");
  SUCCEED();
}

}  // namespace
}  // namespace nestwalk
