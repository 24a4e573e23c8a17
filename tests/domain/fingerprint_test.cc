#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <bitacora/base/encoding.h>
#include <bitacora/domain/event_codec.h>

namespace bitacora {
namespace {

std::vector<SubmittedEvent> Plain(const std::string& body) {
  auto parsed = ParseAppendBody({{"content-type", "application/json"}}, body, false);
  EXPECT_TRUE(parsed.ok()) << body;
  return parsed.ok() ? std::move(parsed)->events : std::vector<SubmittedEvent>();
}

std::string FingerprintOfPlain(const std::string& body, const Expected& expected = {}) {
  const Fingerprint fingerprint = FingerprintOf(expected, Plain(body));
  return HexEncode({reinterpret_cast<const char*>(fingerprint.data()), fingerprint.size()});
}

TEST(AFingerprint, IsTheSameWhateverTheOrderOfMembersAndTheSpaceBetweenThem) {
  EXPECT_EQ(
      FingerprintOfPlain(R"({"type":"t","data":{"a": 1},"metadata":{"x":1,"y":"2"}})"),
      FingerprintOfPlain(R"({ "metadata":{"y":"2", "x":1}, "data" : {"a": 1} ,"type":"\u0074"})"));
}

TEST(AFingerprint, DiffersWithWhateverTheClientSaid) {
  const std::vector<std::string> bodies{
      R"({"type":"t","data":{}})",
      R"({"type":"u","data":{}})",
      R"({"type":"t","data":{ }})",
      R"({"type":"t","data":null})",
      R"({"type":"t","data":{},"id":"1"})",
      R"({"type":"t","data":{},"metadata":{"x":"1"}})",
      R"({"type":"t","data":{},"metadata":{"x":1}})",
      R"({"type":"t","data":{},"metadata":{"y":"1"}})",
      R"([{"type":"t","data":{}},{"type":"t","data":{}}])",
      R"([{"type":"t","data":{}},{"type":"t","data":{}},{"type":"t","data":{}}])"};
  const std::vector<Expected> conditions{{},
                                         {Expected::Kind::kNew, Version()},
                                         {Expected::Kind::kExists, Version()},
                                         {Expected::Kind::kVersion, Version(0)},
                                         {Expected::Kind::kVersion, Version(1)}};
  std::set<std::string> fingerprints;
  for (const std::string& body : bodies) {
    for (const Expected& expected : conditions) {
      fingerprints.insert(FingerprintOfPlain(body, expected));
    }
  }
  EXPECT_EQ(fingerprints.size(), bodies.size() * conditions.size());
}

TEST(AFingerprint, IsOfASingleEventTheSameAsOfAnArrayOfIt) {
  EXPECT_EQ(FingerprintOfPlain(R"({"type":"t","data":1})"),
            FingerprintOfPlain(R"([{"type":"t","data":1}])"));
}

TEST(AFingerprint, KeepsTheValueThatIsStored) {
  // In logs since rule 1: docs/formats.md. A change here makes repeated appends reused keys.
  EXPECT_EQ(FingerprintOfPlain(R"({"type":"t","data":{"a": 1},"id":"i","metadata":{"x":true}})",
                               {Expected::Kind::kVersion, Version(7)}),
            "d22fd1e539baf35999ff121041517b3b");
}

}  // namespace
}  // namespace bitacora
