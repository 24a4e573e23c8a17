#include "src/kafka/stored_record.h"

#include <algorithm>
#include <cstring>

namespace bitacora::event_store::kafka {
namespace {

std::size_t HeaderCount(const rd_kafka_headers_t* headers) {
  return headers == nullptr ? 0 : rd_kafka_header_cnt(headers);
}

RecordHeaderView HeaderAt(const rd_kafka_headers_t* headers, std::size_t index) {
  const char* name = "";
  const void* value = nullptr;
  std::size_t size = 0;
  if (rd_kafka_header_get_all(headers, index, &name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return {};
  }
  return {name, value == nullptr ? std::string_view()
                                 : std::string_view(static_cast<const char*>(value), size)};
}

}  // namespace

StoredRecord CopyRecord(const rd_kafka_message_t& message) {
  // Parsed at the first call, then kept in the message; absent or malformed headers read as none.
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) headers = nullptr;
  const std::size_t header_count = HeaderCount(headers);

  StoredRecord record;
  record.headers.reserve(header_count);
  std::size_t size = message.key_len + message.len;
  for (std::size_t i = 0; i < header_count; ++i) {
    record.headers.push_back(HeaderAt(headers, i));
    size += record.headers.back().name.size() + record.headers.back().value.size();
  }

  auto block = std::make_shared_for_overwrite<char[]>(std::max<std::size_t>(size, 1));
  char* at = block.get();
  const auto copy = [&at](const void* bytes, std::size_t length) {
    if (length > 0) std::memcpy(at, bytes, length);
    const std::string_view copied(at, length);
    at += length;
    return copied;
  };
  record.offset = Offset(message.offset);
  rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  record.timestamp_ms = std::max<std::int64_t>(0, rd_kafka_message_timestamp(&message, &kind));
  if (message.key != nullptr) record.key = copy(message.key, message.key_len);
  record.is_tombstone = message.payload == nullptr;
  record.value = copy(message.payload, message.len);
  for (RecordHeaderView& header : record.headers) {
    header.name = copy(header.name.data(), header.name.size());
    header.value = copy(header.value.data(), header.value.size());
  }
  record.bytes = std::move(block);
  return record;
}

}  // namespace bitacora::event_store::kafka
