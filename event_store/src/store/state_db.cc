#include "src/store/state_db.h"

#include <algorithm>
#include <array>
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

#include "src/store/state_db_impl.h"

namespace bitacora::event_store {
namespace {

constexpr std::string_view kHeaderKey = "state";
constexpr std::string_view kNextNumberKey = "next-topic";

std::string TopicKey(const TopicName& name) { return "topic/" + name.str(); }
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
  return status.IsCorruption() ? StateDamaged("damaged") : StateUnavailable();
}

Error StateUnavailable() {
  return {
      ErrorCode::kUnavailable,
      "the disk of the state failed; nothing is damaged: see to the disk, then start the server "
      "again",
      "state-unavailable"};
}

std::string PartitionStateKey(const PartitionKey& partition) {
  return "fold/" + PartitionPrefix(partition);
}

std::string PlaceKey(std::string_view stream_prefix, Version first_version) {
  std::string key;
  key.reserve(stream_prefix.size() + 8);
  key.append(stream_prefix);
  PutBigEndian64(&key, static_cast<std::uint64_t>(first_version.value));
  return key;
}

std::string AdmittedKey(const PartitionKey& partition, Offset first) {
  std::string key = PartitionPrefix(partition);
  PutBigEndian64(&key, static_cast<std::uint64_t>(first.value));
  return key;
}

PrefixRows::PrefixRows(const StateDb::Impl& state, StateDb::Impl::Family family, std::string prefix,
                       std::optional<std::string> end)
    : prefix_(std::move(prefix)),
      end_(end ? *std::move(end) : PrefixEnd(prefix_)),
      lower_(prefix_),
      upper_(end_),
      rows_([&] {
        rocksdb::ReadOptions options;
        options.iterate_lower_bound = &lower_;
        options.iterate_upper_bound = &upper_;
        return state.db->NewIterator(options, state.handles[family]);
      }()) {}

// ---- StateDb::Impl

StateDb::Impl::~Impl() {
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    if (handle != nullptr) db->DestroyColumnFamilyHandle(handle);
  }
}

Result<std::optional<std::string>> StateDb::Impl::Get(Family family, std::string_view key) const {
  std::string value;
  const rocksdb::Status status =
      db->Get(rocksdb::ReadOptions(), handles[family], ToSlice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  BITACORA_RETURN_IF_ERROR(FromState(status));
  return std::optional(std::move(value));
}

Result<std::vector<rocksdb::PinnableSlice>> StateDb::Impl::GetEach(
    Family family, const std::vector<std::string>& keys) const {
  const std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> rows(keys.size());
  std::vector<rocksdb::Status> got(keys.size());
  db->MultiGet(rocksdb::ReadOptions(), handles[family], keys.size(), slices.data(), rows.data(),
               got.data());
  for (const rocksdb::Status& status : got) {
    if (status.IsNotFound()) return StateDamaged("a row is missing");
    BITACORA_RETURN_IF_ERROR(FromState(status));
  }
  return rows;
}

Result<std::optional<Version>> StateDb::Impl::Head(const std::string& stream_prefix) const {
  std::optional<Version> head;
  VisitUnwritten([&](const Unwritten& of) {
    const auto found = of.streams().find(stream_prefix);
    if (found != of.streams().end()) head = found->second.back().last_version();
  });
  if (!head) {
    // Every stream has an event 0. Most streams that are asked for are new, and a filter in memory
    // says so; nothing of the kind is made for the last row of a stream.
    BITACORA_ASSIGN_OR_RETURN(const std::optional<std::string> begun,
                              Get(kPlaces, PlaceKey(stream_prefix, Version(0))));
    if (!begun) return std::optional<Version>();
    BITACORA_ASSIGN_OR_RETURN(const auto last, StreamAppends(*this, stream_prefix).Last());
    if (!last) return StateDamaged("head of a stream");
    head = last->last_version();
  }
  const bool one_behind = Mutated(Promise::kP3) && head->value > 0;
  return std::optional(Version(head->value - (one_behind ? 1 : 0)));
}

Result<std::optional<Remembered>> StateDb::Impl::Find(const std::string& append_key) const {
  std::optional<Remembered> remembered;
  VisitUnwritten([&](const Unwritten& of) {
    const auto found = of.appends().find(append_key);
    if (found != of.appends().end()) remembered = found->second;
  });
  if (remembered) return remembered;
  BITACORA_ASSIGN_OR_RETURN(const std::optional<std::string> value, Get(kAppends, append_key));
  if (!value) return std::optional<Remembered>();
  remembered = DecodeRemembered(*value);
  if (!remembered) return StateDamaged("append id");
  return remembered;
}

// ---- Opening

namespace {

rocksdb::ColumnFamilyOptions FamilyOptions(const std::shared_ptr<rocksdb::Cache>& cache,
                                           bool point_lookups) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  if (point_lookups) {
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    // The filter of a whole table of a million small rows is larger than a shard of the cache, and
    // would be read from the file for each look-up; so would its index.
    table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
    table.partition_filters = true;
  }
  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.write_buffer_size = 16u << 20;
  family.compression = rocksdb::kLZ4Compression;
  if (point_lookups) {
    // Most look-ups are for ids never seen; the filter in memory answers those too.
    family.memtable_whole_key_filtering = true;
    family.memtable_prefix_bloom_size_ratio = 0.02;
  }
  return family;
}

rocksdb::DBOptions DatabaseOptions() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_background_jobs = 2;
  // All of it is replayed after a kill, at 100 MiB a second or so. Without this bound the families
  // that grow slowly would keep the WALs of the others.
  options.max_total_wal_size = 24u << 20;
  options.info_log = RocksLog("state");
  options.max_open_files = 512;
  return options;
}

