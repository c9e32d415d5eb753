#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "model/cli/walk_request.h"

namespace nestwalk {
namespace {

constexpr std::string_view kAccess =
    R"("access":{"address":"0x10","type":"read","privilege":"user"})";

std::string with_access(std::string_view members) {
  std::string text = "{";
  text += members;
  text += members.empty() ? "" : ",";
  text += kAccess;
  return text + "}";
}

WalkRequest parsed(std::string_view text) {
  WalkRequest request;
  const auto error = parse_walk_request(text, request);
  EXPECT_FALSE(error) << text << "\n" << (error ? error->what : "");
  return request;
}

RequestError refused(std::string_view text) {
  WalkRequest request;
  const auto error = parse_walk_request(text, request);
  EXPECT_TRUE(error) << text;
  return error.value_or(RequestError{});
}

TEST(WalkRequest, DefaultsAreThoseOfTheContract) {
  const WalkRequest request = parsed(with_access(""));
  EXPECT_EQ(request.id, "null");
  EXPECT_FALSE(request.context.has_guest);
  EXPECT_FALSE(request.context.has_host);
  EXPECT_TRUE(request.memory.empty());
  EXPECT_FALSE(request.access.implicit);
  const Control& control = request.context.control;
  EXPECT_TRUE(control.wp && control.nxe && control.pse && control.page_1g && control.execute_only);
  EXPECT_FALSE(control.smep || control.smap || control.ac || control.pke ||
               control.accessed_dirty || control.mode_based_execute);
  EXPECT_EQ(control.pkru, 0U);
  EXPECT_EQ(control.maxphyaddr, 52);
  EXPECT_EQ(control.guest_maxphyaddr, 52);
}

TEST(WalkRequest, EveryKeyReachesItsField) {
  const WalkRequest request = parsed(
      R"({"memory":[["0x1000","0x7"],["0x1008","0xffffffffffffffff"]],)"
      R"("host":{"root":"0x200000","format":"ept-5level","accessed_dirty":true,)"
      R"("execute_only":false,"mode_based_execute":true},)"
      R"("guest":{"format":"x86-5level","root":"0x1000"},)"
      R"("control":{"wp":false,"nxe":false,"smep":true,"smap":true,"ac":true,"pke":true,)"
      R"("pkru":"0xFfffffff","pse":false,"page_1g":false,"guest_maxphyaddr":36,"maxphyaddr":40},)"
      R"("access":{"implicit":true,"privilege":"supervisor","type":"fetch","address":"0xABC"},)"
      R"("id":"x"})");
  EXPECT_EQ(request.id, "\"x\"");
  const WalkContext& context = request.context;
  EXPECT_TRUE(context.has_guest && context.has_host);
  EXPECT_EQ(context.guest_format, FormatId::kX86FiveLevel);
  EXPECT_EQ(context.guest_root, 0x1000U);
  EXPECT_EQ(context.host_format, FormatId::kEptFiveLevel);
  EXPECT_EQ(context.host_root, 0x200000U);
  const Control& control = context.control;
  EXPECT_FALSE(control.wp || control.nxe || control.pse || control.page_1g || control.execute_only);
  EXPECT_TRUE(control.smep && control.smap && control.ac && control.pke && control.accessed_dirty &&
              control.mode_based_execute);
  EXPECT_EQ(control.pkru, 0xffffffffU);
  EXPECT_EQ(control.maxphyaddr, 40);
  EXPECT_EQ(control.guest_maxphyaddr, 36);
  EXPECT_EQ(request.access.address, Gva(0xabc));
  EXPECT_EQ(request.access.type, AccessType::kFetch);
  EXPECT_EQ(request.access.privilege, Privilege::kSupervisor);
  EXPECT_TRUE(request.access.implicit);
  const std::vector<MemoryWord> expected = {{Hpa(0x1000), 7}, {Hpa(0x1008), ~std::uint64_t{0}}};
  EXPECT_EQ(request.memory, expected);
}

TEST(WalkRequest, GuestWidthFollowsTheMachineUnlessItIsGiven) {
  EXPECT_EQ(parsed(with_access(R"("control":{"maxphyaddr":39})")).context.control.guest_maxphyaddr,
            39);
}

TEST(WalkRequest, EveryFormatNameIsKnown) {
  for (const FormatName& format : kGuestFormats) {
    const std::string guest = R"("guest":{"root":"0x0","format":")" + std::string(format.name);
    EXPECT_EQ(parsed(with_access(guest + "\"}")).context.guest_format, format.id);
  }
  for (const FormatName& format : kHostFormats) {
    const std::string host = R"("host":{"root":"0x0","format":")" + std::string(format.name);
    const WalkContext context = parsed(with_access(host + "\"}")).context;
    EXPECT_EQ(context.host_format, format.id);
    EXPECT_EQ(context.is_npt(), format.name.starts_with("npt")) << format.name;
  }
}

