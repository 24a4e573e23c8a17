// What the framer accepts and refuses. Every case is fed whole, byte by byte, and in two parts
// split at each place; the outcome must be the same.
#include "src/http/framer.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bitacora::api::http {
namespace {

// Small, so that a case at a limit stays short.
HttpLimits SmallLimits() {
  HttpLimits limits;
  limits.uri_bytes_max = 48;
  limits.header_bytes_max = 128;
  limits.header_fields_max = 6;
  limits.body_bytes_max = 40;
  return limits;
}

struct Outcome {
  std::vector<HttpRequest> requests;
  std::vector<bool> kept;  // keep_alive of each
  int continues = 0;
  FramingError error;  // status 0: none
  Framer::Stage stage = Framer::Stage::kBetween;
};

std::string Describe(const Outcome& outcome) {
  std::string text;
  for (std::size_t i = 0; i < outcome.requests.size(); ++i) {
    const HttpRequest& request = outcome.requests[i];
    text += request.method + " " + request.path + "?" + request.query +
            (outcome.kept[i] ? " kept" : " closed");
    for (const HttpField& field : request.fields) text += "|" + field.name + "=" + field.value;
    text += "{" + request.body + "}\n";
  }
  text += "continues " + std::to_string(outcome.continues) + ", error " +
          std::to_string(outcome.error.status) + " " + std::string(outcome.error.reason) + " " +
          std::string(outcome.error.detail) + ", stage " +
          std::to_string(static_cast<int>(outcome.stage));
  return text;
}

Outcome FramePieces(const std::vector<std::string_view>& pieces, const HttpLimits& limits) {
  Framer framer(limits);
  Outcome outcome;
  for (std::string_view piece : pieces) {
    // A copy, so that a view kept too long is found by the address sanitizer.
    const std::string copy(piece);
    std::string_view input(copy);
    bool more = true;
    while (more) {
      switch (framer.Next(&input)) {
        case Framer::Progress::kMore:
          more = false;
          break;
        case Framer::Progress::kContinue:
          ++outcome.continues;
          break;
        case Framer::Progress::kRequest: {
          FramedRequest framed = framer.Take();
          outcome.requests.push_back(std::move(framed.request));
          outcome.kept.push_back(framed.keep_alive);
          break;
        }
        case Framer::Progress::kError:
          outcome.error = framer.error();
          more = false;
          break;
      }
    }
  }
  outcome.stage = framer.stage();
  return outcome;
}

std::vector<std::string_view> Bytes(std::string_view bytes) {
  std::vector<std::string_view> pieces;
  for (std::size_t i = 0; i < bytes.size(); ++i) pieces.push_back(bytes.substr(i, 1));
  return pieces;
}

// The outcome of `bytes`, which is the same however they come.
Outcome Frame(std::string_view bytes, const HttpLimits& limits = SmallLimits()) {
  Outcome whole = FramePieces({bytes}, limits);
  const std::string expected = Describe(whole);
  EXPECT_EQ(Describe(FramePieces(Bytes(bytes), limits)), expected) << "byte by byte: " << bytes;
  for (std::size_t split = 1; split < bytes.size(); ++split) {
    EXPECT_EQ(Describe(FramePieces({bytes.substr(0, split), bytes.substr(split)}, limits)),
              expected)
        << "split at " << split << ": " << bytes;
    if (::testing::Test::HasFailure()) break;
  }
  return whole;
}

void ExpectRefused(std::string_view bytes, int status,
                   std::string_view reason = "malformed-request") {
  SCOPED_TRACE(bytes);
  const Outcome outcome = Frame(bytes);
  EXPECT_THAT(outcome.requests, ::testing::IsEmpty());
  EXPECT_EQ(outcome.error.status, status) << outcome.error.detail;
  EXPECT_EQ(outcome.error.reason, reason) << outcome.error.detail;
}

HttpRequest OnlyRequest(std::string_view bytes) {
  SCOPED_TRACE(bytes);
  Outcome outcome = Frame(bytes);
  EXPECT_EQ(outcome.error.status, 0) << outcome.error.detail;
  EXPECT_EQ(outcome.requests.size(), 1u);
  return outcome.requests.empty() ? HttpRequest() : std::move(outcome.requests.front());
}

std::string Get(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

std::string WithFields(std::string_view fields) {
  return "GET / HTTP/1.1\r\nHost: x\r\n" + std::string(fields) + "\r\n";
}

std::string Chunked(std::string_view chunks) {
  return "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(chunks);
}

TEST(AWellFormedRequest, IsTakenApart) {
  const HttpRequest request = OnlyRequest(
      "POST /a/b%20c?d=e?f HTTP/1.1\r\nHOST: example.com:80\r\nX-Y:  z \t w \t\r\n"
      "Content-Length: 5\r\nEmpty:\r\n\r\nhello");
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/a/b%20c");
  EXPECT_EQ(request.query, "d=e?f");
  EXPECT_EQ(request.body, "hello");
  ASSERT_EQ(request.fields.size(), 4u);
  EXPECT_EQ(request.fields[0].name, "host");
  EXPECT_EQ(request.fields[0].value, "example.com:80");
  EXPECT_EQ(request.fields[1].name, "x-y");
  EXPECT_EQ(request.fields[1].value, "z \t w");
  EXPECT_EQ(request.fields[3].value, "");
}

TEST(AWellFormedRequest, MayHaveAnyMethodName) {
  EXPECT_EQ(OnlyRequest("get / HTTP/1.1\r\nHost: x\r\n\r\n").method, "get");
  EXPECT_EQ(OnlyRequest("TRACE / HTTP/1.1\r\nHost: x\r\n\r\n").method, "TRACE");
  EXPECT_EQ(OnlyRequest("!#$%&'*+-.^_`|~9 / HTTP/1.1\r\nHost: x\r\n\r\n").method,
            "!#$%&'*+-.^_`|~9");
}

TEST(AWellFormedRequest, MayHaveBytesBeyondAsciiInValues) {
  EXPECT_EQ(OnlyRequest(WithFields("A: \xc3\xa9\xff\r\n")).fields[1].value, "\xc3\xa9\xff");
}

TEST(AWellFormedRequest, MayFollowAnotherAtOnce) {
  const Outcome outcome =
      Frame(Get("/1") + "POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab" + Get("/3"));
  ASSERT_EQ(outcome.requests.size(), 3u);
  EXPECT_EQ(outcome.requests[1].path, "/2");
  EXPECT_EQ(outcome.requests[1].body, "ab");
  EXPECT_EQ(outcome.requests[2].path, "/3");
  EXPECT_EQ(outcome.stage, Framer::Stage::kBetween);
}

TEST(AWellFormedRequest, MayFollowOneEmptyLine) {
  EXPECT_EQ(OnlyRequest("\r\n" + Get("/")).path, "/");
  EXPECT_EQ(Frame(Get("/") + "\r\n" + Get("/") + "\r\n").requests.size(), 2u);
  EXPECT_EQ(Frame(Get("/") + "\r\n").stage, Framer::Stage::kBetween);
  ExpectRefused("\r\n\r\n" + Get("/"), 400);
}

TEST(ARequestLine, HasThreePartsAndTwoBlanks) {
  for (const char* line :
       {"GET", "GET /", "GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1",
        "GET\t/ HTTP/1.1", "GET /a b HTTP/1.1", "", " ", "/ HTTP/1.1", "GET / HTTP/1.1 x"}) {
    ExpectRefused(std::string(line) + "\r\nHost: x\r\n\r\n", 400);
  }
}

TEST(ARequestLine, BeginsWithAMethod) {
  for (const char* method : {"GE(T", "G\xc3\x89T", "GET:", "{}", "\"GET\""}) {
    ExpectRefused(std::string(method) + " / HTTP/1.1\r\nHost: x\r\n\r\n", 400);
  }
  ExpectRefused("G\x01T / HTTP/1.1\r\n", 400);
  ExpectRefused(std::string(33, 'A') + " / HTTP/1.1\r\nHost: x\r\n\r\n", 501,
                "method-not-implemented");
}

TEST(ARequestLine, NamesAKnownVersion) {
  for (const char* version : {"HTTP/1.", "HTTP/1", "HTTP/11", "http/1.1", "HTTP/1.1x", "HTTP/1.10",
                              "HTTP/+1.1", "HTTP/1,1", "HTTQ/1.1", "HTTP/.1", "HTTP/a.b"}) {
    ExpectRefused("GET / " + std::string(version) + "\r\nHost: x\r\n\r\n", 400);
  }
  for (const char* version : {"HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9"}) {
    ExpectRefused("GET / " + std::string(version) + "\r\nHost: x\r\n\r\n", 505,
                  "version-not-supported");
  }
  ExpectRefused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "version-not-supported");
}

TEST(ATarget, IsAPath) {
  for (const char* target : {"a", "?q", "http:/x", "ftp://x/", "x:80", "http://", "http:///a",
                             "http://:80/", "http://u@x/", "http://x y/", "*a", "**"}) {
    ExpectRefused(Get(target), 400);
  }
  EXPECT_EQ(OnlyRequest(Get("//a")).path, "//a");
  EXPECT_EQ(OnlyRequest(Get("/?")).query, "");
}

TEST(ATarget, HasOnlyCharactersOfAUri) {
  for (const char* target : {"/#f", "/a\"", "/<", "/>", "/\\", "/^", "/`", "/{", "/|", "/}", "/?[",
                             "/\xc3\xa9", "/a\x7f"}) {
    ExpectRefused(Get(target), 400);
  }
  EXPECT_EQ(OnlyRequest(Get("/-._~!$&'()*+,;=:@%41")).path, "/-._~!$&'()*+,;=:@%41");
}

TEST(ATarget, MayBeAnAbsoluteUriWhoseAuthorityReplacesHost) {
  const HttpRequest request = OnlyRequest(Get("HTTP://a.example:8080/b?c"));
  EXPECT_EQ(request.path, "/b");
  EXPECT_EQ(request.query, "c");
  EXPECT_EQ(*request.Find("host"), "a.example:8080");
  EXPECT_EQ(OnlyRequest(Get("https://a")).path, "/");
  EXPECT_EQ(OnlyRequest(Get("http://a?c")).path, "/");
  EXPECT_EQ(OnlyRequest(Get("http://a?c")).query, "c");
  EXPECT_EQ(OnlyRequest(Get("http://[::1]:80/")).path, "/");
  ExpectRefused("GET http://a/ HTTP/1.1\r\n\r\n", 400);
}

TEST(ATarget, IsAStarForOptionsOnly) {
  EXPECT_EQ(OnlyRequest("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").path, "*");
  EXPECT_EQ(OnlyRequest("OPTIONS http://a HTTP/1.1\r\nHost: x\r\n\r\n").path, "*");
  EXPECT_EQ(OnlyRequest("OPTIONS /a HTTP/1.1\r\nHost: x\r\n\r\n").path, "/a");
  ExpectRefused(Get("*"), 400);
}

TEST(ATarget, IsNoTunnel) {
  ExpectRefused("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501, "method-not-implemented");
  ExpectRefused("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "method-not-implemented");
}

TEST(ATarget, HasALimit) {
  const std::string fits = "/" + std::string(47, 'a');
  EXPECT_EQ(OnlyRequest(Get(fits)).path, fits);
  ExpectRefused(Get(fits + "a"), 414, "uri-too-long");
  ExpectRefused("GET /" + std::string(500, 'a'), 414, "uri-too-long");
}

TEST(AHost, ComesOnce) {
  ExpectRefused("GET / HTTP/1.1\r\n\r\n", 400);
  ExpectRefused(WithFields("Host: x\r\n"), 400);
  ExpectRefused(WithFields("HOST: y\r\n"), 400);
  EXPECT_EQ(OnlyRequest("GET / HTTP/1.0\r\n\r\n").fields.size(), 0u);
  ExpectRefused("GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", 400);
}

TEST(AHost, IsAHostAndAPort) {
  const auto with = [](std::string_view host) {
    return "GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n";
  };
  for (const char* host : {"a b", "a/b", "u@h", "x:y", "x:80:80", "[::1", "[]", "[::1]x", "[g::]",
                           "::1", "\xc3\xa9", "a?b", "a#b", "<x>"}) {
    ExpectRefused(with(host), 400);
  }
  for (const char* host : {"", "x", "x:", "x:80", "[::1]", "[::1]:80", "127.0.0.1:1", "a_b.c-d",
                           "%41", "a,b", "[::ffff:1.2.3.4]:1"}) {
    EXPECT_EQ(*OnlyRequest(with(host)).Find("host"), host);
  }
}

TEST(AField, HasANameAndAColon) {
  for (const char* line :
       {"A : b", "A\t: b", ": b", "A", "A b: c", "A(: b", "\xc3\xa9: b", "A;: b"}) {
    ExpectRefused(WithFields(std::string(line) + "\r\n"), 400);
  }
}

TEST(AField, IsNotFolded) {
  ExpectRefused(WithFields("A: b\r\n c\r\n"), 400);
  ExpectRefused(WithFields("A: b\r\n\tc\r\n"), 400);
  ExpectRefused("GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400);
  ExpectRefused(WithFields("A: b\r\n \r\n"), 400);
}

TEST(AField, HasNoControlCharacters) {
  for (int byte = 0; byte < 256; ++byte) {
    const bool control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
    const std::string field = std::string("A: b") + static_cast<char>(byte) + "c\r\n";
    if (control) {
      ExpectRefused(WithFields(field), 400);
    } else {
      EXPECT_EQ(Frame(WithFields(field)).requests.size(), 1u) << byte;
    }
  }
}

TEST(ALine, EndsInBothCarriageReturnAndLineFeed) {
  ExpectRefused("GET / HTTP/1.1\nHost: x\n\n", 400);
  ExpectRefused("GET / HTTP/1.1\r\nHost: x\n\r\n", 400);
  ExpectRefused("GET / HTTP/1.1\r\nHost: x\r\n\n", 400);
  ExpectRefused("GET / HTTP/1.1\rHost: x\r\n\r\n", 400);
  ExpectRefused("GET / HTTP/1.1\r\r\nHost: x\r\n\r\n", 400);
  ExpectRefused(WithFields("A: b\rc\r\n"), 400);
  ExpectRefused("\n" + Get("/"), 400);
  ExpectRefused("\r" + Get("/"), 400);
  ExpectRefused(Chunked("1\na\r\n0\r\n\r\n"), 400);
  ExpectRefused(Chunked("1\r\na\n0\r\n\r\n"), 400);
  ExpectRefused(Chunked("1\r\na\r\n0\n\r\n"), 400);
  ExpectRefused(Chunked("1\r\na\r\n0\r\n\n"), 400);
}

TEST(AHeaderBlock, HasALimitOfFields) {
  EXPECT_EQ(OnlyRequest(WithFields("A:1\r\nA:2\r\nA:3\r\nA:4\r\nA:5\r\n")).Count("a"), 5);
  ExpectRefused(WithFields("A:1\r\nA:2\r\nA:3\r\nA:4\r\nA:5\r\nA:6\r\n"), 431, "header-too-large");
}

TEST(AHeaderBlock, HasALimitOfBytes) {
  // "Host: x\r\n" is 9 bytes, "A: \r\n" is 5.
  const std::string fits = WithFields("A: " + std::string(128 - 9 - 5, 'b') + "\r\n");
  EXPECT_EQ(Frame(fits).requests.size(), 1u);
  ExpectRefused(WithFields("A: " + std::string(128 - 9 - 5 + 1, 'b') + "\r\n"), 431,
                "header-too-large");
  ExpectRefused(WithFields("A: " + std::string(500, 'b')), 431, "header-too-large");
  ExpectRefused(WithFields("A: " + std::string(128 - 9 - 5, 'b') + "\r\nB"), 431,
                "header-too-large");
}

TEST(AContentLength, IsDigitsOnce) {
  const auto with = [](std::string_view length) {
    return "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::string(length) +
           "\r\n\r\nabcdef";
  };
  for (const char* length : {"+5", "-1", "0x5", "5, 5", "5,6", "abc", "", "5 5", "5a", "1e1", "5.0",
                             "\xef\xbc\x95", "''", "5;"}) {
    ExpectRefused(with(length), 400);
  }
  ExpectRefused(with("5\r\nContent-Length: 5"), 400);
  ExpectRefused(with("5\r\nContent-Length: 6"), 400);
  EXPECT_EQ(OnlyRequest(with("6")).body, "abcdef");
  EXPECT_EQ(OnlyRequest(with("0006")).body, "abcdef");
  EXPECT_EQ(OnlyRequest(WithFields("Content-Length: 0\r\n")).body, "");
}

TEST(AContentLength, HasALimitKnownBeforeTheBodyComes) {
  const auto with = [](std::string_view length) {
    return "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::string(length) + "\r\n\r\n";
  };
  EXPECT_EQ(Frame(with("40")).stage, Framer::Stage::kBody);
  for (const char* length :
       {"41", "1099511627776", "18446744073709551616", "99999999999999999999999999999999999999"}) {
    ExpectRefused(with(length), 413, "body-too-large");
  }
}

TEST(ATransferCoding, IsChunkedAndNothingElse) {
  const auto with = [](std::string_view fields) {
    return "POST / HTTP/1.1\r\nHost: x\r\n" + std::string(fields) + "\r\n1\r\na\r\n0\r\n\r\n";
  };
  EXPECT_EQ(OnlyRequest(with("Transfer-Encoding: chunked\r\n")).body, "a");
  EXPECT_EQ(OnlyRequest(with("transfer-ENCODING:\t ChunKED \r\n")).body, "a");
  for (const char* coding : {"ch", "xchunked", "chunked, chunked", "gzip, chunked", "identity",
                             "chunked;q=1", "\"chunked\"", "chunked,", ""}) {
    ExpectRefused(with("Transfer-Encoding: " + std::string(coding) + "\r\n"), 501,
                  "coding-not-implemented");
  }
  ExpectRefused(with("Transfer-Encoding: chunked\v\r\n"), 400);
  ExpectRefused(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400);
  ExpectRefused(with("Transfer-Encoding: chunked\r\nContent-Length: 11\r\n"), 400);
  ExpectRefused(with("Content-Length: 11\r\nTransfer-Encoding: chunked\r\n"), 400);
  ExpectRefused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
}

TEST(AChunkedBody, IsPutTogether) {
  EXPECT_EQ(OnlyRequest(Chunked("6\r\nabcdef\r\n0\r\n\r\n")).body, "abcdef");
  EXPECT_EQ(OnlyRequest(Chunked("1\r\na\r\n00A\r\nbcdefghijk\r\n0000000000000000\r\n\r\n")).body,
            "abcdefghijk");
  EXPECT_EQ(OnlyRequest(Chunked("0\r\n\r\n")).body, "");
  EXPECT_EQ(OnlyRequest(Chunked("4\r\n\r\n\r\n\r\n0\r\n\r\n")).body, "\r\n\r\n");
  EXPECT_EQ(Frame(Chunked("1\r\na\r\n0\r\n\r\n") + Get("/2")).requests.size(), 2u);
}

TEST(AChunkedBody, MayHaveExtensionsWhichAreSkipped) {
  EXPECT_EQ(OnlyRequest(Chunked("1;a=b\r\nx\r\n0 ;c=\"d;e\"\r\n\r\n")).body, "x");
  ExpectRefused(Chunked("1;" + std::string(400, 'a')), 400);
  ExpectRefused(Chunked("1;" + std::string(100, 'a') + "\r\nx\r\n1;" + std::string(100, 'a') +
                        "\r\nx\r\n0\r\n\r\n"),
                400);
}

TEST(AChunkedBody, HasSizesInHexOnly) {
  for (const char* size : {"", " 1", "1 ", "0x1", "+1", "-1", "g", "1\t", "1 1", "1,",
                           "1=", "11111111111111111", "00000000000000001"}) {
    ExpectRefused(Chunked(std::string(size) + "\r\na\r\n0\r\n\r\n"), 400);
  }
}

TEST(AChunkedBody, HasChunksOfTheirSize) {
  ExpectRefused(Chunked("1\r\nab\r\n0\r\n\r\n"), 400);
  ExpectRefused(Chunked("3\r\nab\r\n0\r\n\r\n"), 400);
  ExpectRefused(Chunked("2\r\nab0\r\n\r\n"), 400);
}

TEST(AChunkedBody, HasALimitKnownBeforeEachChunkComes) {
  const std::string forty = "28\r\n" + std::string(40, 'a') + "\r\n";
  EXPECT_EQ(OnlyRequest(Chunked(forty + "0\r\n\r\n")).body.size(), 40u);
  ExpectRefused(Chunked("29\r\n"), 413, "body-too-large");
  ExpectRefused(Chunked(forty + "1\r\n"), 413, "body-too-large");
  ExpectRefused(Chunked("ffffffffffffffff\r\n"), 413, "body-too-large");
  ExpectRefused(Chunked("1\r\na\r\nffffffffffffffff\r\n"), 413, "body-too-large");
}

TEST(AChunkedBody, MayHaveTrailersWhichAreCheckedAndDropped) {
  const HttpRequest request = OnlyRequest(Chunked("0\r\nA: b\r\nContent-Length: 9\r\n\r\n"));
  EXPECT_EQ(request.fields.size(), 2u);
  EXPECT_EQ(request.Find("a"), nullptr);
  ExpectRefused(Chunked("0\r\nA b\r\n\r\n"), 400);
  ExpectRefused(Chunked("0\r\n a: b\r\n\r\n"), 400);
  ExpectRefused(Chunked("0\r\nA: " + std::string(200, 'a')), 431, "header-too-large");
  ExpectRefused(Chunked("0\r\nA:1\r\nA:2\r\nA:3\r\nA:4\r\nA:5\r\nA:6\r\nA:7\r\n"), 431,
                "header-too-large");
}

TEST(AnExpectation, IsAnnouncedBeforeTheBody) {
  const std::string head =
      "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n";
  EXPECT_EQ(Frame(head).continues, 1);
  EXPECT_EQ(Frame(head).stage, Framer::Stage::kBody);
  EXPECT_EQ(OnlyRequest(head + "a").body, "a");
}

TEST(AnExpectation, IsNothingWithoutABodyOrInHttp10) {
  EXPECT_EQ(Frame(WithFields("Expect: 100-continue\r\n")).continues, 0);
  EXPECT_EQ(Frame("POST / HTTP/1.0\r\nExpect: other\r\nContent-Length: 1\r\n\r\na").requests.size(),
            1u);
}

TEST(AnExpectation, OtherThanContinueIsRefused) {
  ExpectRefused(WithFields("Expect: 200-ok\r\n"), 417, "expectation-failed");
  ExpectRefused(WithFields("Expect: 100-continue\r\nExpect: x\r\n"), 417, "expectation-failed");
  ExpectRefused(WithFields("Expect:\r\n"), 417, "expectation-failed");
}

TEST(AnExpectation, IsNotMetForABodyThatIsTooLarge) {
  const Outcome outcome =
      Frame("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 41\r\n\r\n");
  EXPECT_EQ(outcome.error.status, 413);
  EXPECT_EQ(outcome.continues, 0);
}

TEST(AConnection, IsKeptAsTheVersionSaysUnlessAsked) {
  const auto kept = [](std::string_view version, std::string_view field) {
    const Outcome outcome =
        Frame("GET / " + std::string(version) + "\r\nHost: x\r\n" + std::string(field) + "\r\n");
    EXPECT_EQ(outcome.kept.size(), 1u);
    return !outcome.kept.empty() && outcome.kept.front();
  };
  EXPECT_TRUE(kept("HTTP/1.1", ""));
  EXPECT_TRUE(kept("HTTP/1.1", "Connection: upgrade\r\n"));
  EXPECT_FALSE(kept("HTTP/1.1", "Connection: close\r\n"));
  EXPECT_FALSE(kept("HTTP/1.1", "Connection: x,  CLOSE\t,y\r\n"));
  EXPECT_FALSE(kept("HTTP/1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
  EXPECT_TRUE(kept("HTTP/1.1", "Connection: closed\r\n"));
  EXPECT_FALSE(kept("HTTP/1.0", ""));
  EXPECT_TRUE(kept("HTTP/1.0", "Connection: Keep-Alive\r\n"));
  EXPECT_FALSE(kept("HTTP/1.0", "Connection: keep-alive, close\r\n"));
}

TEST(AnError, EndsTheReading) {
  const HttpLimits limits = SmallLimits();
  Framer framer(limits);
  std::string_view bad = "GET / HTTP/3.0\r\nHost: x\r\n\r\n";
  EXPECT_EQ(framer.Next(&bad), Framer::Progress::kError);
  const std::string next = Get("/smuggled");
  std::string_view rest = next;
  EXPECT_EQ(framer.Next(&rest), Framer::Progress::kError);
  EXPECT_EQ(rest.size(), next.size());
  EXPECT_EQ(framer.stage(), Framer::Stage::kFailed);
}

TEST(AnError, ComesBehindTheRequestsBeforeIt) {
  const Outcome outcome = Frame(Get("/1") + Get("/2") + "bad\r\n" + Get("/3"));
  EXPECT_EQ(outcome.requests.size(), 2u);
  EXPECT_EQ(outcome.error.status, 400);
}

TEST(AnUnfinishedRequest, SaysHowFarItIs) {
  EXPECT_EQ(Frame("").stage, Framer::Stage::kBetween);
  EXPECT_EQ(Frame("G").stage, Framer::Stage::kHeader);
  EXPECT_EQ(Frame("GET / HTTP/1.1\r\n").stage, Framer::Stage::kHeader);
  EXPECT_EQ(Frame("GET / HTTP/1.1\r\nHost: x\r\n\r").stage, Framer::Stage::kHeader);
  EXPECT_EQ(Frame(Chunked("")).stage, Framer::Stage::kBody);
  EXPECT_EQ(Frame(Chunked("1\r\na\r\n0\r\n")).stage, Framer::Stage::kBody);
}

// Requests put together at random from pieces that matter to framing, right and wrong.
TEST(AnyBytes, HaveOneOutcomeHoweverTheyAreSplit) {
  const auto seed = static_cast<std::uint32_t>(std::random_device()());
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::vector<std::string> pieces{
      "GET / HTTP/1.1\r\n",
      "POST /a HTTP/1.1\r\n",
      "Host: x\r\n",
      "Content-Length: 3\r\n",
      "Transfer-Encoding: chunked\r\n",
      "Expect: 100-continue\r\n",
      "\r\n",
      "abc",
      "3\r\nabc\r\n",
      "0\r\n",
      "0\r\n\r\n",
      "\r",
      "\n",
      " ",
      ";x",
      ":",
      "A: b\r\n",
      std::string(1, '\0'),
      "5",
      "Z",
      std::string(60, 'a'),
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"};
  const HttpLimits limits = SmallLimits();
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes;
    for (auto left = 1 + random() % 8; left > 0; --left) bytes += pieces[random() % pieces.size()];
    std::vector<std::string_view> parts;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t size = std::min<std::size_t>(1 + random() % 20, bytes.size() - at);
      parts.push_back(std::string_view(bytes).substr(at, size));
      at += size;
    }
    const std::string whole = Describe(FramePieces({bytes}, limits));
    ASSERT_EQ(Describe(FramePieces(parts, limits)), whole) << bytes;
    ASSERT_EQ(Describe(FramePieces(Bytes(bytes), limits)), whole) << bytes;
  }
}

}  // namespace
}  // namespace bitacora::api::http
