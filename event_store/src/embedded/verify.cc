#include "src/embedded/verify.h"

#include <map>
#include <utility>

#include <rocksdb/metadata.h>
#include <rocksdb/table_properties.h>
#include <sys/stat.h>

#include <bitacora/base/encoding.h>
#include <bitacora/base/mutation.h>

#include "src/rocks_status.h"

namespace bitacora::event_store::embedded {
namespace {

Error Damaged(std::string what) { return {ErrorCode::kCorruption, std::move(what), "log-damaged"}; }

std::string PlaceOf(TopicNumber topic, Partition partition, Offset offset) {
  return "topic number " + std::to_string(topic.value) + ", partition " +
         std::to_string(partition.value) + ", offset " + std::to_string(offset.value);
}

/// One row of the catalog; a missing one is damage.
Result<std::string> ReadRow(rocksdb::DB* db, const std::string& key, std::string_view what) {
  std::string value;
  const rocksdb::Status got = db->Get(rocksdb::ReadOptions(), ToSlice(key), &value);
  if (got.IsNotFound()) return Damaged("the log has no " + std::string(what));
  if (!got.ok()) return FromRocks(got, "read the catalog of the log");
  return value;
}

Result<std::vector<TopicContents>> ReadTopics(rocksdb::DB* db) {
  std::vector<TopicContents> topics;
  const std::unique_ptr<rocksdb::Iterator> rows(db->NewIterator(rocksdb::ReadOptions()));
  for (rows->Seek(ToSlice(TopicKeyPrefix()));
       rows->Valid() && ToView(rows->key()).starts_with(TopicKeyPrefix()); rows->Next()) {
    BITACORA_ASSIGN_OR_RETURN(TopicRow row,
                              DecodeTopicRow(ToView(rows->key()), ToView(rows->value())));
    topics.push_back({std::move(row), {}});
  }
  if (!rows->status().ok()) return FromRocks(rows->status(), "read the catalog of the log");
  return topics;
}

/// The last record of a partition, found by seeking, not by trusting any count.
Result<PartitionHead> ReadHead(rocksdb::Iterator* rows, TopicNumber topic, Partition partition) {
  const std::string first = RecordKey(topic, partition, Offset(0));
  const std::string last = RecordKey(topic, partition, Offset(INT64_MAX));
  PartitionHead head;
  rows->SeekForPrev(ToSlice(last));
  if (!rows->status().ok()) return FromRocks(rows->status(), "read the end of a partition");
  if (!rows->Valid() || ToView(rows->key()) < first) return head;

  Decoder key(ToView(rows->key()).substr(8));
  const Offset offset(static_cast<std::int64_t>(key.BigEndian64()));
  auto value = SplitValue(ToView(rows->value()));
  if (!rows->status().ok()) return FromRocks(rows->status(), "read the end of a partition");
  if (!key.done() || !value.ok()) {
    return Damaged("the last record is not readable: " + PlaceOf(topic, partition, offset));
  }
  head.end = offset.Next();
  head.chain = value->stamp.chain;
  head.latest_time_ms = value->stamp.latest_time_ms;
  return head;
}

}  // namespace

Result<std::uint64_t> CountEntries(rocksdb::DB* db) {
  rocksdb::TablePropertiesCollection tables;
  if (const auto got = db->GetPropertiesOfAllTables(&tables); !got.ok()) {
    return FromRocks(got, "read the properties of the log's tables");
  }
  std::uint64_t entries = 0;
  for (const auto& [file, properties] : tables) entries += properties->num_entries;
  for (const char* memtables :
       {"rocksdb.num-entries-active-mem-table", "rocksdb.num-entries-imm-mem-tables"}) {
    std::uint64_t count = 0;
    if (!db->GetIntProperty(memtables, &count)) {
      return Error(ErrorCode::kInternal, std::string("RocksDB does not know ") + memtables);
    }
    entries += count;
  }
  return entries;
}

Result<Contents> ReadContents(rocksdb::DB* db) {
  BITACORA_ASSIGN_OR_RETURN(const std::string format_row, ReadRow(db, FormatKey(), "format"));
  Decoder decoder(format_row);
  const std::uint64_t format = decoder.Varint();
  if (!decoder.done()) return Damaged("the log's format is not readable");
  if (format > kFormat) {
    return Error(ErrorCode::kInvalidArgument,
                 "the log was written by a newer release: its format is " + std::to_string(format) +
                     ", this release knows " + std::to_string(kFormat));
  }
  Contents contents;
  BITACORA_ASSIGN_OR_RETURN(contents.log_id, ReadRow(db, LogIdKey(), "identity"));
  BITACORA_ASSIGN_OR_RETURN(contents.topics, ReadTopics(db));

  const std::unique_ptr<rocksdb::Iterator> rows(db->NewIterator(rocksdb::ReadOptions()));
  for (TopicContents& topic : contents.topics) {
    for (std::int32_t partition = 0; partition < topic.row.partitions; ++partition) {
      BITACORA_ASSIGN_OR_RETURN(const PartitionHead head,
                                ReadHead(rows.get(), topic.row.number, Partition(partition)));
      topic.heads.push_back(head);
      contents.records += static_cast<std::uint64_t>(head.end.value);
    }
  }
  return contents;
}

Status CheckBlobFiles(rocksdb::DB* db, const std::string& db_directory) {
  rocksdb::ColumnFamilyMetaData files;
  db->GetColumnFamilyMetaData(&files);
  for (const rocksdb::BlobMetaData& blob : files.blob_files) {
    // The name begins with a slash.
    const std::string path = db_directory + blob.blob_file_name;
    struct stat file {};
    if (::stat(path.c_str(), &file) != 0) return Damaged(path + " is missing");
    if (static_cast<std::uint64_t>(file.st_size) < blob.blob_file_size) {
      return Damaged(path + " is shorter than it was: " + std::to_string(file.st_size) + " of " +
                     std::to_string(blob.blob_file_size) + " bytes");
    }
  }
  return {};
}

Status CheckComplete(rocksdb::DB* db, const Contents& contents) {
  BITACORA_ASSIGN_OR_RETURN(const std::uint64_t entries, CountEntries(db));
  const std::uint64_t rows = kEntriesOfNewLog + contents.topics.size();
  if (entries != contents.records + rows) {
    return Damaged("records are missing: the partitions' ends say " +
                   std::to_string(contents.records) + ", its files hold " +
                   std::to_string(entries < rows ? 0 : entries - rows));
  }
  return {};
}

Status CheckAgainst(rocksdb::DB* db, const Contents& contents, const Testimony& testimony) {
  if (Mutated(Promise::kP11)) return {};
  if (contents.records < testimony.records || contents.topics.size() < testimony.topics) {
    return Damaged("the log is shorter than what was acknowledged: it holds " +
                   std::to_string(contents.records) + " records in " +
                   std::to_string(contents.topics.size()) + " topics, and held " +
                   std::to_string(testimony.records) + " in " + std::to_string(testimony.topics));
  }
  if (testimony.records == 0) return {};
  const auto stamp = ReadStampFrom(db, testimony.topic, testimony.partition, testimony.offset);
  if (!stamp.ok() && stamp.error().code() != ErrorCode::kCorruption) return stamp.status();
  if (!stamp.ok() || stamp->chain != testimony.chain) {
    return Damaged("the log is not the one that was acknowledged: it differs at or before " +
                   PlaceOf(testimony.topic, testimony.partition, testimony.offset) +
                   (stamp.ok() ? "" : " (" + stamp.error().message() + ")"));
  }
  return {};
}

Result<Stamp> ReadStampFrom(rocksdb::DB* db, TopicNumber topic, Partition partition,
                            Offset offset) {
  rocksdb::PinnableSlice bytes;
  const rocksdb::Status got = db->Get(rocksdb::ReadOptions(), db->DefaultColumnFamily(),
                                      ToSlice(RecordKey(topic, partition, offset)), &bytes);
  if (got.IsNotFound()) {
    return Damaged("a record is missing: " + PlaceOf(topic, partition, offset));
  }
  if (!got.ok()) return FromRocks(got, "read a record");
  BITACORA_ASSIGN_OR_RETURN(const DecodedValue value, SplitValue(ToView(bytes)));
  return value.stamp;
}

}  // namespace bitacora::event_store::embedded
