// Plants one fault in the read models of a server that is stopped, below everything that keeps
// documents, positions and digests together. What it does is what `bitacora verify` must find.
//
//   read_model_faults_tool DIR MODEL byte|row|offset|cursor SEED
//       DIR is state/read_models. Of one row, chosen by SEED, a bit of its value is flipped, the
//       whole of it is dropped, or the offset beside it is shifted by one; "cursor" shifts what
//       stands beside a partition: how many records were folded into it.
//       Prints "PARTITION KEY" of what was touched; for a cursor there is no KEY.
//
// Exit codes: 0 done; 1 nothing there to touch, or the store cannot be opened; 2 usage.
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/db.h>

#include <bitacora/base/encoding.h>

#include "src/row_codec.h"

namespace bitacora::projections {
namespace {

/// A row as it is stored.
struct Entry {
  std::string key;
  std::string value;
};

/// Those of one model; none where it is not known.
std::vector<Entry> EntriesOf(rocksdb::DB& db, const std::string& name, std::string_view kind) {
  std::vector<Entry> entries;
  std::string bytes;
  if (!db.Get(rocksdb::ReadOptions(), std::string(kModelPrefix) + name, &bytes).ok()) return {};
  const std::optional<Model> model = DecodeModel(name, bytes);
  if (!model) return {};
  const std::string prefix = ModelKey(kind, model->number);
  const std::unique_ptr<rocksdb::Iterator> at(db.NewIterator(rocksdb::ReadOptions()));
  for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) {
    entries.push_back({at->key().ToString(), at->value().ToString()});
  }
  return entries;
}

/// The bytes of a row with one bit of the value flipped, or with another offset.
std::string Damaged(const std::string& row, bool flip, std::mt19937_64& random) {
  const std::optional<RowView> view = DecodeRow(row);
  if (!view) std::abort();  // A fault on top of another is not what this is for.
  std::string value(view->value);
  Offset offset = view->offset;
  if (flip) {
    char& byte = value[random() % value.size()];
    byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1u << random() % 8));
  } else {
    offset = Offset(offset.value + 1);
  }
  return EncodeRow(ToHash(view->hash), offset, view->time_ms, value);
}

std::string ShiftedCursor(const std::string& bytes) {
  std::optional<PartitionState> state = DecodeState(bytes);
  if (!state) std::abort();
  ++state->records;
  return EncodeState(*state);
}

rocksdb::Status Plant(rocksdb::DB& db, const Entry& entry, const std::string& fault,
                      std::mt19937_64& random) {
  const rocksdb::WriteOptions options;
  if (fault == "row") return db.Delete(options, entry.key);
  if (fault == "cursor") return db.Put(options, entry.key, ShiftedCursor(entry.value));
  return db.Put(options, entry.key, Damaged(entry.value, fault == "byte", random));
}

int Main(const std::string& directory, const std::string& model, const std::string& fault,
         std::uint64_t seed) {
  rocksdb::DB* opened = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(rocksdb::Options(), directory, &opened);
  const std::unique_ptr<rocksdb::DB> db(opened);
  if (!status.ok()) {
    std::cerr << status.ToString() << "\n";
    return 1;
  }
  const std::string_view kind = fault == "cursor" ? kStatePrefix : kDocumentPrefix;
  const std::vector<Entry> entries = EntriesOf(*db, model, kind);
  if (entries.empty()) {
    std::cerr << "there is nothing to damage\n";
    return 1;
  }
  std::mt19937_64 random(seed);
  const Entry& entry = entries[random() % entries.size()];
  status = Plant(*db, entry, fault, random);
  if (!status.ok()) {
    std::cerr << status.ToString() << "\n";
    return 1;
  }
  Decoder key(std::string_view(entry.key).substr(kind.size()));
  key.BigEndian32();  // The model's number.
  const std::uint32_t partition = key.BigEndian32();
  std::cout << partition << " " << key.rest() << std::endl;
  return 0;
}

}  // namespace
}  // namespace bitacora::projections

int main(int argc, char** argv) {
  const std::string fault = argc == 5 ? argv[3] : "";
  if (fault != "byte" && fault != "row" && fault != "offset" && fault != "cursor") {
    std::cerr << "usage: read_model_faults_tool DIR MODEL byte|row|offset|cursor SEED\n";
    return 2;
  }
  return bitacora::projections::Main(argv[1], argv[2], fault, std::strtoull(argv[4], nullptr, 10));
}