/// In the order of StateDb::Impl::Family.
std::vector<rocksdb::ColumnFamilyDescriptor> Families() {
  const auto cache = rocksdb::NewLRUCache(64u << 20);
  std::vector<rocksdb::ColumnFamilyDescriptor> families{
      {rocksdb::kDefaultColumnFamilyName, FamilyOptions(cache, false)},
      {"appends", FamilyOptions(cache, true)},
      {"places", FamilyOptions(cache, true)},
      {"admitted", FamilyOptions(cache, false)}};
  // Rows of these come in the order of their keys within a partition: of `admitted` always, of
  // `appends` where the ids are UUIDs by time, of `places` within a batch.
  for (const auto family :
       {StateDb::Impl::kAppends, StateDb::Impl::kPlaces, StateDb::Impl::kAdmitted}) {
    families[family].options.memtable_insert_with_hint_prefix_extractor.reset(
        rocksdb::NewFixedPrefixTransform(PartitionPrefix({}).size()));
  }
  // The fold of a partition is written with each batch, right before what it was.
  families[StateDb::Impl::kMeta].options.memtable_insert_with_hint_prefix_extractor.reset(
      rocksdb::NewFixedPrefixTransform(PartitionStateKey({}).size()));
  return families;
}

/// Whether there is state with families this format does not have: RocksDB does not open it then.
bool HasOtherFamilies(const std::string& directory) {
  std::vector<std::string> names;
  if (!rocksdb::DB::ListColumnFamilies(DatabaseOptions(), directory, &names).ok()) return false;
  const auto ours = Families();
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return std::none_of(ours.begin(), ours.end(),
                        [&](const auto& family) { return family.name == name; });
  });
}

}  // namespace

rocksdb::Status StateDb::Impl::Open(const std::string& directory,
                                    const std::shared_ptr<rocksdb::FileSystem>& file_system) {
  rocksdb::DBOptions options = DatabaseOptions();
  if (file_system) {
    env = rocksdb::NewCompositeEnv(file_system);
    options.env = env.get();
  }
  replay = std::make_unique<PrefixReplay>(directory, &options);
  std::vector<rocksdb::ColumnFamilyHandle*> opened_families;
  rocksdb::DB* opened = nullptr;
  rocksdb::Status status =
      rocksdb::DB::Open(options, directory, Families(), &opened_families, &opened);
  if (!status.ok()) return status;
  db.reset(opened);
  std::copy(opened_families.begin(), opened_families.end(), handles.begin());
  return status;
}

