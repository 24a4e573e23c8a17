// A process that writes or reads an embedded log, for tests that kill it, cut its power or damage
// its files. Its stdout is the ledger: it is kept by whoever started it, outside the log.
//
//   embedded_log_tool append DIR [--threads N] [--value-bytes N] [--records N] [--segment-bytes N]
//       Appends until it is ended, or N records in all. Lines: "sent KEY" before an append is
//       handed over, "acked KEY OFFSET SHA" after its answer, "unknown KEY" and "refused KEY"
//       likewise.
//   embedded_log_tool dump DIR [--read-only]
//       One line per record: "KEY PARTITION OFFSET SHA", then "end RECORDS".
//
// Exit codes: 0 done; 2 usage; 4 disk too full; 5 the log is damaged; 1 any other refusal.
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include <bitacora/base/encoding.h>
#include <bitacora/base/metrics.h>
#include <bitacora/base/sha256.h>
#include <bitacora/event_store/embedded_log.h>

namespace bitacora::event_store {
namespace {

const TopicName kTopic("ledger");
constexpr std::int32_t kPartitions = 3;

struct Arguments {
  std::string command;
  std::string directory;
  int threads = 8;
  std::size_t value_bytes = 256;
  std::int64_t records = INT64_MAX;
  std::uint64_t segment_bytes = EmbeddedLogOptions().segment_bytes;
  bool read_only = false;
};

std::optional<Arguments> Parse(int argc, char** argv) {
  if (argc < 3) return std::nullopt;
  Arguments arguments;
  arguments.command = argv[1];
  arguments.directory = argv[2];
  for (int i = 3; i < argc; ++i) {
    const std::string flag = argv[i];
    const bool has_value = i + 1 < argc;
    if (flag == "--read-only") {
      arguments.read_only = true;
    } else if (flag == "--threads" && has_value) {
      arguments.threads = std::atoi(argv[++i]);
    } else if (flag == "--value-bytes" && has_value) {
      arguments.value_bytes = static_cast<std::size_t>(std::atoll(argv[++i]));
    } else if (flag == "--records" && has_value) {
      arguments.records = std::atoll(argv[++i]);
    } else if (flag == "--segment-bytes" && has_value) {
      arguments.segment_bytes = static_cast<std::uint64_t>(std::atoll(argv[++i]));
    } else {
      return std::nullopt;
    }
  }
  return arguments;
}

/// One write, so that no line is torn between threads or by a kill.
void Say(const std::string& line) {
  const std::string whole = line + "\n";
  if (::write(STDOUT_FILENO, whole.data(), whole.size()) < 0) std::_Exit(1);
}

int Refuse(const Error& error) {
  std::cerr << error.ToString() << "\n";
  if (error.reason() == "disk-too-full") return 4;
  return error.code() == ErrorCode::kCorruption ? 5 : 1;
}

std::string Fingerprint(std::string_view value) { return HexEncode(AsBytes(HashSha256(value))); }

/// As many bytes as asked for, different for each key.
std::string ValueFor(const std::string& key, std::size_t bytes) {
  std::string value;
  for (int part = 0; value.size() < bytes; ++part) {
    value += AsBytes(HashSha256(key + "/" + std::to_string(part)));
  }
  value.resize(bytes);
  return value;
}

/// Appends one after the other, each after the answer to the one before.
void AppendAsThread(Log& log, const Arguments& arguments, int thread,
                    std::atomic<std::int64_t>& left) {
  // A pid makes the keys of each life of the log different.
  const std::string prefix = std::to_string(::getpid()) + "-" + std::to_string(thread) + "-";
  for (std::int64_t i = 0; left.fetch_sub(1) > 0; ++i) {
    const std::string key = prefix + std::to_string(i);
    // Sizes vary, so that records begin anywhere in a block.
    const std::string value = ValueFor(
        key, arguments.value_bytes / 2 + static_cast<std::size_t>(i) % (arguments.value_bytes + 1));
    std::mutex mutex;
    std::condition_variable came;
    std::optional<Result<Offset>> answer;
    Say("sent " + key);
    log.Append({kTopic, PartitionOf(key, kPartitions)}, {key, value, {{"h", key}}},
               [&](Result<Offset> result) {
                 const std::lock_guard lock(mutex);
                 answer.emplace(std::move(result));
                 came.notify_one();
               });
    std::unique_lock lock(mutex);
    came.wait(lock, [&] { return answer.has_value(); });
    if (answer->ok()) {
      Say("acked " + key + " " + std::to_string(answer->value().value) + " " + Fingerprint(value));
    } else {
      Say((answer->error().code() == ErrorCode::kTimeout ? "unknown " : "refused ") + key);
    }
  }
}

int Append(const Arguments& arguments) {
  Metrics metrics;
  auto log = OpenEmbeddedLog(
      {.directory = arguments.directory, .segment_bytes = arguments.segment_bytes}, metrics);
  if (!log.ok()) return Refuse(log.error());
  const Status made = (*log)->CreateTopic(kTopic, kPartitions);
  if (!made.ok() && made.error().code() != ErrorCode::kAlreadyExists) return Refuse(made.error());
  Say("ready");
  std::atomic<std::int64_t> left = arguments.records;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < arguments.threads; ++thread) {
      threads.emplace_back([&, thread] { AppendAsThread(**log, arguments, thread, left); });
    }
  }
  return 0;
}

int Dump(const Arguments& arguments) {
  Metrics metrics;
  auto log = OpenEmbeddedLog({.directory = arguments.directory, .read_only = arguments.read_only},
                             metrics);
  if (!log.ok()) return Refuse(log.error());
  std::int64_t records = 0;
  for (std::int32_t partition = 0; partition < kPartitions; ++partition) {
    Offset from(0);
    while (true) {
      const auto page = (*log)->Fetch({kTopic, Partition(partition)}, from, {});
      if (!page.ok()) return Refuse(page.error());
      for (const StoredRecord& record : page->records) {
        std::cout << record.key.value_or("-") << " " << partition << " " << record.offset.value
                  << " " << Fingerprint(record.value) << "\n";
        ++records;
      }
      if (page->at_end) break;
      from = page->next;
    }
  }
  std::cout << "end " << records << std::endl;
  return 0;
}

int Main(int argc, char** argv) {
  const auto arguments = Parse(argc, argv);
  if (arguments && arguments->command == "append") return Append(*arguments);
  if (arguments && arguments->command == "dump") return Dump(*arguments);
  std::cerr << "usage: embedded_log_tool append|dump DIR [flags]\n";
  return 2;
}

}  // namespace
}  // namespace bitacora::event_store

int main(int argc, char** argv) { return bitacora::event_store::Main(argc, argv); }
