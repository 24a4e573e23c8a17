#include <string>

#include <gtest/gtest.h>

#include <bitacora/domain/ids.h>

namespace bitacora {
namespace {

TEST(ATopicsName, IsWhatKafkaAllows) {
  for (const std::string& name : {std::string("orders"), std::string("A.b_c-9"), std::string("..."),
                                  std::string("__x"), std::string(249, 'a')}) {
    EXPECT_TRUE(ParseTopicName(name).ok()) << name;
  }
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string(250, 'a'),
        std::string("a b"), std::string("a/b"), std::string("\xC3\xA9"), std::string("a\0", 2)}) {
    ASSERT_FALSE(ParseTopicName(name).ok()) << name;
    EXPECT_EQ(ParseTopicName(name).error().reason(), "invalid-topic-name");
  }
}

TEST(ATopicsName, IsReservedWhereItBeginsLikeOursOrKafkas) {
  EXPECT_TRUE(IsReservedTopic(TopicName("__consumer_offsets")));
  EXPECT_TRUE(IsReservedTopic(TopicName("bitacora.groups")));
  EXPECT_FALSE(IsReservedTopic(TopicName("bitacora")));
  EXPECT_FALSE(IsReservedTopic(TopicName("_orders")));
}

TEST(AStreamsName, IsUtf8WithoutControlCharacters) {
  for (const std::string& name :
       {std::string("order-1"), std::string("a b/c#?%"), std::string("pedido \xC3\xB1"),
        std::string("..."), std::string("\xF0\x9F\x9A\xA2"), std::string(200, 'a')}) {
    ASSERT_TRUE(ParseStreamName(name).ok()) << name;
    EXPECT_EQ(ParseStreamName(name)->str(), name);
    EXPECT_TRUE(IsStreamName(name));
  }
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string(201, 'a'),
        std::string("a\nb"), std::string("a\0b", 3), std::string("a\x7F"), std::string("\xC2\x85"),
        std::string("\xFF"), std::string("\xC0\xAF"), std::string("\xED\xA0\x80")}) {
    EXPECT_FALSE(IsStreamName(name)) << name;
    EXPECT_EQ(ParseStreamName(name).error().reason(), "invalid-stream-name");
  }
}

TEST(AnIdempotencyKey, IsVisibleAsciiWithoutHash) {
  EXPECT_TRUE(ParseIdempotencyKey(std::string(128, '~')).ok());
  EXPECT_TRUE(ParseIdempotencyKey("!").ok());
  for (const std::string& key :
       {std::string(), std::string(129, 'a'), std::string("a#1"), std::string("a b"),
        std::string("\x7F"), std::string("\xC3\xA9")}) {
    EXPECT_EQ(ParseIdempotencyKey(key).error().reason(), "invalid-idempotency-key") << key;
  }
}

TEST(AnAppendId, MayAlsoHaveThePlaceInABulkAppend) {
  EXPECT_TRUE(IsAppendId(std::string(128, 'k') + "#999"));
  EXPECT_FALSE(IsAppendId(std::string(133, 'k')));
  EXPECT_FALSE(IsAppendId(""));
  EXPECT_FALSE(IsAppendId("a b"));
}

}  // namespace
}  // namespace bitacora