Result<std::unique_ptr<StateDb>> StateDb::Open(
    const std::string& directory, const std::string& log_id, bool copy_records,
    const std::shared_ptr<rocksdb::FileSystem>& file_system) {
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
    const rocksdb::Status status = impl->Open(directory, file_system);
    if (status.IsCorruption() && !damaged) {
      // A power cut may leave a manifest so, which RocksDB syncs behind what it has written.
      LogWarning("the state is damaged and is folded anew", {{"error", status.ToString()}});
      damaged = true;
      BITACORA_RETURN_IF_ERROR(Discard(directory));
      continue;
    }
    BITACORA_RETURN_IF_ERROR(FromState(status));

    BITACORA_ASSIGN_OR_RETURN(const std::optional<std::string> header,
                              impl->Get(Impl::kMeta, kHeaderKey));
    const StateHeader wanted{kStateFormat, copy_records, log_id};
    const auto found = header ? DecodeHeader(*header) : std::optional(wanted);
    if (!found || found->format != wanted.format || found->copies != wanted.copies) {
      impl.reset();
      LogInfo("the state is of another format and is folded anew");
      BITACORA_RETURN_IF_ERROR(Discard(directory));
      continue;
    }
    // A Kafka that has not been reached yet has no id to compare.
    if (!found->log_id.empty() && !log_id.empty() && found->log_id != log_id) {
      return Error(ErrorCode::kConflict,
                   directory +
                       " holds the state of another log; use another data directory, or "
                       "delete it to fold this log",
                   "another-log");
    }
    if (!header || found->log_id.empty()) {
      BITACORA_RETURN_IF_ERROR(FromState(
          impl->db->Put(rocksdb::WriteOptions(), ToSlice(kHeaderKey), EncodeHeader(wanted))));
    }
    if (copy_records) {
      BITACORA_ASSIGN_OR_RETURN(impl->copies, RecordCopies::Open(Disk(file_system), directory));
    }
    return std::unique_ptr<StateDb>(new StateDb(std::move(impl), copy_records));
  }
}

StateDb::StateDb(std::unique_ptr<Impl> impl, bool copy_records)
    : impl_(std::move(impl)), copy_records_(copy_records) {}

Result<std::optional<TopicState>> StateDb::FindTopic(const TopicName& name) const {
  BITACORA_ASSIGN_OR_RETURN(const std::optional<std::string> value,
                            impl_->Get(Impl::kMeta, TopicKey(name)));
  if (!value) return std::optional<TopicState>();
  std::optional<TopicState> topic = DecodeTopicState(*value);
  if (!topic) return StateDamaged("topic");
  return topic;
}

Result<TopicState> StateDb::OpenTopic(const TopicName& name, const std::string& log_id,
                                      std::int32_t partitions) {
  MutexLock lock(impl_->opening_mu);
  BITACORA_ASSIGN_OR_RETURN(const std::optional<TopicState> known, FindTopic(name));
  if (known && known->log_id == log_id && known->partitions == partitions) return *known;

  BITACORA_ASSIGN_OR_RETURN(const std::optional<std::string> next,
                            impl_->Get(Impl::kMeta, kNextNumberKey));
  TopicState topic{1, log_id, partitions};
  if (next) {
    Decoder in(*next);
    topic.number = static_cast<std::uint32_t>(in.Varint());
    if (!in.done()) return StateDamaged("next topic number");
  }
  rocksdb::WriteBatch batch;
  if (known) {
    BITACORA_RETURN_IF_ERROR(Write());  // What is not written yet is dropped, too.
    LogWarning("a topic was made anew; its old state is dropped", {{"topic", name.str()}});
    // Only the topic's bytes, too few for the prefix of a memtable's hint: RocksDB 7.8 follows the
    // hint into the memtable's points where it should go to its ranges, and then aborts.
    const std::string first = PartitionPrefix({known->number, 0}).substr(0, 4);
    const std::string end = PartitionPrefix({known->number + 1, 0}).substr(0, 4);
    for (const auto family : {Impl::kAppends, Impl::kPlaces, Impl::kAdmitted}) {
      batch.DeleteRange(impl_->handles[family], first, end);
    }
    batch.DeleteRange(impl_->handles[Impl::kMeta], "fold/" + first, "fold/" + end);
  }
  std::string following;
  PutVarint(&following, topic.number + 1U);
  batch.Put(impl_->handles[Impl::kMeta], ToSlice(kNextNumberKey), following);
  batch.Put(impl_->handles[Impl::kMeta], TopicKey(name), EncodeTopicState(topic));
  BITACORA_RETURN_IF_ERROR(FromState(impl_->db->Write(rocksdb::WriteOptions(), &batch)));
  return topic;
}

Result<PartitionState> StateDb::LoadPartition(const PartitionKey& partition) const {
  std::optional<PartitionState> state;
  impl_->VisitUnwritten([&](const Unwritten& of) {
    const auto found = of.folds().find(partition);
    if (found != of.folds().end()) state = found->second;
  });
  if (state) return *std::move(state);
  BITACORA_ASSIGN_OR_RETURN(const std::optional<std::string> value,
                            impl_->Get(Impl::kMeta, PartitionStateKey(partition)));
  if (!value) return PartitionState();
  state = DecodePartitionState(*value);
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

}  // namespace bitacora::event_store
