#include "src/problem.h"

#include <string>

#include <gtest/gtest.h>

namespace bitacora::cli {
namespace {

HttpAnswer Problem(int status, const std::string& name, const std::string& detail = "d") {
  HttpAnswer answer;
  answer.status = status;
  answer.body = R"({"type":"urn:bitacora:problem:)" + name + R"(","title":"Title","status":)" +
                std::to_string(status) + R"(,"code":)" + std::to_string(status) +
                R"(00,"detail":")" + detail + "\"}";
  return answer;
}

TEST(AProblem, BecomesASentenceWithCodeAndAdvice) {
  EXPECT_EQ(
      ErrorOfAnswer(Problem(412, "version-conflict", "expected 3, it is at 5")).message(),
      "Title: expected 3, it is at 5 (41200 version-conflict). Read the stream again and decide "
      "anew.");
}

TEST(AProblem, CannotObeyItsSender) {
  EXPECT_NE(ErrorOfAnswer(Problem(404, "not-found", "\\u001b[2J")).message().find("\\x1b[2J"),
            std::string::npos);
}

TEST(AnAnswerOfAnotherServer, IsNoProblemDocument) {
  HttpAnswer answer;
  answer.status = 502;
  answer.body = "<html>";
  EXPECT_EQ(ErrorOfAnswer(answer).message(),
            "the server answered 502 without a problem document; is --server right?");
}

TEST(ExitCodes, FollowFromTheStatus) {
  const auto code_of = [](int status) { return ExitCodeOf(ErrorOfAnswer(Problem(status, "x"))); };
  for (const int status : {401, 403, 404, 409, 410, 412, 422})
    EXPECT_EQ(code_of(status), kAnswerIsNo);
  for (const int status : {400, 405, 413, 414, 415, 431}) EXPECT_EQ(code_of(status), kUsage);
  for (const int status : {429, 503, 507}) EXPECT_EQ(code_of(status), kUnreachable);
  for (const int status : {500, 504}) EXPECT_EQ(code_of(status), kUndecided);
}

TEST(ExitCodes, KnowNoUndecidedReading) {
  EXPECT_EQ(ExitCodeOf(ForReading(ErrorOfAnswer(Problem(504, "x")))), kUnreachable);
}

}  // namespace
}  // namespace bitacora::cli