TEST(WalkRequest, NullStagesAreAbsent) {
  const WalkRequest request = parsed(with_access(R"("guest":null,"host":null,"id":null)"));
  EXPECT_FALSE(request.context.has_guest || request.context.has_host);
}

TEST(WalkRequest, NothingSurvivesFromTheRequestBefore) {
  WalkRequest request;
  ASSERT_FALSE(
      parse_walk_request(with_access(R"("id":1,"guest":{"format":"x86-pae","root":"0x1000"},)"
                                     R"("control":{"smep":true},"memory":[["0x0","0x1"]])"),
                         request));
  ASSERT_FALSE(parse_walk_request(with_access(""), request));
  EXPECT_EQ(request.id, "null");
  EXPECT_FALSE(request.context.has_guest || request.context.control.smep);
  EXPECT_TRUE(request.memory.empty());
}

TEST(WalkRequest, AnUnknownKeyNamesTheNearestAndItsPlace) {
  const RequestError error = refused(with_access(R"("guest":{"fromat":"x86-pae"})"));
  EXPECT_NE(error.what.find("\"fromat\""), std::string::npos);
  EXPECT_NE(error.what.find("did you mean \"format\""), std::string::npos);
  EXPECT_EQ(error.path, "guest");
  EXPECT_EQ(error.line, 1U);
  EXPECT_EQ(error.column, 1 + std::string_view(R"({"guest":{)").size());
}

TEST(WalkRequest, AWrongNameListsTheAllowedOnes) {
  const RequestError error = refused(with_access(R"("host":{"format":"ept4level","root":"0x0"})"));
  for (const FormatName& format : kHostFormats) {
    EXPECT_NE(error.what.find(format.name), std::string::npos) << format.name;
  }
  EXPECT_NE(error.what.find("did you mean \"ept-4level\""), std::string::npos);
  EXPECT_EQ(error.path, "host.format");
}

struct Refusal {
  std::string_view text;
  std::string_view path;
  std::string_view said;
};

TEST(WalkRequest, RefusesWhatIsNotARequest) {
  const std::string big_root =
      with_access(R"("guest":{"format":"x86-4level","root":"0x10000000000000"})");
  const std::string legacy_root =
      with_access(R"("host":{"format":"npt-pae","root":"0x100000000"})");
  const std::string number = with_access(R"("guest":{"format":"x86-4level","root":4096})");
  const std::string odd = with_access(R"("memory":[["0x0","0x0"],["0x4","0x0"]])");
  const std::string high = with_access(R"("memory":[["0x10000000000000","0x0"]])");
  const std::string wide = with_access(R"("memory":[["0x0","0x10000000000000000"]])");
  const std::string narrow = with_access(R"("control":{"maxphyaddr":35})");
  const std::string pkru = with_access(R"("control":{"pkru":"0x100000000"})");
  const std::string twice = with_access(R"("id":1,"id":2)");
  const std::string tail = with_access("") + "]";
  const Refusal refusals[] = {
      {"[]", "", "a request"},
      {"{}", "", "\"access\" is missing"},
      {R"({"access":{"address":"0x0","type":"read"}})", "access", "\"privilege\" is missing"},
      {R"({"access":{"type":"read","privilege":"user"}})", "access", "\"address\" is missing"},
      {R"({"access":{"address":"0x0","privilege":"user"}})", "access", "\"type\" is missing"},
      {R"({"access":{"address":"10"}})", "access.address", "0x"},
      {R"({"access":{"address":"0x"}})", "access.address", "0x"},
      {R"({"access":{"address":"0x-1"}})", "access.address", "0x"},
      {R"({"access":{"type":"execute"}})", "access.type", "read, write, fetch"},
      {R"({"access":{"privilege":"kernel"}})", "access.privilege", "user, supervisor"},
      {R"({"access":{"implicit":0}})", "access.implicit", "true or false"},
      {R"({"access":{"address":"0x10000000000000","type":"read","privilege":"user"}})",
       "access.address", "below 2^52"},
      {R"({"guest":{"format":"x86-2level","root":"0x0"},)"
       R"("access":{"address":"0x100000000","type":"read","privilege":"user"}})",
       "access.address", "32 bits"},
      {big_root, "guest.root", "52 bits"},
      {legacy_root, "host.root", "32 bits"},
      {number, "guest.root", "found 4096"},
      {odd, "memory[1]", "multiple of 8"},
      {high, "memory[0]", "below 2^52"},
      {wide, "memory[0]", "64 bits"},
      {narrow, "control.maxphyaddr", "36 to 52"},
      {pkru, "control.pkru", "32 bits"},
      {twice, "id", "twice"},
      {tail, "", "end of the text"},
  };
  for (const Refusal& refusal : refusals) {
    const RequestError error = refused(refusal.text);
    EXPECT_EQ(error.path, refusal.path) << refusal.text << "\n" << error.what;
    EXPECT_NE(error.what.find(refusal.said), std::string::npos) << refusal.text << "\n"
                                                                << error.what;
  }
}

