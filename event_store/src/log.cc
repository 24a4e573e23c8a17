#include <bitacora/event_store/log.h>

namespace bitacora::event_store {

std::string_view DurabilityName(Durability durability) {
  switch (durability) {
    case Durability::kOneCopy:
      return "one-copy";
    case Durability::kOneDisk:
      return "one-disk";
    case Durability::kReplicated:
      return "replicated";
  }
  BITACORA_CHECK(false, "unknown Durability");
}

}  // namespace bitacora::event_store
