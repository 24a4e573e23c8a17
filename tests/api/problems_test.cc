// The table of problems, and that docs/errors.md says the same.
#include "src/problems.h"

#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace bitacora::api {
namespace {

using Json = nlohmann::json;
using ::testing::AnyOf;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::Not;

std::string FieldOf(const HttpResponse& response, std::string_view name) {
  for (const auto& [field, value] : response.fields) {
    if (field == name) return value;
  }
  return {};
}

struct Row {
  std::string code;
  std::string name;
  std::string title;
  std::string when;
  std::string again;
  std::string retry_after;
};

// The rows of the table whose first cell is a code.
std::vector<Row> DocumentedRows() {
  std::ifstream page(BITACORA_SOURCE_DIR "/docs/errors.md");
  const std::regex shape(
      R"(\| ([0-9]+) \| `([^|]*)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \| ([^|]*) \|)");
  std::vector<Row> rows;
  std::string line;
  while (std::getline(page, line)) {
    std::smatch cells;
    if (std::regex_match(line, cells, shape)) {
      rows.push_back({cells[1], cells[2], cells[3], cells[4], cells[5], cells[6]});
    } else if (line.starts_with("| 4") || line.starts_with("| 5")) {
      ADD_FAILURE() << "not of the table's form: " << line;
    }
  }
  return rows;
}

TEST(TheTableOfProblems, IsWhatTheDocumentSays) {
  std::vector<std::string> documented;
  for (const Row& row : DocumentedRows()) {
    documented.push_back(row.code + " " + row.name + " " + row.title + " " + row.retry_after);
  }
  std::vector<std::string> kept;
  for (const ProblemKind& kind : AllProblems()) {
    const std::string seconds = kind.retry_after_s > 0 ? std::to_string(kind.retry_after_s) : "–";
    kept.push_back(std::to_string(kind.code) + " " + std::string(kind.name) + " " +
                   std::string(kind.title) + " " + seconds);
  }
  EXPECT_THAT(documented, ElementsAreArray(kept));
}

TEST(TheTableOfProblems, SaysWhenEachIsSaidAndWhetherToAskAgain) {
  for (const Row& row : DocumentedRows()) {
    EXPECT_THAT(row.when, ::testing::EndsWith(".")) << row.name;
    EXPECT_THAT(row.again, AnyOf("yes", "same key", "changed", "operator")) << row.name;
    // Seconds to wait mean that waiting helps.
    if (row.retry_after != "–") {
      EXPECT_THAT(row.again, AnyOf("yes", "same key")) << row.name;
    }
  }
}

TEST(TheTableOfProblems, IsSortedAndNeverSaysACodeOrANameTwice) {
  std::set<std::string_view> names;
  std::uint32_t last = 0;
  for (const ProblemKind& kind : AllProblems()) {
    EXPECT_GT(kind.code, last) << kind.name;
    last = kind.code;
    EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
  }
}

TEST(TheTableOfProblems, TellsWhenToRetryWhateverIsShedOrUndecided) {
  for (const ProblemKind& kind : AllProblems()) {
    if (kind.status() == 429 || kind.status() == 504 || kind.status() == 507) {
      EXPECT_GT(kind.retry_after_s, 0) << kind.name;
    }
    if (kind.status() < 429) {
      EXPECT_EQ(kind.retry_after_s, 0) << kind.name;
    }
  }
}

TEST(AProblemDocument, HasTheMembersOfRfc9457AndACode) {
  const HttpResponse response =
      ProblemResponse(ProblemNamed("version-conflict"), "expected 3", {{"currentVersion", "7"}});
  EXPECT_EQ(response.status, 412);
  EXPECT_EQ(FieldOf(response, "Content-Type"), "application/problem+json");
  EXPECT_EQ(FieldOf(response, "Retry-After"), "");
  EXPECT_EQ(Json::parse(response.body),
            Json({{"type", "urn:bitacora:problem:version-conflict"},
                  {"title", "The stream is not at the expected version"},
                  {"status", 412},
                  {"code", 41200},
                  {"detail", "expected 3"},
                  {"currentVersion", 7}}));
}

TEST(AProblemDocument, SaysWhenToRetry) {
  EXPECT_EQ(FieldOf(ProblemResponse(ProblemNamed("disk-full"), "full"), "Retry-After"), "10");
}

TEST(AProblemDocument, IsJsonWhateverTheSentenceHolds) {
  const std::string detail = "\"quoted\"\r\n\x01 \xff \xe2\x80\xa8";
  const Json parsed = Json::parse(ProblemJson(ProblemNamed("not-found"), detail));
  EXPECT_THAT(parsed["detail"].get<std::string>(), HasSubstr("\"quoted\"\r\n\x01"));
}

TEST(AnError, IsTheProblemItsReasonNames) {
  const Error error(ErrorCode::kConflict, "another count", "topic-exists");
  EXPECT_EQ(ProblemOf(error).code, 40901u);
}

TEST(AnError, WithoutAReasonIsTheProblemOfItsCode) {
  const std::map<ErrorCode, std::uint32_t> codes{
      {ErrorCode::kInvalidArgument, 40000},   {ErrorCode::kNotFound, 40400},
      {ErrorCode::kAlreadyExists, 40907},     {ErrorCode::kConflict, 40900},
      {ErrorCode::kResourceExhausted, 50308}, {ErrorCode::kUnavailable, 50300},
      {ErrorCode::kTimeout, 50400},           {ErrorCode::kUnauthenticated, 40100},
      {ErrorCode::kPermissionDenied, 40300},  {ErrorCode::kCorruption, 50001},
      {ErrorCode::kInternal, 50000}};
  for (const auto& [code, number] : codes) {
    EXPECT_EQ(ProblemOf(Error(code, "x")).code, number) << ErrorCodeName(code);
    EXPECT_EQ(ProblemOf(Error(code, "x", "no-such-reason")).code, number) << ErrorCodeName(code);
  }
}

TEST(AnError, OfTheServersInsidesIsNotShownToClients) {
  const std::string inside = "Corruption: block checksum mismatch in /var/lib/bitacora/log/7.sst";
  for (const Error& error :
       {Error(ErrorCode::kInternal, inside), Error(ErrorCode::kCorruption, inside),
        Error(ErrorCode::kCorruption, inside, "log-damaged"),
        Error(ErrorCode::kUnavailable, inside, "log-unavailable")}) {
    const HttpResponse response = ProblemResponse(error);
    EXPECT_GE(response.status, 500);
    EXPECT_THAT(response.body, Not(HasSubstr("sst"))) << response.body;
    EXPECT_THAT(response.body, HasSubstr("log says more")) << response.body;
    EXPECT_EQ(ProblemJson(error), response.body) << "inside the answer to a bulk append";
  }
}

TEST(AnError, OfTheClientsIsShownInWords) {
  const Error error(ErrorCode::kInvalidArgument, "the parameter limit is a number from 1 to 1000",
                    "invalid-parameter");
  EXPECT_THAT(ProblemResponse(error).body, HasSubstr("from 1 to 1000"));
}

}  // namespace
}  // namespace bitacora::api
