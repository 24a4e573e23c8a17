#include "src/http_client.h"

#include <algorithm>
#include <cstdint>
#include <mutex>

#include <curl/curl.h>

namespace bitacora::cli {
namespace {

constexpr std::size_t kAnswerBytesMax = 256u << 20;
constexpr long kConnectTimeoutMs = 5'000;

/// What the callbacks of one call fill.
struct Receiving {
  HttpAnswer answer;
  bool too_large = false;
};

std::size_t OnBody(char* bytes, std::size_t one, std::size_t size, void* context) noexcept {
  auto& receiving = *static_cast<Receiving*>(context);
  if (receiving.answer.body.size() + size > kAnswerBytesMax) {
    receiving.too_large = true;
    return 0;
  }
  receiving.answer.body.append(bytes, one * size);
  return one * size;
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && std::string_view(" \t\r\n").find(text.back()) != text.npos) {
    text.remove_suffix(1);
  }
  return text;
}

std::size_t OnField(char* bytes, std::size_t one, std::size_t size, void* context) noexcept {
  auto& answer = static_cast<Receiving*>(context)->answer;
  const std::string_view line(bytes, one * size);
  if (line.starts_with("HTTP/")) {
    answer.fields.clear();  // Those of a 100 Continue before it.
    return line.size();
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  answer.fields.emplace_back(std::move(name), Trimmed(line.substr(colon + 1)));
  return line.size();
}

int OnProgress(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
  const auto* stop = static_cast<const std::atomic<bool>*>(context);
  return stop != nullptr && stop->load() ? 1 : 0;
}

/// Codes that curl returns before a byte of the request has left.
bool NothingWasSent(CURLcode code) {
  return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
         code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_SSL_CONNECT_ERROR ||
         code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_URL_MALFORMAT ||
         code == CURLE_UNSUPPORTED_PROTOCOL;
}

class FieldList {
 public:
  explicit FieldList(const HttpCall& call) {
    for (const auto& [name, value] : call.fields) {
      Append(value.empty() ? name + ";" : name + ": " + value);
    }
    Append("Expect:");  // No round trip of its own for a body over 1 MiB.
  }
  FieldList(const FieldList&) = delete;
  FieldList& operator=(const FieldList&) = delete;
  ~FieldList() { curl_slist_free_all(list_); }
  curl_slist* get() const { return list_; }

 private:
  void Append(const std::string& line) { list_ = curl_slist_append(list_, line.c_str()); }
  curl_slist* list_ = nullptr;
};

}  // namespace

std::string_view HttpAnswer::Find(std::string_view name) const {
  for (const auto& field : fields) {
    if (field.first == name) return field.second;
  }
  return {};
}

struct HttpClient::Curl {
  explicit Curl(const std::atomic<bool>* stop_) : stop(stop_) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    easy = curl_easy_init();
    BITACORA_CHECK(easy != nullptr, "libcurl gives no handle");
  }
  Curl(const Curl&) = delete;
  Curl& operator=(const Curl&) = delete;
  ~Curl() { curl_easy_cleanup(easy); }

  CURL* easy;
  const std::atomic<bool>* stop;
};

HttpClient::HttpClient(std::string base, const std::atomic<bool>* stop)
    : base_(std::move(base)), curl_(std::make_unique<Curl>(stop)) {}

HttpClient::~HttpClient() = default;

Result<HttpAnswer> HttpClient::Call(const HttpCall& call) {
  CURL* easy = curl_->easy;
  curl_easy_reset(easy);  // Options only: the connection stays.
  Receiving receiving;
  const FieldList fields(call);
  const std::string url = base_ + call.target;
  char why[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);  // A stream may be called "..." or so.
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields.get());
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  if (call.method != "GET") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call.body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
  }
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(call.timeout.count()));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "bitacora/" BITACORA_VERSION);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &receiving);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, OnField);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &receiving);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, OnProgress);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, curl_->stop);

  const CURLcode code = curl_easy_perform(easy);
  if (code == CURLE_OK) {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    receiving.answer.status = static_cast<int>(status);
    return std::move(receiving.answer);
  }
  if (receiving.too_large) {
    return Error(ErrorCode::kResourceExhausted, "the answer is larger than 256 MiB");
  }
  if (code == CURLE_ABORTED_BY_CALLBACK) {
    return Error(ErrorCode::kTimeout, "interrupted", "interrupted");
  }
  double connected_s = 0;
  curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME, &connected_s);
  const bool sent = !NothingWasSent(code) && connected_s > 0;
  const std::string sentence = base_ + ": " + (why[0] != '\0' ? why : curl_easy_strerror(code));
  return Error(sent ? ErrorCode::kTimeout : ErrorCode::kUnavailable, sentence);
}

}  // namespace bitacora::cli
