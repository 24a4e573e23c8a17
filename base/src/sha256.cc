#include <string>

#include <openssl/evp.h>

#include <bitacora/base/check.h>
#include <bitacora/base/encoding.h>
#include <bitacora/base/sha256.h>

namespace bitacora {

struct Sha256::Context {
  // One look-up of the algorithm for the process: EVP_sha256() fetches it anew at every init.
  static const EVP_MD* Algorithm() {
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return algorithm;
  }
  Context() : evp(EVP_MD_CTX_new()) {
    BITACORA_CHECK(evp != nullptr && Algorithm() != nullptr, "OpenSSL has no SHA-256");
    Start();
  }
  ~Context() { EVP_MD_CTX_free(evp); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  void Start() {
    BITACORA_CHECK(EVP_DigestInit_ex2(evp, Algorithm(), nullptr) == 1, "EVP_DigestInit_ex2");
  }
  EVP_MD_CTX* evp;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {}
Sha256::~Sha256() = default;

Sha256& Sha256::Update(std::string_view bytes) {
  BITACORA_CHECK(EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()) == 1,
                 "EVP_DigestUpdate");
  return *this;
}

Sha256& Sha256::UpdatePart(std::string_view part) {
  std::string length;
  PutBigEndian64(&length, part.size());
  return Update(length).Update(part);
}

Sha256Digest Sha256::Finish() {
  Sha256Digest digest;
  BITACORA_CHECK(EVP_DigestFinal_ex(context_->evp, digest.data(), nullptr) == 1,
                 "EVP_DigestFinal_ex");
  context_->Start();
  return digest;
}

Sha256Digest HashSha256(std::string_view bytes) {
  thread_local Sha256 hash;
  return hash.Update(bytes).Finish();
}

}  // namespace bitacora
