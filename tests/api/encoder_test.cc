#include "src/http/encoder.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace bitacora::api::http {
namespace {

HttpResponse WithField(std::string name, std::string value) {
  HttpResponse response;
  response.fields.emplace_back(std::move(name), std::move(value));
  return response;
}

std::string Head(const HttpResponse& response, Framing framing = {}) {
  framing.date = "D";
  std::string head;
  AppendHead(response, framing, &head);
  return head;
}

TEST(AnAnswer, BeginsWithItsStatusAndWhatTheServerAdds) {
  HttpResponse response = WithField("ETag", "\"18\"");
  response.status = 201;
  response.body = "abc";
  EXPECT_EQ(Head(response),
            "HTTP/1.1 201 Created\r\nDate: D\r\nETag: \"18\"\r\nContent-Length: 3\r\n\r\n");
}

TEST(AnAnswer, SaysWhatHappensToTheConnectionWhereThatIsNotUnderstood) {
  const HttpResponse response;
  EXPECT_EQ(Head(response, {.close = true}),
            "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(Head(response, {.http_1_0 = true}),
            "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
}

TEST(AnAnswer, HasNoLengthWhereItCanHaveNoBody) {
  for (const int status : {204, 304}) {
    HttpResponse response;
    response.status = status;
    EXPECT_EQ(Head(response).find("Content-Length"), std::string::npos) << status;
  }
}

TEST(AnAnswer, MayHaveAStatusWithoutARegisteredPhrase) {
  HttpResponse response;
  response.status = 299;
  EXPECT_TRUE(IsSendable(response));
  EXPECT_TRUE(Head(response).starts_with("HTTP/1.1 299 \r\n"));
}

TEST(AnAnswer, CannotForgeFieldsOrFraming) {
  EXPECT_TRUE(IsSendable(WithField("Location", "/a%0D%0A")));
  EXPECT_TRUE(IsSendable(WithField("X", "")));
  for (const char* value : {"a\r\nb", "a\n", "\r", "a\x01", "a\x7f"}) {
    EXPECT_FALSE(IsSendable(WithField("Location", value))) << value;
  }
  EXPECT_FALSE(IsSendable(WithField("X", std::string(1, '\0'))));
  for (const char* name :
       {"", "A b", "A:", "A\r", "Date", "connection", "CONTENT-LENGTH", "Transfer-Encoding"}) {
    EXPECT_FALSE(IsSendable(WithField(name, "x"))) << name;
  }
  for (const int status : {0, 100, 199, 600, -1}) {
    HttpResponse response;
    response.status = status;
    EXPECT_FALSE(IsSendable(response)) << status;
  }
}

TEST(ADate, IsWrittenAsInRfc9110) {
  EXPECT_EQ(FormatDate(784'111'777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(FormatDate(0), "Thu, 01 Jan 1970 00:00:00 GMT");
}

}  // namespace
}  // namespace bitacora::api::http
