#include <memory>
#include <utility>

#include <bitacora/base/metrics.h>
#include <bitacora/event_store/embedded_log.h>

#include "contract/log_contract.h"
#include "support/temporary_directory.h"

namespace bitacora::event_store {
namespace {

class EmbeddedFixture final : public LogFixture {
 public:
  EmbeddedFixture() { Open(); }

  Log& log() override { return *log_; }
  void Reopen() override {
    log_.reset();
    Open();
  }

 private:
  void Open() {
    auto opened = OpenEmbeddedLog({.directory = directory_.path()}, metrics_);
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    log_ = std::move(*opened);
  }

  tests::TemporaryDirectory directory_;
  Metrics metrics_;
  std::unique_ptr<Log> log_;
};

std::unique_ptr<LogFixture> MakeFixture() { return std::make_unique<EmbeddedFixture>(); }
const auto kEmbedded = testing::Values(LogFactory(&MakeFixture));

INSTANTIATE_TEST_SUITE_P(Embedded, LogContract, kEmbedded);
INSTANTIATE_TEST_SUITE_P(Embedded, LogReaderContract, kEmbedded);
INSTANTIATE_TEST_SUITE_P(Embedded, TopicCreationContract, kEmbedded);
INSTANTIATE_TEST_SUITE_P(Embedded, ReopenedLogContract, kEmbedded);

}  // namespace
}  // namespace bitacora::event_store
