#include <array>
#include <cstdarg>
#include <cstdio>
#include <utility>

#include <rocksdb/env.h>

#include <bitacora/base/log.h>
#include <bitacora/base/rocksdb_log.h>

namespace bitacora {
namespace {

class ProgramLog final : public rocksdb::Logger {
 public:
  explicit ProgramLog(std::string database)
      : Logger(rocksdb::InfoLogLevel::ERROR_LEVEL), database_(std::move(database)) {}

  using Logger::Logv;
  void Logv(const char* format, std::va_list arguments) override {
    std::array<char, 1024> line{};  // What is longer is cut.
    std::vsnprintf(line.data(), line.size(), format, arguments);
    LogError("RocksDB", {{"database", database_}, {"message", line.data()}});
  }
  void LogHeader(const char*, std::va_list) override {}  // Its options, at each start.

 private:
  const std::string database_;
};

}  // namespace

std::shared_ptr<rocksdb::Logger> RocksLog(std::string database) {
  return std::make_shared<ProgramLog>(std::move(database));
}

}  // namespace bitacora
