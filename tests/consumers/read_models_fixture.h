// Read models over an event store whose log is in memory.
#pragma once

#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <bitacora/consumers/read_models.h>

#include "support/event_store_fixture.h"

namespace bitacora::consumers {

class ReadModelsTest : public tests::EventStoreTest {
 protected:
  ReadModelsTest() { Start(); }
  ~ReadModelsTest() override { models_.reset(); }

  void Start() {
    options_.directory = directory_.path() + "/models";
    options_.retry_after = milliseconds(5);
    auto opened = ReadModels::Open(options_, *store_, SystemClock(), metrics_);
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    models_ = std::move(*opened);
  }
  /// What a kill and a start do; `between` runs while nothing is open.
  void RestartAll(const std::function<void()>& between = {}) {
    models_.reset();
    Restart(between);
    Start();
  }
  void RestartModels(const std::function<void()>& between = {}) {
    models_.reset();
    if (between) between();
    Start();
  }

  static TopicPartition At(const TopicName& topic, std::int32_t partition = 0) {
    return {topic, Partition(partition)};
  }

  Position Put(const std::string& stream, const std::string& data = "{}") {
    Asked asked;
    asked.data = data;
    const auto appended = Append(stream, asked);
    EXPECT_TRUE(appended.ok()) << appended.error().ToString();
    return appended->position;
  }
  /// A foreign record of an adopted topic.
  void Write(const std::string& key, const std::string& value, std::int32_t partition = 0) {
    Record record;
    record.key = key;
    record.value = value;
    log_.Write(At(adopted_, partition), std::move(record));
  }

  Status Wait(const Position& position, milliseconds within = milliseconds(10'000),
              const std::string& model = "orders.latest") {
    std::promise<Status> promise;
    models_->WhenApplied(model, position, SystemClock().Now() + within,
                         [&promise](Status status) { promise.set_value(std::move(status)); });
    return promise.get_future().get();
  }
  void WaitForAll(const TopicName& topic) {
    const auto end = store_->LatestPosition(topic);
    ASSERT_TRUE(end.ok()) << end.error().ToString();
    const Status applied = Wait(*end, milliseconds(10'000), LatestModelOf(topic));
    ASSERT_TRUE(applied.ok()) << applied.error().ToString();
  }

  /// Key and answer of each document.
  std::vector<std::string> All(const std::string& model) {
    DocumentQuery query;
    query.limit = 1000;
    const auto page = models_->List(model, query);
    EXPECT_TRUE(page.ok()) << page.error().ToString();
    return page.ok() ? page->documents : std::vector<std::string>();
  }
  std::vector<projections::PartitionState> States(const std::string& model) {
    const auto view = models_->View(model);
    EXPECT_TRUE(view.ok()) << view.error().ToString();
    std::vector<projections::PartitionState> states;
    for (std::int32_t number = 0; number < view->model.identity.partitions; ++number) {
      states.push_back(view->snapshot->State(Partition(number)).value());
    }
    return states;
  }
  std::optional<ModelProgress> ProgressOf(const std::string& model, std::int32_t partition = 0) {
    for (ModelProgress& progress : models_->Progress()) {
      if (progress.model == model && progress.at.partition == Partition(partition)) return progress;
    }
    return std::nullopt;
  }

  const TopicName adopted_{"clicks"};
  ReadModelsOptions options_;
  std::unique_ptr<ReadModels> models_;
};

}  // namespace bitacora::consumers
