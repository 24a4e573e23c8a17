#include <utility>

#include <pthread.h>

#include <bitacora/base/thread.h>

namespace bitacora {

std::jthread StartThread(std::string name, std::function<void(std::stop_token)> body) {
  return std::jthread(
      [name = std::move(name), body = std::move(body)](std::stop_token stop) noexcept {
        pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
        body(std::move(stop));
      });
}

}  // namespace bitacora
