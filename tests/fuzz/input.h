// A fuzz target's bytes, taken piece by piece. The format is plain, so that seeds can be written by
// hand: a text is its length in one byte and its bytes; where the bytes end, all that follows is 0
// or empty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <bitacora/base/check.h>

namespace bitacora::fuzz {

class Input {
 public:
  Input(const std::uint8_t* bytes, std::size_t size)
      : rest_(reinterpret_cast<const char*>(bytes), size) {}

  bool empty() const { return rest_.empty(); }
  unsigned Byte() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }
  std::string Text() {
    const std::size_t size = Byte();
    const std::string text(rest_.substr(0, size));
    rest_.remove_prefix(text.size());
    return text;
  }
  std::string Rest() {
    const std::string text(rest_);
    rest_ = {};
    return text;
  }

 private:
  std::string_view rest_;
};

}  // namespace bitacora::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);
