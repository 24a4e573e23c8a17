// Lines of a descriptor, and its pauses.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace bitacora::cli {

class LineReader {
 public:
  explicit LineReader(int descriptor, std::size_t line_bytes_max = 8u << 20)
      : descriptor_(descriptor), line_bytes_max_(line_bytes_max) {}

  enum class Got {
    kLine,
    kPause,  ///< Nothing came for as long as asked.
    kEnd,
    kTooLong,  ///< A line over the limit; there is no going on.
    kFailed,   ///< read(2) failed.
  };
  /// The next line without its end; a last one without newline counts. Waits at most `patience`.
  Got Next(std::chrono::milliseconds patience, std::string* line);

  std::size_t bytes_read() const { return bytes_read_; }

 private:
  int descriptor_;
  std::size_t line_bytes_max_;
  std::string buffer_;
  std::size_t searched_ = 0;  ///< No newline before it.
  std::size_t taken_ = 0;     ///< Given out already.
  std::size_t bytes_read_ = 0;
  bool ended_ = false;
};

}  // namespace bitacora::cli
