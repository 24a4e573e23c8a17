#include "src/store/state_db.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <bitacora/base/discard.h>
#include <bitacora/base/encoding.h>
#include <bitacora/base/log.h>
#include <bitacora/base/mutation.h>
#include <bitacora/base/rocksdb_log.h>

#include "src/record_codec.h"
#include "src/store/state_db_impl.h"

namespace bitacora::event_store {
namespace {

constexpr std::string_view kHeaderKey = "mstate";
constexpr std::string_view kNextNumberKey = "mnext-topic";
static_assert(kHeaderKey.front() == static_cast<char>(RowKind::kMeta));

std::string TopicKey(const TopicName& name) { return "mtopic/" + name.str(); }
std::string EncodeTopicState(const TopicState& topic) {
  std::string out;
  PutVarint(&out, topic.number);
  PutBytes(&out, topic.log_id);
  PutVarint(&out, static_cast<std::uint64_t>(topic.partitions));
  return out;
}

std::optional<TopicState> DecodeTopicState(std::string_view bytes) {
  Decoder in(bytes);
  TopicState topic;
  topic.number = static_cast<std::uint32_t>(in.Varint());
  topic.log_id = in.Bytes();
  topic.partitions = static_cast<std::int32_t>(in.Varint());
  return in.done() ? std::optional(std::move(topic)) : std::nullopt;
}

/// What the whole state was made with.
struct StateHeader {
  std::uint64_t format = 0;
  bool copies = false;
  std::string log_id;  ///< Empty: the log had not been reached.
};

std::string EncodeHeader(const StateHeader& header) {
  std::string out;
  PutVarint(&out, header.format);
  PutVarint(&out, header.copies ? 1 : 0);
  PutBytes(&out, header.log_id);
  return out;
}

std::optional<StateHeader> DecodeHeader(std::string_view bytes) {
  Decoder in(bytes);
  StateHeader header;
  header.format = in.Varint();
  header.copies = in.Varint() != 0;
  header.log_id = in.Bytes();
  return in.done() ? std::optional(std::move(header)) : std::nullopt;
}

}  // namespace

Error StateDamaged(std::string_view what) {
  return {ErrorCode::kCorruption,
          "the state cannot be read (" + std::string(what) +
              "); stop the server and delete its state directory, it comes back from the log",
          "state-damaged"};
}

Status FromState(const rocksdb::Status& status) {
  if (status.ok()) return {};
  LogError("the state failed", {{"error", status.ToString()}});
  return StateDamaged(status.IsCorruption() ? "damaged" : "I/O error");
}

std::string RunKey(const PartitionKey& partition, Offset first) {
  std::string key = PartitionPrefix(RowKind::kRun, partition);
  PutBigEndian64(&key, static_cast<std::uint64_t>(first.value));
  return key;
}

std::string PrefixEnd(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xFF) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

Result<StateDb::StreamAppend> ReadPlace(const rocksdb::Iterator& row, std::size_t prefix_size) {
  Decoder key(ToView(row.key()).substr(prefix_size));
  const Version first_version(static_cast<std::int64_t>(key.BigEndian64()));
  const auto place = DecodeAppendPlace(ToView(row.value()));
  if (!key.done() || !place) return StateDamaged("place of an append");
  return StateDb::StreamAppend{first_version, *place};
}

namespace {

/// A run and the bytes its entries point into, which its copied records share.
struct Run {
  Offset first;
  std::shared_ptr<const std::string> bytes;
  std::vector<AdmittedEntry> entries;
};

Result<Run> ReadRun(std::string_view key, std::string_view value) {
  Decoder first(key.substr(kPartitionPrefixSize));
  const Offset offset(static_cast<std::int64_t>(first.BigEndian64()));
  Run run{offset, std::make_shared<const std::string>(value), {}};
  auto entries = AdmittedRun::Decode(offset, *run.bytes);
  if (!first.done() || !entries) return StateDamaged("admitted records");
  run.entries = *std::move(entries);
  return run;
}

Result<StoredRecord> CopyOf(const Run& run, const AdmittedEntry& entry) {
  auto record = DecodeRecord(entry.offset, entry.record, run.bytes);
  if (!record) return StateDamaged("copied record");
  return *std::move(record);
}

}  // namespace

// ---- StateDb::Impl

Status StateDb::Impl::Write(rocksdb::WriteBatch* batch) const {
  return FromState(UnloggedWrites::Write(*db, batch));
}

Result<std::optional<std::string>> StateDb::Impl::Get(std::string_view key) const {
  std::string value;
  const rocksdb::Status status = db->Get(rocksdb::ReadOptions(), ToSlice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  BITACORA_RETURN_IF_ERROR(FromState(status));
  return std::optional(std::move(value));
}

Result<std::vector<rocksdb::PinnableSlice>> StateDb::Impl::GetEach(
    const std::vector<std::string>& keys) const {
  const std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> rows(keys.size());
  std::vector<rocksdb::Status> got(keys.size());
  db->MultiGet(rocksdb::ReadOptions(), db->DefaultColumnFamily(), keys.size(), slices.data(),
               rows.data(), got.data());
  for (const rocksdb::Status& status : got) {
    if (status.IsNotFound()) return StateDamaged("a row is missing");
    BITACORA_RETURN_IF_ERROR(FromState(status));
  }
  return rows;
}

std::unique_ptr<rocksdb::Iterator> StateDb::Impl::Iterate(
    const rocksdb::ReadOptions& options) const {
  return std::unique_ptr<rocksdb::Iterator>(db->NewIterator(options));
}

Result<std::optional<Version>> StateDb::Impl::Head(const std::string& stream_prefix) const {
  // Every stream has an event 0. Most streams that are asked for are new, and a filter in memory
  // says so; nothing of the kind is made for the last row of a stream.
  std::string first = stream_prefix;
  PutBigEndian64(&first, 0);
  BITACORA_ASSIGN_OR_RETURN(const std::optional<std::string> begun, Get(first));
  if (!begun) return std::optional<Version>();
  const std::string end = PrefixEnd(stream_prefix);
  const rocksdb::Slice lower(stream_prefix);
  const rocksdb::Slice upper(end);
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower;
  options.iterate_upper_bound = &upper;
  const auto row = Iterate(options);
  row->SeekToLast();
  BITACORA_RETURN_IF_ERROR(FromState(row->status()));
  if (!row->Valid()) return StateDamaged("head of a stream");
  BITACORA_ASSIGN_OR_RETURN(const StreamAppend last, ReadPlace(*row, stream_prefix.size()));
  const bool one_behind = Mutated(Promise::kP3) && last.last_version().value > 0;
  return std::optional(Version(last.last_version().value - (one_behind ? 1 : 0)));
}

Result<std::optional<Remembered>> StateDb::Impl::Find(std::string_view append_key) const {
  BITACORA_ASSIGN_OR_RETURN(const std::optional<std::string> value, Get(append_key));
  if (!value) return std::optional<Remembered>();
  std::optional<Remembered> remembered = DecodeRemembered(*value);
  if (!remembered) return StateDamaged("append id");
  return remembered;
}

// ---- Opening

namespace {

rocksdb::Options DatabaseOptions(const StateDb::Options& options) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(64u << 20);
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  // The filter of a whole table of a million small rows is larger than a shard of the cache, and
  // would be read from the file for each look-up; so would its index.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;

  rocksdb::Options database;
  database.create_if_missing = true;
  database.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  database.compression = rocksdb::kLZ4Compression;
  database.write_buffer_size = 24u << 20;
  database.avoid_flush_during_shutdown = !options.write_at_close;
  // Most look-ups are for ids never seen; the filter in memory answers those too.
  database.memtable_whole_key_filtering = true;
  database.memtable_prefix_bloom_size_ratio = 0.02;
  // Rows of a kind come in the order of their keys within a partition: runs always, appends where
  // the ids are UUIDs by time, places within a batch; a fold comes right before what it was.
  database.memtable_insert_with_hint_prefix_extractor.reset(
      rocksdb::NewFixedPrefixTransform(kPartitionPrefixSize));
  // Copies of records lie in files that compaction does not write again.
  database.enable_blob_files = options.copy_records;
  database.min_blob_size = 256;
  // Files are small, since a start folds again what is in none; merging four of them would write
  // what is there already too often, and more than eight would each be looked into by readers.
  database.level0_file_num_compaction_trigger = 8;
  database.max_background_jobs = 2;
  database.info_log = RocksLog("state");
  database.max_open_files = 512;
  return database;
}

/// Whether there is state with other families than one, of an older format: RocksDB does not open
/// it then.
bool HasOtherFamilies(const std::string& directory) {
  std::vector<std::string> names;
  return rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions(), directory, &names).ok() &&
         names.size() != 1;
}

}  // namespace

