#include "src/url.h"

#include <gtest/gtest.h>

namespace bitacora::cli {
namespace {

TEST(PathsAndQueries, EncodeAllButUnreservedBytes) {
  EXPECT_EQ(PercentEncode("a-Z_0.~"), "a-Z_0.~");
  EXPECT_EQ(PercentEncode("a/b c%?#é+"), "a%2Fb%20c%25%3F%23%C3%A9%2B");
}

TEST(PathsAndQueries, JoinParameters) {
  EXPECT_EQ(Target("/x").str(), "/x");
  EXPECT_EQ(Target("/x").Add("a", "1&2").Add("b", "").str(), "/x?a=1%262&b=");
}

TEST(TheServersAddress, MayHaveAPathAndASlash) {
  EXPECT_EQ(ParseServerUrl("http://localhost:8080/").value(), "http://localhost:8080");
  EXPECT_EQ(ParseServerUrl("https://example.org/bitacora").value(), "https://example.org/bitacora");
  EXPECT_EQ(ParseServerUrl("http://[::1]:80").value(), "http://[::1]:80");
}

TEST(TheServersAddress, IsRefusedWhereItIsNone) {
  for (const char* text :
       {"", "localhost:8080", "ftp://x", "http://", "http:///x", "http://a b", "http://x?y=1",
        "http://x#y", "http://user:secret@x", "file:///etc/passwd"}) {
    EXPECT_FALSE(ParseServerUrl(text).ok()) << text;
  }
}

}  // namespace
}  // namespace bitacora::cli
