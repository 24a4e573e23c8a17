#include "src/line_reader.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace bitacora::cli {

LineReader::Got LineReader::Next(std::chrono::milliseconds patience, std::string* line) {
  while (true) {
    const std::size_t newline = buffer_.find('\n', std::max(searched_, taken_));
    if (newline != std::string::npos) {
      std::size_t end = newline;
      if (end > taken_ && buffer_[end - 1] == '\r') --end;
      line->assign(buffer_, taken_, end - taken_);
      taken_ = newline + 1;
      return Got::kLine;
    }
    buffer_.erase(0, taken_);
    taken_ = 0;
    searched_ = buffer_.size();
    if (buffer_.size() > line_bytes_max_) return Got::kTooLong;
    if (ended_) {
      if (buffer_.empty()) return Got::kEnd;
      *line = std::exchange(buffer_, {});
      return Got::kLine;
    }
    pollfd readable{descriptor_, POLLIN, 0};
    const int ready = poll(&readable, 1, static_cast<int>(patience.count()));
    if (ready == 0) return Got::kPause;
    if (ready < 0) {
      if (errno == EINTR) continue;
      return Got::kFailed;
    }
    char bytes[65'536];
    const ssize_t size = read(descriptor_, bytes, sizeof bytes);
    if (size < 0 && errno != EINTR) return Got::kFailed;
    if (size == 0) ended_ = true;
    if (size > 0) {
      buffer_.append(bytes, static_cast<std::size_t>(size));
      bytes_read_ += static_cast<std::size_t>(size);
    }
  }
}

}  // namespace bitacora::cli