rocksdb::Status StateDb::Impl::Open(const Options& options) {
  rocksdb::Options database = DatabaseOptions(options);
  if (options.file_system) {
    env = rocksdb::NewCompositeEnv(options.file_system);
    database.env = env.get();
  }
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(database, options.directory, &opened);
  db.reset(opened);
  return status;
}

Result<std::unique_ptr<StateDb>> StateDb::Open(const Options& options) {
  const std::string& directory = options.directory;
  for (bool damaged = false;;) {
    BITACORA_RETURN_IF_ERROR(RemoveDiscarded(directory));
    std::error_code failed;
    std::filesystem::create_directories(directory, failed);
    if (failed) {
      return Error(ErrorCode::kPermissionDenied,
                   "cannot make " + directory + ": " + failed.message());
    }
    if (HasOtherFamilies(directory)) {
      LogInfo("the state is of another format and is folded anew");
      BITACORA_RETURN_IF_ERROR(Discard(directory));
      continue;
    }
    auto impl = std::make_unique<Impl>();
    const rocksdb::Status status = impl->Open(options);
    if (status.IsCorruption() && !damaged) {
      // A power cut may leave a manifest so, which RocksDB syncs behind what it has written.
      LogWarning("the state is damaged and is folded anew", {{"error", status.ToString()}});
      damaged = true;
      BITACORA_RETURN_IF_ERROR(Discard(directory));
      continue;
    }
    BITACORA_RETURN_IF_ERROR(FromState(status));

    BITACORA_ASSIGN_OR_RETURN(const std::optional<std::string> header, impl->Get(kHeaderKey));
    const StateHeader wanted{kStateFormat, options.copy_records, options.log_id};
    const auto found = header ? DecodeHeader(*header) : std::optional(wanted);
    if (!found || found->format != wanted.format || found->copies != wanted.copies) {
      impl.reset();
      LogInfo("the state is of another format and is folded anew");
      BITACORA_RETURN_IF_ERROR(Discard(directory));
      continue;
    }
    // A Kafka that has not been reached yet has no id to compare.
    if (!found->log_id.empty() && !wanted.log_id.empty() && found->log_id != wanted.log_id) {
      return Error(ErrorCode::kConflict,
                   directory +
                       " holds the state of another log; use another data directory, or "
                       "delete it to fold this log",
                   "another-log");
    }
    if (!header || found->log_id.empty()) {
      rocksdb::WriteBatch batch;
      batch.Put(ToSlice(kHeaderKey), EncodeHeader(wanted));
      BITACORA_RETURN_IF_ERROR(impl->Write(&batch));
    }
    return std::unique_ptr<StateDb>(new StateDb(std::move(impl), options.copy_records));
  }
}

