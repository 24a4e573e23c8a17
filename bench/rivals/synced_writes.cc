// What RocksDB itself makes of synced writes: the physical limit of an append to the embedded log.
// Its own grouping of concurrent writers, its default options, values of the size of an event. With
// ROWS, also what an event store has to find again, in a database of its own that is not synced:
// an id with its answer, and a place of one of 1,000 streams.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

namespace {

std::unique_ptr<rocksdb::DB> Open(const std::string& directory) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  if (const auto status = rocksdb::DB::Open(options, directory, &opened); !status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    std::exit(1);
  }
  return std::unique_ptr<rocksdb::DB>(opened);
}

/// The two rows of an event: ids come in their order, streams in none.
void PutRows(const std::string& id, std::minstd_rand* random, rocksdb::WriteBatch* rows) {
  const std::string stream = "stream-" + std::to_string((*random)() % 1000);
  rows->Put("ids/" + id + "/" + stream, std::string(28, 'x'));
  rows->Put("places/" + stream + "/" + id, std::string(6, 'x'));
}

}  // namespace

// synced_writes DIRECTORY THREADS SECONDS BYTES BATCH [ROWS]: prints values written per second.
int main(int argc, char** argv) {
  if (argc != 6 && (argc != 7 || std::string(argv[6]) != "rows")) {
    std::fprintf(stderr, "usage: synced_writes DIRECTORY THREADS SECONDS BYTES BATCH [rows]\n");
    return 2;
  }
  const bool with_rows = argc == 7;
  const std::string directory = argv[1];
  const int threads = std::stoi(argv[2]);
  const std::chrono::duration<double> length(std::stod(argv[3]));
  const std::string value(std::stoul(argv[4]), 'x');
  const int batch_size = std::stoi(argv[5]);

  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  const std::unique_ptr<rocksdb::DB> db = Open(directory + "/log");
  const std::unique_ptr<rocksdb::DB> state = with_rows ? Open(directory + "/state") : nullptr;

  std::atomic<bool> failed{false};
  std::atomic<std::uint64_t> written{0};
  const auto begun = std::chrono::steady_clock::now();
  const auto write = [&](int thread) {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    rocksdb::WriteBatch batch;
    rocksdb::WriteBatch rows;
    std::minstd_rand random(static_cast<unsigned>(thread + 1));
    for (std::uint64_t serial = 0; std::chrono::steady_clock::now() - begun < length;) {
      batch.Clear();
      for (int i = 0; i < batch_size; ++i) {
        const std::string id = std::to_string(thread) + "/" + std::to_string(serial++);
        batch.Put(id, value);
        if (state) PutRows(id, &random, &rows);
      }
      if (!db->Write(synced, &batch).ok()) failed = true;
      if (state && !state->Write(rocksdb::WriteOptions(), &rows).ok()) failed = true;
      rows.Clear();
      written += static_cast<std::uint64_t>(batch_size);
    }
  };
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < threads; ++i) writers.emplace_back(write, i);
  }
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begun;
  std::printf("%.0f\n", static_cast<double>(written) / spent.count());
  return failed ? 1 : 0;
}
