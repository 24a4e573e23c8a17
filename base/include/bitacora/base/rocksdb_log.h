// What RocksDB has to say, in the program's log.
#pragma once

#include <memory>
#include <string>

namespace rocksdb {
class Logger;
}

namespace bitacora {

/// For DBOptions::info_log: errors of `database` go to the program's log, the rest nowhere.
///
/// Every database has one. RocksDB's own writes a file LOG beside the data, and where that could
/// not be written once, the next line aborts the process (an assertion in Debian's 7.8.3): a disk
/// that fails would end a server that can say 503.
std::shared_ptr<rocksdb::Logger> RocksLog(std::string database);

}  // namespace bitacora
