// Reads JSON text once, front to back, and checks it while doing so. Containers that matter to the
// caller are entered (Open, NextMember, NextElement); all others are passed over whole (Value).
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include <bitacora/base/status.h>
#include <bitacora/domain/json.h>

namespace bitacora {

/// After the first call that fails, failed() stays true and every further call fails.
///
/// Needs no tree and no recursion: what is open inside a value that is passed over stands in a
/// fixed array, the names of the open objects' members in one list.
class JsonScanner {
 public:
  explicit JsonScanner(std::string_view text, const JsonLimits& limits = {});

  /// Passes one value, with all that is in it, within the limits (counted anew for each call).
  /// `value` is its bytes, without white space around them.
  bool Value(std::string_view* value);

  /// Passes '{' or '['.
  bool Open(char bracket);
  /// In an open object: passes the next member up to its value, which the caller passes before the
  /// next call. False behind the closing bracket, or where the scanner failed. `name` lives as long
  /// as the text and the scanner. Does not look for doubled names.
  bool NextMember(std::string_view* name);
  /// In an open array: true where there is a next element, which the caller then passes.
  bool NextElement();

  /// Whether nothing but white space is left; else fails.
  bool End();

  /// The character a value begins with, behind white space; 0 at the end.
  char Peek();
  bool failed() const { return problem_ != nullptr; }
  /// Only where failed(): what is wrong and at which byte, as a reason "malformed-json".
  Error error() const;

 private:
  struct Frame {
    bool object;
    std::uint32_t names_begin;
  };

  bool Fail(const char* problem);
  void SkipSpace();
  bool Consume(char c);
  bool Scalar();
  bool Literal(std::string_view word);
  bool Number();
  bool FitsDouble(const char* begin, std::int64_t magnitude);
  bool String(std::string_view* raw, bool* escaped);
  bool Escape();
  bool HexQuad(unsigned* unit);
  bool MemberName(std::string_view* name);

  bool Push(char bracket);
  bool CloseOrContinue(bool* next_value);
  bool NamedMember();
  bool NamesDiffer(std::uint32_t begin);

  const char* at_;
  const char* const end_;
  const char* const begin_;
  const JsonLimits limits_;
  const char* problem_ = nullptr;
  bool fresh_ = false;  ///< Nothing has been read yet in the container last opened.
  std::size_t values_ = 0;
  int depth_ = 0;
  std::array<Frame, kJsonDepthMax> frames_;
  std::vector<std::string_view> names_;
  std::list<std::string> unescaped_;  ///< Names that had escapes; few do.
};

/// Appends what the inside of a checked JSON string stands for.
void AppendUnescaped(std::string_view raw, std::string* out);

}  // namespace bitacora
