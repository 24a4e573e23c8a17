#include "src/embedded/checkpoint_file.h"

#include <bitacora/base/encoding.h>
#include <bitacora/base/log.h>
#include <bitacora/base/sha256.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace bitacora::event_store {
namespace {

/// "sequence" and 8 bytes of its hash: a cut or flipped file is told from an old one.
std::string Encode(std::uint64_t sequence) {
  std::string bytes;
  PutBigEndian64(&bytes, sequence);
  const Sha256Digest digest = HashSha256(bytes);
  return bytes.append(AsBytes(digest).substr(0, 8));
}

}  // namespace

Result<CheckpointFile> CheckpointFile::Open(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) {
    return Error(ErrorCode::kPermissionDenied, "cannot open " + path + ": " + std::strerror(errno));
  }
  CheckpointFile opened(file, 0);
  std::array<char, 17> buffer{};
  const ssize_t size = ::pread(file, buffer.data(), buffer.size(), 0);
  if (size == 0) return opened;
  const std::string_view bytes(buffer.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
  Decoder in(bytes);
  opened.sequence_ = in.BigEndian64();
  if (bytes != Encode(opened.sequence_)) {
    return Error(ErrorCode::kCorruption, path + " is damaged", "log-damaged");
  }
  return opened;
}

CheckpointFile::CheckpointFile(CheckpointFile&& other) noexcept
    : file_(std::exchange(other.file_, -1)), sequence_(other.sequence_) {}

CheckpointFile::~CheckpointFile() {
  if (file_ >= 0) ::close(file_);
}

void CheckpointFile::Write(std::uint64_t sequence) {
  const std::string bytes = Encode(sequence);
  if (::pwrite(file_, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    LogWarning("the log's checkpoint was not written", {{"error", std::strerror(errno)}});
  }
}

}  // namespace bitacora::event_store
