// What RocksDB itself makes of synced writes: the physical limit of an append to the embedded log.
// Its own grouping of concurrent writers, its default options, values of the size of an event.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

// synced_writes DIRECTORY THREADS SECONDS BYTES BATCH: prints values written per second.
int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: synced_writes DIRECTORY THREADS SECONDS BYTES BATCH\n");
    return 2;
  }
  const std::string directory = argv[1];
  const int threads = std::stoi(argv[2]);
  const std::chrono::duration<double> length(std::stod(argv[3]));
  const std::string value(std::stoul(argv[4]), 'x');
  const int batch_size = std::stoi(argv[5]);

  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  if (const auto status = rocksdb::DB::Open(options, directory, &opened); !status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    return 1;
  }
  const std::unique_ptr<rocksdb::DB> db(opened);

  std::atomic<bool> failed{false};
  std::atomic<std::uint64_t> written{0};
  const auto begun = std::chrono::steady_clock::now();
  const auto write = [&](int thread) {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    rocksdb::WriteBatch batch;
    for (std::uint64_t serial = 0; std::chrono::steady_clock::now() - begun < length;) {
      batch.Clear();
      for (int i = 0; i < batch_size; ++i) {
        batch.Put(std::to_string(thread) + "/" + std::to_string(serial++), value);
      }
      if (!db->Write(synced, &batch).ok()) failed = true;
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