TEST(WalkRequest, AnErrorCarriesTheIdEvenIfItComesLater) {
  EXPECT_EQ(refused(R"({"acess":{}, "id": [1, "a"]})").id, R"([1, "a"])");
  EXPECT_EQ(refused(R"({"id": 7.0, "acess":{}})").id, "7.0");
  EXPECT_EQ(refused(R"({"id": )").id, "null");
  EXPECT_EQ(refused("nonsense").id, "null");
}

TEST(WalkRequest, MachineFilesSpanLines) {
  WalkContext context;
  ASSERT_FALSE(parse_walk_machine(
      "{\n \"guest\": {\"format\": \"x86-pae\", \"root\": \"0x20\"},\n \"host\": null\n}\n",
      context));
  EXPECT_EQ(context.guest_format, FormatId::kX86Pae);
  const auto error = parse_walk_machine("{\n \"gest\": null\n}\n", context);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->line, 2U);
  EXPECT_EQ(error->column, 2U);
}

TEST(WalkRequest, AnAgileShadowStandsBesideBothStages) {
  const WalkRequest request = parsed(with_access(
      R"("guest":{"format":"x86-5level","root":"0x1000"},"host":{"format":"npt-4level","root":"0x2000"},)"
      R"("shadow":{"root":"0x3800","agile":true})"));
  EXPECT_TRUE(request.context.has_shadow);
  EXPECT_EQ(request.context.shadow_root, 0x3800U);
  EXPECT_EQ(request.context.guest_root, 0x1000U);
  EXPECT_FALSE(parsed(with_access(R"("shadow":null)")).context.has_shadow);
}

TEST(WalkRequest, AShadowAloneIsWalkedLikeANativeGuest) {
  const WalkRequest request = parsed(with_access(
      R"("guest":{"format":"x86-pae","root":"0x1000"},"host":{"format":"ept-4level","root":"0x2000"},)"
      R"("control":{"maxphyaddr":46,"guest_maxphyaddr":36},"shadow":{"root":"0x3000"})"));
  const WalkContext& context = request.context;
  EXPECT_FALSE(context.has_shadow || context.has_host);
  EXPECT_EQ(context.guest_format, FormatId::kX86FourLevel);
  EXPECT_EQ(context.guest_root, 0x3000U);
  EXPECT_EQ(context.control.guest_maxphyaddr, 46);
}

TEST(WalkRequest, AgilePagingIsRefusedWithTheReason) {
  const auto what = [](std::string_view guest, std::string_view host) {
    std::string members = R"("shadow":{"root":"0x3000","agile":true},"guest":)";
    members += guest;
    members += R"(,"host":)";
    members += host;
    const RequestError error = refused(with_access(members));
    EXPECT_EQ(error.path, "shadow.agile");
    return error.what;
  };
  constexpr std::string_view kHost = R"({"format":"ept-4level","root":"0x2000"})";
  for (const std::string_view format : {"x86-2level", "x86-pae"}) {
    const std::string guest = R"({"format":")" + std::string(format) + R"(","root":"0x1000"})";
    EXPECT_NE(what(guest, kHost).find("4 or 5 levels"), std::string::npos);
  }
  EXPECT_NE(what("null", kHost).find("a guest with paging"), std::string::npos);
  EXPECT_NE(what(R"({"format":"x86-4level","root":"0x1000"})", "null").find("a host stage"),
            std::string::npos);
  EXPECT_EQ(refused(with_access(R"("shadow":{"agile":true})")).what,
            refused(with_access(R"("shadow":{})")).what);
  EXPECT_NE(refused(with_access(R"("shadow":{"root":"0x10000000000000"})")).what.find("52 bits"),
            std::string::npos);
}

}  // namespace
}  // namespace nestwalk
