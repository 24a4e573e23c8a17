#include "src/rebuild_job.h"

#include <gtest/gtest.h>

namespace bitacora::consumers {
namespace {

RebuildJob OnKafka() {
  RebuildJob job;
  job.topic = TopicName("orders");
  job.model = {"01900000-0000-7000-8000-000000000000", "latest/1", 3, true};
  job.ends = {{Partition(0), Offset(7)}, {Partition(2), Offset(INT64_MAX)}};
  job.directory = "/a \"b\"/\\c";
  job.log_id = "cluster";
  job.kafka = event_store::KafkaLogOptions{"a:1,b:2", {{"sasl.password", "p\"\n="}}};
  job.parent = 4711;
  return job;
}

TEST(JobOfARebuild, ComesBackAsItWas) {
  const RebuildJob job = OnKafka();
  const auto read = RebuildJob::Parse(job.Json());
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->topic, job.topic);
  EXPECT_EQ(read->model, job.model);
  EXPECT_EQ(read->ends, job.ends);
  EXPECT_EQ(read->directory, job.directory);
  EXPECT_EQ(read->log_id, job.log_id);
  EXPECT_EQ(read->parent, job.parent);
  ASSERT_TRUE(read->kafka);
  EXPECT_EQ(read->kafka->brokers, job.kafka->brokers);
  EXPECT_EQ(read->kafka->properties, job.kafka->properties);
}

TEST(JobOfARebuild, IsOfTheEmbeddedLogWithoutBrokers) {
  RebuildJob job = OnKafka();
  job.kafka.reset();
  const auto read = RebuildJob::Parse(job.Json());
  ASSERT_TRUE(read.ok());
  EXPECT_FALSE(read->kafka);
}

TEST(JobOfARebuild, IsRefusedWhereAnythingIsMissing) {
  EXPECT_FALSE(RebuildJob::Parse("").ok());
  EXPECT_FALSE(RebuildJob::Parse("{}").ok());
  EXPECT_FALSE(RebuildJob::Parse(R"({"topic":"orders"})").ok());
}

TEST(ProgressOfARebuild, ComesBackAsItWas) {
  const RebuildProgress failed{3, 9, false, "the log ends"};
  const auto read = RebuildProgress::Parse(failed.Json());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->records, 3);
  EXPECT_EQ(read->total, 9);
  EXPECT_FALSE(read->done);
  EXPECT_EQ(read->error, "the log ends");
  EXPECT_TRUE(RebuildProgress::Parse(RebuildProgress{9, 9, true, {}}.Json())->done);
}

TEST(ProgressOfARebuild, IsNotReadFromOtherLines) {
  EXPECT_FALSE(RebuildProgress::Parse("Segmentation fault").ok());
  EXPECT_FALSE(RebuildProgress::Parse(R"({"records":-1,"total":2})").ok());
}

}  // namespace
}  // namespace bitacora::consumers
