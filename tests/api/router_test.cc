// From method and path to a handler, and what is answered where there is none.
#include "src/router.h"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bitacora::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class ARouter : public ::testing::Test {
 protected:
  struct Kept final : Responder::Sink {
    explicit Kept(ARouter& test_) : test(test_) {}
    void Deliver(HttpResponse response) override { test.answers_.push_back(std::move(response)); }
    bool Alive() const override { return true; }
    ARouter& test;
  };

  ARouter()
      : router_(
            {{"GET", "/v1/things", Says("list")},
             {"POST", "/v1/things", Says("make")},
             {"GET", "/v1/things/{thing}", Says("get")},
             {"GET", "/v1/things/{thing}/parts/{part}", Says("part")},
             {"POST", "/v1/things/{thing}/parts", Says("add")},
             {"GET", "/throws", [](const CallPtr&) { throw std::runtime_error("std::inside"); }},
             {"GET", "/throws-worse", [](const CallPtr&) { throw 7; }},
             {"GET", "/forgets", [](const CallPtr&) {}}}) {}

  HttpResponse Ask(std::string method, std::string path) {
    answers_.clear();
    HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    router_.Dispatch(std::move(request), Responder(std::make_unique<Kept>(*this)));
    EXPECT_EQ(answers_.size(), 1u);
    return answers_.empty() ? HttpResponse() : answers_.front();
  }

  static std::string FieldOf(const HttpResponse& response, std::string_view name) {
    for (const auto& [field, value] : response.fields) {
      if (field == name) return value;
    }
    return {};
  }

  std::vector<std::string> parameters_;

 private:
  std::function<void(CallPtr)> Says(const std::string& word) {
    return [this, word](const CallPtr& call) {
      parameters_ = call->parameters;
      HttpResponse response;
      response.body = word;
      call->Reply(std::move(response));
    };
  }

  Router router_;
  std::vector<HttpResponse> answers_;
};

TEST_F(ARouter, FindsTheHandlerOfMethodAndPath) {
  EXPECT_EQ(Ask("GET", "/v1/things").body, "list");
  EXPECT_EQ(Ask("POST", "/v1/things").body, "make");
  EXPECT_EQ(Ask("GET", "/v1/things/a/parts/b").body, "part");
  EXPECT_THAT(parameters_, ElementsAre("a", "b"));
}

TEST_F(ARouter, ServesHeadAsGet) { EXPECT_EQ(Ask("HEAD", "/v1/things").body, "list"); }

TEST_F(ARouter, DecodesParametersOnceAndAfterCuttingThePath) {
  Ask("GET", "/v1/things/a%2Fb%252e/parts/%00+");
  EXPECT_THAT(parameters_, ElementsAre("a/b%2e", std::string("\0+", 2)));
  Ask("GET", "/v1/things//parts/..");
  EXPECT_THAT(parameters_, ElementsAre("", ".."));
}

TEST_F(ARouter, RefusesAPathThatIsNone) {
  for (const char* path : {"/v1/things/%", "/v1/things/%zz", "/v1/things/a/parts/%4"}) {
    const HttpResponse response = Ask("GET", path);
    EXPECT_EQ(response.status, 400) << path;
    EXPECT_THAT(response.body, HasSubstr("malformed-path")) << path;
  }
}

TEST_F(ARouter, TakesFixedSegmentsLiterally) {
  for (const char* path : {"/", "", "/v1", "/v1/", "/v1/things/", "/v1/things//", "//v1/things",
                           "/V1/things", "/v1/%74hings/a", "/v1/./things", "/v1/x/../things",
                           "/v1/things/a/parts/b/", "*", "/v1/things/a/b"}) {
    const HttpResponse response = Ask("GET", path);
    if (std::string_view(path) == "/v1/things/") {
      EXPECT_EQ(response.body, "get");  // an empty name, for the handler to refuse
    } else {
      EXPECT_EQ(response.status, 404) << path;
      EXPECT_THAT(response.body, HasSubstr("urn:bitacora:problem:not-found")) << path;
    }
  }
}

TEST_F(ARouter, NamesTheMethodsAPathHas) {
  for (const char* method : {"PUT", "DELETE", "PATCH", "TRACE", "get", "BREW"}) {
    const HttpResponse response = Ask(method, "/v1/things");
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_EQ(FieldOf(response, "Allow"), "GET, HEAD, OPTIONS, POST") << method;
  }
  EXPECT_EQ(FieldOf(Ask("GET", "/v1/things/a/parts"), "Allow"), "OPTIONS, POST");
  EXPECT_EQ(FieldOf(Ask("HEAD", "/v1/things/a/parts"), "Allow"), "OPTIONS, POST");
}

TEST_F(ARouter, AnswersOptions) {
  const HttpResponse response = Ask("OPTIONS", "/v1/things/a");
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(FieldOf(response, "Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(Ask("OPTIONS", "*").status, 204);
  EXPECT_EQ(Ask("OPTIONS", "/nowhere").status, 404);
}

TEST_F(ARouter, TurnsWhatAHandlerThrowsIntoAnErrorWithoutItsWords) {
  for (const char* path : {"/throws", "/throws-worse"}) {
    const HttpResponse response = Ask("GET", path);
    EXPECT_EQ(response.status, 500) << path;
    EXPECT_THAT(response.body, Not(HasSubstr("std::"))) << path;
  }
}

TEST_F(ARouter, LeavesNoRequestUnanswered) { EXPECT_EQ(Ask("GET", "/forgets").status, 500); }

}  // namespace
}  // namespace bitacora::api
