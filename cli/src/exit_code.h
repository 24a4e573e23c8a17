// How the program ends. Scripts rely on these numbers; they never change meaning (docs/cli.md).
#pragma once

namespace bitacora::cli {

enum ExitCode : int {
  kDone = 0,
  kAnswerIsNo = 1,   ///< It worked, and the answer is no: conflict, not found, verify differs.
  kUsage = 2,        ///< Wrong flags, configuration or input. Nothing was done.
  kDataInUse = 3,    ///< serve: the data directory is in use, or belongs to another log.
  kDiskFull = 4,     ///< serve: too little space to open the data directory.
  kDamaged = 5,      ///< serve: damaged data; the message names the file.
  kUnreachable = 6,  ///< The server cannot be reached or cannot answer now. Nothing was written.
  kUndecided = 7,    ///< Whether it was written is unknown; repeating with the same key is safe.
};

}  // namespace bitacora::cli
