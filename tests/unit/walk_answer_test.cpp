#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "model/cli/walk_answer.h"

namespace nestwalk {
namespace {

using Json = nlohmann::ordered_json;

std::string line_of(const WalkAnswer& answer) {
  std::string line;
  append_answer(line, "7", answer);
  return line;
}

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& member : object.items()) {
    keys.push_back(member.key());
  }
  return keys;
}

WalkAnswer fault_answer(FaultKind kind, bool has_gpa) {
  WalkAnswer answer;
  Fault& fault = answer.outcome.fault;
  fault.kind = kind;
  fault.code = 0x15;
  fault.address = Gva(0xabc);
  fault.gpa = Gpa(0xdef);
  fault.has_gpa = has_gpa;
  fault.position = {3, 2};
  return answer;
}

TEST(WalkAnswer, TranslationHasItsKeysInOrder) {
  WalkAnswer answer;
  answer.outcome.is_translation = true;
  answer.outcome.translation.gpa = Gpa(0x5678);
  answer.outcome.translation.hpa = Hpa(0xABC5678);
  answer.outcome.translation.guest_page_bits = 30;
  answer.outcome.translation.host_page_bits = 21;
  answer.references = {{Stage::kHost, {4, 3}, 8, Hpa(0x1008), 0x7}};
  answer.writes = {{Stage::kGuest, {1, 0}, 4, Hpa(0x2004), 0x27}};
  const std::string line = line_of(answer);
  EXPECT_EQ(line.back(), '\n');
  const Json json = Json::parse(line);
  EXPECT_EQ(keys_of(json), (std::vector<std::string>{"id", "outcome", "gpa", "hpa", "page_size",
                                                     "rights", "references", "writes"}));
  EXPECT_EQ(json["id"], 7);
  EXPECT_EQ(json["outcome"], "translation");
  EXPECT_EQ(json["gpa"], "0x5678");
  EXPECT_EQ(json["hpa"], "0xabc5678");
  EXPECT_EQ(json["page_size"], 1U << 21);
  EXPECT_EQ(keys_of(json["rights"]),
            (std::vector<std::string>{"read", "write", "execute", "user"}));
  EXPECT_EQ(json["references"].dump(),
            R"([{"stage":"host","g":4,"h":3,"hpa":"0x1008","size":8,"value":"0x7"}])");
  EXPECT_EQ(json["writes"].dump(),
            R"([{"stage":"guest","g":1,"h":0,"hpa":"0x2004","size":4,"value":"0x27"}])");
}

TEST(WalkAnswer, EveryFaultHasTheCodeOfItsKind) {
  struct Row {
    FaultKind kind;
    std::string code_key;  // empty: none
  };
  const Row rows[] = {
      {FaultKind::kGuestPageFault, "error_code"},
      {FaultKind::kEptViolation, "qualification"},
      {FaultKind::kEptMisconfiguration, ""},
      {FaultKind::kNestedPageFault, "error_code"},
      {FaultKind::kNonCanonical, "error_code"},
      {FaultKind::kPdpteReserved, "error_code"},
      {FaultKind::kMemoryError, ""},
  };
  for (const Row& row : rows) {
    const Json json = Json::parse(line_of(fault_answer(row.kind, true)));
    std::vector<std::string> keys = {"id", "outcome", "fault"};
    if (!row.code_key.empty()) {
      keys.push_back(row.code_key);
      EXPECT_EQ(json[row.code_key], "0x15");
    }
    keys.insert(keys.end(), {"address", "gpa", "g", "h", "references", "writes"});
    EXPECT_EQ(keys_of(json), keys) << name_of(row.kind);
    EXPECT_EQ(json["outcome"], "fault");
    EXPECT_EQ(json["fault"], std::string(name_of(row.kind)));
    EXPECT_EQ(json["address"], "0xabc");
    EXPECT_EQ(json["gpa"], "0xdef");
    EXPECT_EQ(json["g"], 3);
    EXPECT_EQ(json["h"], 2);
  }
}

TEST(WalkAnswer, AFaultWithoutAGuestPhysicalAddressSaysNull) {
  EXPECT_TRUE(
      Json::parse(line_of(fault_answer(FaultKind::kGuestPageFault, false)))["gpa"].is_null());
}

TEST(WalkAnswer, AnAgileWalkNamesTheShadow) {
  WalkAnswer answer = fault_answer(FaultKind::kGuestPageFault, false);
  answer.outcome.fault.in_shadow = true;
  answer.references = {{Stage::kGuest, {4, 0}, 8, Hpa(0x1008), 0x7, true}};
  const Json fault = Json::parse(line_of(answer));
  EXPECT_EQ(fault["in_shadow"], true);
  EXPECT_EQ(fault["references"][0]["stage"], "shadow");

  answer.outcome.is_translation = true;
  EXPECT_TRUE(Json::parse(line_of(answer))["gpa"].is_null());
  answer.references.push_back({Stage::kGuest, {1, 0}, 8, Hpa(0x1008), 0x7, false});
  EXPECT_FALSE(Json::parse(line_of(answer))["gpa"].is_null());
}

TEST(WalkAnswer, RightsAreTheAndOfBothStages) {
  for (unsigned guest = 0; guest <= GuestRights::kAll; ++guest) {
    for (unsigned host = 0; host <= HostRights::kAll; ++host) {
      Translation t;
      t.guest.bits = static_cast<std::uint8_t>(guest);
      t.host.bits = static_cast<std::uint8_t>(host);
      const bool guest_user = (guest & GuestRights::kUser) != 0;
      const unsigned execute = guest_user ? HostRights::kUserExecute : HostRights::kExecute;
      const PageRights rights = page_rights(t);
      EXPECT_EQ(rights.read, (host & HostRights::kRead) != 0);
      EXPECT_EQ(rights.write,
                (guest & GuestRights::kWrite) != 0 && (host & HostRights::kWrite) != 0);
      EXPECT_EQ(rights.execute, (guest & GuestRights::kExecute) != 0 && (host & execute) != 0);
      EXPECT_EQ(rights.user, guest_user && (host & HostRights::kUser) != 0);
    }
  }
}

TEST(WalkAnswer, ErrorsAreJsonWhateverTheTextWas) {
  RequestError error;
  error.id = R"({"a":1})";
  error.what = "found \"\xff\n\"";
  error.path = "guest";
  error.column = 12;
  std::string line;
  append_error(line, error, 34);
  const Json json = Json::parse(line);
  EXPECT_EQ(keys_of(json), (std::vector<std::string>{"id", "outcome", "error", "where"}));
  EXPECT_EQ(json["id"]["a"], 1);
  EXPECT_EQ(json["outcome"], "error");
  EXPECT_EQ(json["where"], "line 34, column 12: guest");
}

}  // namespace
}  // namespace nestwalk
