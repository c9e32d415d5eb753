// The parameters of guests, VMs and hypervisor as their descriptors show them.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/params/guest.h"
#include "model/params/hypervisor.h"

namespace nestwalk {
namespace {

// Checks each descriptor and its default; remembers the names.
class Checker : public ParameterVisitor {
 public:
  std::set<std::string> names;

 protected:
  void visit_integer(const IntegerParameter& d, std::uint64_t& value) override {
    check(d.name, d.text);
    EXPECT_TRUE(!d.unit.empty() || d.name == "seed") << d.name;
    EXPECT_GE(value, d.min) << d.name;
    EXPECT_LE(value, d.max) << d.name;
    EXPECT_LT(d.min, d.max) << d.name;
  }
  void visit_number(const NumberParameter& d, double&) override { check(d.name, d.text); }
  void visit_boolean(const BooleanParameter& d, bool&) override { check(d.name, d.text); }
  void visit_choice(const ChoiceParameter& d, std::size_t& index) override {
    check(d.name, d.text);
    EXPECT_LT(index, d.names.size()) << d.name;
  }
  void visit_text(const TextParameter& d, std::string&) override { check(d.name, d.text); }
  void begin_group(const GroupParameter& d) override {
    groups_.push_back(std::string(d.name) + ".");
  }
  void end_group() override { groups_.pop_back(); }
  std::size_t begin_list(const ListParameter&, std::size_t size) override { return size; }
  void begin_element(std::size_t) override {}
  void end_element() override {}
  void end_list() override {}

 private:
  void check(std::string_view name, std::string_view text) {
    std::string path;
    for (const std::string& group : groups_) {
      path += group;
    }
    path += name;
    EXPECT_TRUE(names.insert(path).second) << path << " twice";
    EXPECT_TRUE(text.ends_with(".")) << path << ": one sentence or more";
  }

  std::vector<std::string> groups_;
};

template <class Params>
std::set<std::string> names_of() {
  Checker checker;
  Params params;
  describe(params, checker);
  return checker.names;
}

TEST(SoftwareParams, DefaultsLieInTheirRangesAndEveryParameterIsExplained) {
  EXPECT_EQ(names_of<GuestParams>().size(), 26U);
  EXPECT_EQ(names_of<VmParams>().size(), 48U);
  EXPECT_EQ(names_of<HypervisorParams>().size(), 24U);
}

TEST(SoftwareParams, HostFormatsAreNamedAfterTheirRulesAndLevels) {
  for (unsigned i = 0; i < kHostFormatNames.size(); ++i) {
    const PagingFormat& format = format_of(format_id(static_cast<HostFormat>(i)));
    const bool is_ept = kHostFormatNames[i].starts_with("ept-");
    EXPECT_EQ(format.rules == RuleSet::kEpt, is_ept) << kHostFormatNames[i];
    const std::string_view suffix = kHostFormatNames[i].substr(4);
    EXPECT_TRUE(format.name.ends_with(suffix)) << kHostFormatNames[i];
  }
}

// The published round trips and totals that the defaults stand for.
TEST(SoftwareParams, DefaultsComeToThePublishedTotals) {
  const GuestParams guest;
  const unsigned minor_fault =
      guest.fault_cycles + guest.frame_allocation_cycles + guest.clear_4k_cycles;
  EXPECT_GE(minor_fault, 1000U);
  EXPECT_LE(minor_fault, 2500U);
  EXPECT_EQ(guest.max_single_invalidations, 33U);
  const HypervisorParams host;
  const unsigned violation = host.exit_cycles + host.violation_cycles +
                             host.frame_allocation_cycles + host.clear_4k_cycles;
  EXPECT_GE(violation, 3000U);
  EXPECT_LE(violation, 8000U);
}

}  // namespace
}  // namespace nestwalk