StateDb::StateDb(std::unique_ptr<Impl> impl, bool copy_records)
    : impl_(std::move(impl)), copy_records_(copy_records) {}
StateDb::~StateDb() = default;

Result<std::optional<TopicState>> StateDb::FindTopic(const TopicName& name) const {
  BITACORA_ASSIGN_OR_RETURN(const std::optional<std::string> value, impl_->Get(TopicKey(name)));
  if (!value) return std::optional<TopicState>();
  std::optional<TopicState> topic = DecodeTopicState(*value);
  if (!topic) return StateDamaged("topic");
  return topic;
}

Result<TopicState> StateDb::OpenTopic(const TopicName& name, const std::string& log_id,
                                      std::int32_t partitions) {
  BITACORA_ASSIGN_OR_RETURN(const std::optional<TopicState> known, FindTopic(name));
  if (known && known->log_id == log_id && known->partitions == partitions) return *known;

  BITACORA_ASSIGN_OR_RETURN(const std::optional<std::string> next, impl_->Get(kNextNumberKey));
  TopicState topic{1, log_id, partitions};
  if (next) {
    Decoder in(*next);
    topic.number = static_cast<std::uint32_t>(in.Varint());
    if (!in.done()) return StateDamaged("next topic number");
  }
  rocksdb::WriteBatch batch;
  if (known) {
    LogWarning("a topic was made anew; its old state is dropped", {{"topic", name.str()}});
    // Shorter than the prefix of a memtable's hint: RocksDB 7.8 follows the hint into the
    // memtable's points where it should go to its ranges, and then aborts.
    for (const RowKind kind : {RowKind::kAppend, RowKind::kFold, RowKind::kPlace, RowKind::kRun}) {
      const std::string first = TopicPrefix(kind, known->number);
      static_assert(kPartitionPrefixSize > 1 + sizeof(known->number));
      batch.DeleteRange(first, PrefixEnd(first));
    }
  }
  std::string following;
  PutVarint(&following, topic.number + 1U);
  batch.Put(ToSlice(kNextNumberKey), following);
  batch.Put(TopicKey(name), EncodeTopicState(topic));
  BITACORA_RETURN_IF_ERROR(impl_->Write(&batch));
  return topic;
}

Status StateDb::Flush() { return FromState(impl_->db->Flush(rocksdb::FlushOptions())); }

Result<PartitionState> StateDb::LoadPartition(const PartitionKey& partition) const {
  BITACORA_ASSIGN_OR_RETURN(const std::optional<std::string> value,
                            impl_->Get(PartitionPrefix(RowKind::kFold, partition)));
  if (!value) return PartitionState();
  std::optional<PartitionState> state = DecodePartitionState(*value);
  if (!state) return StateDamaged("fold of a partition");
  return std::move(*state);
}

