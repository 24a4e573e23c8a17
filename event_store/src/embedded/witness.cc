#include "src/embedded/witness.h"

#include <cstdio>
#include <optional>
#include <utility>

#include <bitacora/base/encoding.h>

namespace bitacora::event_store::embedded {
namespace {

constexpr std::string_view kMagic = "BITAWITN";
constexpr std::uint64_t kSlotDistance = 4096;  ///< A page each: no write can tear both.
constexpr std::size_t kSlotBytes = 72;
constexpr std::uint64_t kCheckSeed = 1;

struct Slot {
  std::uint64_t generation = 0;
  Testimony testimony;
};

std::string EncodeSlot(const Slot& slot) {
  std::string bytes(kMagic);
  PutBigEndian64(&bytes, kFormat);
  PutBigEndian64(&bytes, slot.generation);
  PutBigEndian64(&bytes, slot.testimony.records);
  PutBigEndian32(&bytes, slot.testimony.topics);
  PutBigEndian32(&bytes, 0);
  PutBigEndian64(&bytes, slot.testimony.segment.value);
  PutBigEndian64(&bytes, slot.testimony.end.bytes);
  PutBigEndian64(&bytes, slot.testimony.end.check);
  PutBigEndian64(&bytes, HashOf(bytes, kCheckSeed));
  return bytes;
}

/// Nothing: damaged. kInvalidArgument: sound, and of a newer format.
Result<std::optional<Slot>> DecodeSlot(std::string_view bytes) {
  if (bytes.size() < kSlotBytes) return std::optional<Slot>();
  bytes = bytes.substr(0, kSlotBytes);
  Decoder decoder(bytes);
  const std::string_view magic = decoder.Raw(kMagic.size());
  const std::uint64_t format = decoder.BigEndian64();
  Slot slot;
  slot.generation = decoder.BigEndian64();
  slot.testimony.records = decoder.BigEndian64();
  slot.testimony.topics = decoder.BigEndian32();
  decoder.BigEndian32();
  slot.testimony.segment.value = decoder.BigEndian64();
  slot.testimony.end.bytes = decoder.BigEndian64();
  slot.testimony.end.check = decoder.BigEndian64();
  const std::uint64_t check = decoder.BigEndian64();
  if (magic != kMagic || check != HashOf(bytes.substr(0, kSlotBytes - 8), kCheckSeed)) {
    return std::optional<Slot>();
  }
  BITACORA_RETURN_IF_ERROR(CheckFormat(format));
  return std::optional(slot);
}

}  // namespace

Status Witness::Create(const std::string& path, const Testimony& testimony) {
  const std::string unfinished = path + ".new";
  {
    BITACORA_ASSIGN_OR_RETURN(PosixFile file,
                              PosixFile::Open(unfinished, PosixFile::Mode::kCreate));
    for (const std::uint64_t generation : {0, 1}) {
      std::string slot = EncodeSlot({generation, testimony});
      slot.resize(kSlotDistance);  // The whole file has its blocks: notes never need space.
      BITACORA_RETURN_IF_ERROR(file.WriteAt(generation * kSlotDistance, slot));
    }
    BITACORA_RETURN_IF_ERROR(file.Sync());
  }
  if (std::rename(unfinished.c_str(), path.c_str()) != 0) return FromErrno(errno, "rename", path);
  return SyncDirectory(path.substr(0, path.rfind('/')));
}

Result<std::unique_ptr<Witness>> Witness::Open(const std::string& path, Access access) {
  BITACORA_ASSIGN_OR_RETURN(
      PosixFile file, PosixFile::Open(path, access == Access::kRead ? PosixFile::Mode::kRead
                                                                    : PosixFile::Mode::kReadWrite));
  std::unique_ptr<Witness> witness(new Witness(std::move(file), path));
  BITACORA_RETURN_IF_ERROR(witness->Load());
  return witness;
}

Status Witness::Load() {
  std::optional<Slot> newest;
  for (const std::uint64_t place : {0, 1}) {
    BITACORA_ASSIGN_OR_RETURN(const std::string bytes,
                              file_.ReadAt(place * kSlotDistance, kSlotBytes));
    BITACORA_ASSIGN_OR_RETURN(const std::optional<Slot> slot, DecodeSlot(bytes));
    // A sound slot in the other's place has been copied there: not what was written.
    if (!slot || slot->generation % 2 != place) {
      both_slots_readable_ = false;
    } else if (!newest || slot->generation > newest->generation) {
      newest = slot;
    }
  }
  if (!newest) return Error(ErrorCode::kCorruption, path_ + " is damaged", "log-damaged");
  generation_ = newest->generation;
  found_ = newest->testimony;
  return {};
}

Status Witness::Note(const Testimony& testimony) {
  ++generation_;
  BITACORA_RETURN_IF_ERROR(
      file_.WriteAt((generation_ % 2) * kSlotDistance, EncodeSlot({generation_, testimony})));
  unsynced_.store(true, std::memory_order_relaxed);
  return {};
}

Status Witness::Sync() {
  // Before the sync, so that a note that comes meanwhile is synced next time.
  unsynced_.store(false, std::memory_order_relaxed);
  const Status synced = file_.Sync();
  if (!synced.ok()) unsynced_.store(true, std::memory_order_relaxed);
  return synced;
}

}  // namespace bitacora::event_store::embedded
