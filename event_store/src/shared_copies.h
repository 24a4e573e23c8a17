// Copies of bytes, many of them in one piece of memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>

namespace bitacora::event_store {

/// A piece lives as long as the last copy in it. For one thread.
class SharedCopies {
 public:
  /// `expected`: how many bytes there will be about.
  explicit SharedCopies(std::size_t expected) : piece_bytes_(std::min(expected, kPieceBytesMax)) {}

  struct Copy {
    std::string_view bytes;
    std::shared_ptr<const void> owner;
  };
  Copy Add(std::string_view bytes) {
    if (left_ < bytes.size() || piece_ == nullptr) {
      left_ = std::max(bytes.size(), piece_bytes_);
      piece_ = std::make_shared_for_overwrite<char[]>(left_);
      next_ = piece_.get();
    }
    char* const at = next_;
    next_ = std::copy(bytes.begin(), bytes.end(), at);
    left_ -= bytes.size();
    return {{at, bytes.size()}, piece_};
  }

 private:
  static constexpr std::size_t kPieceBytesMax = 32u << 10;

  const std::size_t piece_bytes_;
  std::shared_ptr<char[]> piece_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace bitacora::event_store
