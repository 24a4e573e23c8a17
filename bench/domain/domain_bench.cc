// What the pure rules cost, in nanoseconds of one thread: the median of several runs of each, in
// turns, so that a busy moment of the machine does not fall on one of them alone.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <bitacora/base/clock.h>
#include <bitacora/base/uuid.h>
#include <bitacora/domain/admit.h>
#include <bitacora/domain/event_codec.h>
#include <bitacora/domain/json.h>

namespace bitacora {
namespace {

/// Keeps the compiler from leaving out what makes `value`.
template <typename T>
void Use(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

/// A plain event of 256 bytes: an order with a few lines.
std::string PlainBody() {
  return R"({"type":"OrderPlaced","data":{"orderId":"o-00012345","customer":"c-98765",)"
         R"("currency":"EUR","total":129.95,"lines":[{"sku":"A-100-20","quantity":2,)"
         R"("price":19.99},{"sku":"B-7","quantity":1,"price":89.97}],)"
         R"("express":false,"note":"leave at the door, please"}})";
}

Event CompleteEvent() {
  const std::vector<std::pair<std::string_view, std::string_view>> fields{
      {"content-type", "application/json"}};
  Event event = ParseAppendBody(fields, PlainBody(), false).value().events.front().event;
  event.id = "018f4e2a-7d2c-7b3a-9c11-5f2b7a6c1d2e";
  event.source = "/v1/topics/orders";
  event.subject = "order-00012345";
  event.time = "2026-03-01T12:00:00.123Z";
  event.data_content_type = "application/json";
  return event;
}

Record AttemptOf(const std::vector<Event>& events) {
  Record record =
      MakeAttempt(StreamName("order-00012345"), AppendId("018f4e2a-7d2c-7b3a-9c11-5f2b7a6c1d2f"),
                  {}, static_cast<std::uint32_t>(events.size()), Fingerprint{1, 2, 3});
  EncodeEvents(events, &record);
  return record;
}

/// A stream that never has anything to say: what is left is the fold itself.
class NoStreams final : public StreamLookup {
 public:
  std::optional<Version> Head(std::string_view) override { return std::nullopt; }
  std::optional<Remembered> Find(std::string_view, std::string_view) override {
    return std::nullopt;
  }
};

/// A SAX handler that asks for no more than well-formed text.
struct Accepting : nlohmann::json_sax<nlohmann::json> {
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }
};

struct Measure {
  const char* name;
  std::function<void()> once;
  std::vector<double> nanoseconds;
};

/// Repeats for about 20 ms.
void Run(Measure* measure) {
  const auto begin = std::chrono::steady_clock::now();
  std::chrono::duration<double, std::nano> spent{};
  int times = 0;
  for (; spent < std::chrono::milliseconds(20); spent = std::chrono::steady_clock::now() - begin) {
    for (int i = 0; i < 100; ++i) measure->once();
    times += 100;
  }
  measure->nanoseconds.push_back(spent.count() / times);
}

/// `only`: of the one that is called so, for a profile.
void Main(const char* only) {
  const std::string body = PlainBody();
  const std::vector<std::pair<std::string_view, std::string_view>> fields{
      {"host", "localhost:8080"}, {"content-type", "application/json"}, {"accept", "*/*"}};
  const auto submitted = ParseAppendBody(fields, body, false).value().events;
  const std::vector<Event> one{CompleteEvent()};
  const std::vector<Event> hundred(100, CompleteEvent());
  const StoredRecord record = MakeStoredRecord(Offset(1), 0, AttemptOf(one));
  const StoredRecord batch = MakeStoredRecord(Offset(1), 0, AttemptOf(hundred));
  std::string batch_body = "[";
  for (int i = 0; i < 100; ++i) batch_body += (i > 0 ? "," : "") + body;
  batch_body += "]";
  NoStreams streams;
  PartitionFold fold;
  fold.genesis = Genesis{"5f0c3a52-9d1b-4c86-8a53-0d7f6f2b9e11", 1, kAdmitRule};
  std::string answer;
  RecordedEvent recorded;
  recorded.version = Version(7);

  std::vector<Measure> measures{
      {"ReadMeaning", [&] { Use(ReadMeaning(record)); }, {}},
      {"FoldRecord without lookups",
       [&] {
         fold.next = Offset(0);
         Use(FoldRecord(record, Partition(0), &fold, streams));
       },
       {}},
      {"NextChain", [&] { Use(NextChain(Chain{}, record)); }, {}},
      {"ParseAppendBody, plain", [&] { Use(ParseAppendBody(fields, body, false)); }, {}},
      {"ParseAppendBody, 100 plain", [&] { Use(ParseAppendBody(fields, batch_body, false)); }, {}},
      {"MakeUuidV7", [&] { Use(MakeUuidV7(SystemClock().WallNs(), SystemRandom())); }, {}},
      {"FormatRfc3339", [&] { Use(FormatRfc3339(SystemClock().WallMs())); }, {}},
      {"FingerprintOf", [&] { Use(FingerprintOf({}, submitted)); }, {}},
      {"MakeAttempt + EncodeEvents", [&] { Use(AttemptOf(one)); }, {}},
      {"MakeAttempt + EncodeEvents, 100", [&] { Use(AttemptOf(hundred)); }, {}},
      {"DecodeEvents", [&] { Use(DecodeEvents(record, 1)); }, {}},
      {"DecodeEvents, 100", [&] { Use(DecodeEvents(batch, 100)); }, {}},
      {"DecodeEvents + AppendEventJson",
       [&] {
         answer.clear();
         recorded.event = std::move(DecodeEvents(record, 1).front());
         AppendEventJson(&answer, recorded);
         Use(answer);
       },
       {}},
      {"CheckJson, same body", [&] { Use(CheckJson(body)); }, {}},
      {"nlohmann SAX, same body",
       [&] {
         Accepting sax;
         Use(nlohmann::json::sax_parse(body, &sax));
       },
       {}},
      {"nlohmann parse to a tree, same body", [&] { Use(nlohmann::json::parse(body)); }, {}}};
  std::erase_if(measures, [&](const Measure& measure) {
    return only != nullptr && std::string_view(measure.name) != only;
  });
  for (int round = 0; round < (only != nullptr ? 200 : 11); ++round) {
    for (Measure& measure : measures) Run(&measure);
  }
  std::printf("plain body: %zu bytes; answer: %zu bytes\n", body.size(), answer.size());
  for (Measure& measure : measures) {
    std::vector<double>& all = measure.nanoseconds;
    std::sort(all.begin(), all.end());
    std::printf("%-40s %9.0f ns  (%.0f to %.0f)\n", measure.name, all[all.size() / 2], all.front(),
                all.back());
  }
}

}  // namespace
}  // namespace bitacora

int main(int argc, char** argv) { bitacora::Main(argc > 1 ? argv[1] : nullptr); }
