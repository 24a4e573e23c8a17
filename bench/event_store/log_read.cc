// Reads a topic of either log from start to end through the port Log, and does nothing with it: the
// limit of whatever folds it.
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitacora/base/metrics.h>
#include <bitacora/event_store/embedded_log.h>
#include <bitacora/event_store/kafka_log.h>

namespace bitacora::event_store {
namespace {

Result<std::unique_ptr<Log>> Open(std::string_view kind, const std::string& where,
                                  Metrics& metrics) {
  if (kind == "kafka") {
    KafkaLogOptions options;
    options.brokers = where;
    return OpenKafkaLog(options, metrics);
  }
  EmbeddedLogOptions options;
  options.directory = where;
  return OpenEmbeddedLog(options, metrics);
}

struct Figure {
  std::size_t records = 0;
  double seconds = 0;
};

Result<Figure> ReadAll(Log& log, const TopicName& topic) {
  using Clock = std::chrono::steady_clock;
  const auto begun = Clock::now();
  BITACORA_ASSIGN_OR_RETURN(const TopicDescription description, log.Describe(topic));
  BITACORA_ASSIGN_OR_RETURN(const std::unique_ptr<LogReader> reader, log.NewReader());
  for (int i = 0; i < description.partitions; ++i) {
    BITACORA_RETURN_IF_ERROR(reader->Assign({topic, Partition(i)}, Offset(0), 0));
  }
  Figure figure;
  std::vector<ReadEvent> events;
  for (int ends = 0; ends < description.partitions; events.clear()) {
    BITACORA_RETURN_IF_ERROR(reader->Poll(2000, Clock::now() + std::chrono::seconds(1), &events));
    for (const ReadEvent& event : events) {
      if (event.kind == ReadEvent::Kind::kError) return event.error;
      if (event.kind == ReadEvent::Kind::kRecord) ++figure.records;
      if (event.kind == ReadEvent::Kind::kEnd) ++ends;
    }
  }
  figure.seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  return figure;
}

int Main(char** argv) {
  Metrics metrics;
  const auto log = Open(argv[1], argv[2], metrics);
  const auto read = log.ok() ? ReadAll(**log, TopicName(argv[3])) : log.error();
  if (!read.ok()) {
    std::fprintf(stderr, "%s\n", read.error().ToString().c_str());
    return 1;
  }
  std::printf("{\"events\":%zu,\"seconds\":%.3f,\"per_second\":%.0f}\n", read->records,
              read->seconds, static_cast<double>(read->records) / read->seconds);
  return 0;
}

}  // namespace
}  // namespace bitacora::event_store

// log_read embedded|kafka DIRECTORY|BROKERS TOPIC
int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: log_read embedded|kafka DIRECTORY|BROKERS TOPIC\n");
    return 2;
  }
  return bitacora::event_store::Main(argv);
}
