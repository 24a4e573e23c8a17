#include <filesystem>
#include <system_error>

#include <bitacora/base/discard.h>

namespace bitacora {
namespace {

std::string DiscardedName(const std::string& directory) { return directory + ".discarded"; }

Status Removed(const std::string& directory, const std::error_code& failed) {
  if (!failed) return {};
  return Error(ErrorCode::kPermissionDenied,
               "cannot remove " + directory + ": " + failed.message());
}

}  // namespace

Status Discard(const std::string& directory) {
  BITACORA_RETURN_IF_ERROR(RemoveDiscarded(directory));
  std::error_code failed;
  std::filesystem::rename(directory, DiscardedName(directory), failed);
  BITACORA_RETURN_IF_ERROR(Removed(directory, failed));
  return RemoveDiscarded(directory);
}

Status RemoveDiscarded(const std::string& directory) {
  std::error_code failed;
  std::filesystem::remove_all(DiscardedName(directory), failed);
  return Removed(DiscardedName(directory), failed);
}

}  // namespace bitacora