Result<std::optional<Version>> StateDb::Head(const PartitionKey& partition,
                                             std::string_view stream) const {
  return impl_->Head(StreamPrefix(partition, stream));
}

Result<std::optional<Remembered>> StateDb::FindAppend(const PartitionKey& partition,
                                                      std::string_view stream,
                                                      std::string_view append_id) const {
  return impl_->Find(AppendKey(partition, stream, append_id));
}

Result<std::optional<Version>> StateDb::ScanStream(
    const PartitionKey& partition, std::string_view stream, const StreamScan& scan,
    const std::function<bool(const StreamAppend&)>& visit) const {
  const std::string prefix = StreamPrefix(partition, stream);
  const std::string end = PrefixEnd(prefix);
  const rocksdb::Slice lower(prefix);
  const rocksdb::Slice upper(end);
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower;
  options.iterate_upper_bound = &upper;
  const auto row = impl_->Iterate(options);

  row->SeekToLast();
  BITACORA_RETURN_IF_ERROR(FromState(row->status()));
  if (!row->Valid()) return std::optional<Version>();
  BITACORA_ASSIGN_OR_RETURN(const StreamAppend last, ReadPlace(*row, prefix.size()));
  const Version head = last.last_version();
  const Version from = scan.from.value_or(scan.backwards ? head : Version(0));
  if (!scan.backwards && from > head) return std::optional(head);

  std::string start = prefix;
  PutBigEndian64(&start, static_cast<std::uint64_t>(from.value));
  // The append that holds `from` is the last whose first version is not beyond it.
  for (row->SeekForPrev(start); row->Valid(); scan.backwards ? row->Prev() : row->Next()) {
    BITACORA_ASSIGN_OR_RETURN(const StreamAppend append, ReadPlace(*row, prefix.size()));
    if (!visit(append)) break;
  }
  BITACORA_RETURN_IF_ERROR(FromState(row->status()));
  return std::optional(head);
}

Status StateDb::ScanAdmitted(const PartitionKey& partition, Offset from,
                             const std::function<bool(Admitted)>& visit) const {
  const std::string prefix = PartitionPrefix(RowKind::kRun, partition);
  const std::string end = PrefixEnd(prefix);
  const rocksdb::Slice lower(prefix);
  const rocksdb::Slice upper(end);
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower;
  options.iterate_upper_bound = &upper;
  const auto iterator = impl_->Iterate(options);
  // The run that holds `from` is the last that does not begin behind it.
  iterator->SeekForPrev(RunKey(partition, from));
  if (!iterator->Valid()) iterator->SeekToFirst();
  for (bool more = true; more && iterator->Valid(); iterator->Next()) {
    BITACORA_ASSIGN_OR_RETURN(const Run run,
                              ReadRun(ToView(iterator->key()), ToView(iterator->value())));
    for (const AdmittedEntry& entry : run.entries) {
      if (entry.offset < from) continue;
      Admitted admitted{entry.offset, entry.first_version, entry.count, std::nullopt};
      if (copy_records_) {
        BITACORA_ASSIGN_OR_RETURN(admitted.record, CopyOf(run, entry));
      }
      more = visit(std::move(admitted));
      if (!more) break;
    }
  }
  return FromState(iterator->status());
}

Result<std::vector<StoredRecord>> StateDb::CopiedRecords(
    const PartitionKey& partition, std::span<const AppendPlace> places) const {
  // Of places in order, those of one run stand together: each run is read once.
  std::vector<std::string> keys;
  for (const AppendPlace& place : places) {
    std::string key = RunKey(partition, place.run);
    if (keys.empty() || keys.back() != key) keys.push_back(std::move(key));
  }
  BITACORA_ASSIGN_OR_RETURN(const std::vector<rocksdb::PinnableSlice> rows, impl_->GetEach(keys));
  std::vector<StoredRecord> records;
  records.reserve(places.size());
  Run run;
  std::size_t row = 0;
  for (const AppendPlace& place : places) {
    if (run.bytes == nullptr || run.first != place.run) {
      BITACORA_ASSIGN_OR_RETURN(run, ReadRun(keys[row], ToView(rows[row])));
      ++row;
    }
    const auto entry = std::find_if(
        run.entries.begin(), run.entries.end(),
        [&](const AdmittedEntry& candidate) { return candidate.offset == place.offset; });
    if (entry == run.entries.end()) return StateDamaged("copied record");
    BITACORA_ASSIGN_OR_RETURN(StoredRecord record, CopyOf(run, *entry));
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace bitacora::event_store
