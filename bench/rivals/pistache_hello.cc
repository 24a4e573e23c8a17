// Pistache as it comes: its own endpoint, its own writer, one thread. What our HTTP layer is
// measured against.
#include <cstdint>
#include <cstdlib>
#include <memory>

#include <pistache/endpoint.h>

namespace {

class Hello final : public Pistache::Http::Handler {
 public:
  HTTP_PROTOTYPE(Hello)
  // tidy: allow response-writer: this is the stock server, which nobody but a load generator asks.
  void onRequest(const Pistache::Http::Request&, Pistache::Http::ResponseWriter writer) override {
    writer.send(Pistache::Http::Code::Ok, "ok");
  }
};

}  // namespace

// pistache_hello PORT
int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const Pistache::Address address(Pistache::Ipv4::loopback(),
                                  Pistache::Port(static_cast<std::uint16_t>(std::stoi(argv[1]))));
  Pistache::Http::Endpoint endpoint(address);
  endpoint.init(Pistache::Http::Endpoint::options().threads(1).flags(
      Pistache::Tcp::Options::ReuseAddr | Pistache::Tcp::Options::NoDelay));
  endpoint.setHandler(std::make_shared<Hello>());
  endpoint.serve();
  return 0;
}
