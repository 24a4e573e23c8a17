#include "src/http/output.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <sys/socket.h>
#include <sys/uio.h>

namespace bitacora::api::http {
namespace {

constexpr std::size_t kCopiedBytesMax = 16u << 10;
constexpr std::size_t kPiecesAtOnce = 16;
// What a quiet connection may keep of a buffer for its next answer.
constexpr std::size_t kBytesKept = 1u << 10;

}  // namespace

void Output::Append(std::string_view bytes) {
  if (pieces_.empty() || pieces_.back().size() + bytes.size() > kCopiedBytesMax) {
    pieces_.emplace_back();
  }
  pieces_.back().append(bytes);
  size_ += bytes.size();
}

void Output::Append(std::string&& bytes) {
  if (bytes.size() <= kCopiedBytesMax) {
    Append(std::string_view(bytes));
    return;
  }
  size_ += bytes.size();
  pieces_.push_back(std::move(bytes));
}

Output::Sent Output::Flush(int fd, std::size_t* sent) {
  *sent = 0;
  while (size_ > 0) {
    std::array<iovec, kPiecesAtOnce> parts;
    std::size_t count = 0;
    std::size_t bytes = 0;
    for (std::size_t i = front_; i < pieces_.size() && count < parts.size(); ++i, ++count) {
      const std::size_t skip = i == front_ ? front_sent_ : 0;
      parts[count] = {pieces_[i].data() + skip, pieces_[i].size() - skip};
      bytes += parts[count].iov_len;
    }
    msghdr message{};  // dearer than a plain send, which most answers can do with
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    const ssize_t gone =
        count == 1 ? send(fd, parts[0].iov_base, parts[0].iov_len, MSG_DONTWAIT | MSG_NOSIGNAL)
                   : sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (gone < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? Sent::kSome : Sent::kBroken;
    }
    Drop(static_cast<std::size_t>(gone));
    *sent += static_cast<std::size_t>(gone);
    if (static_cast<std::size_t>(gone) < bytes) return Sent::kSome;
  }
  return Sent::kAll;
}

void Output::Drop(std::size_t bytes) {
  size_ -= bytes;
  while (bytes > 0) {
    std::string& piece = pieces_[front_];
    const std::size_t here = std::min(bytes, piece.size() - front_sent_);
    bytes -= here;
    front_sent_ += here;
    if (front_sent_ == piece.size()) {
      if (size_ > 0) piece = std::string();
      ++front_;
      front_sent_ = 0;
    }
  }
  if (size_ > 0) {
    // Pieces that have gone are only empty strings; they leave the front once there are many.
    if (front_ >= kPiecesAtOnce) {
      pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(front_));
      front_ = 0;
    }
    return;
  }
  front_ = 0;
  pieces_.resize(1);
  if (pieces_.front().capacity() > kBytesKept) {
    pieces_.front() = std::string();
  } else {
    pieces_.front().clear();
  }
}

}  // namespace bitacora::api::http
