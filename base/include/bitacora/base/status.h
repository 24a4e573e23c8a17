// Errors as values. Every fallible call of Bitacora returns a Status or a Result<T>; an answer that
// nobody looks at does not compile.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <bitacora/base/check.h>

namespace bitacora {

/// What a caller would do about an error; finer distinctions are in Error::reason().
enum class ErrorCode {
  kInvalidArgument,    ///< The request is wrong and stays wrong. Nothing changed.
  kNotFound,           ///< What was asked for does not exist.
  kAlreadyExists,      ///< It exists already, with other properties than asked for.
  kConflict,           ///< A condition of the caller does not hold. Nothing changed.
  kResourceExhausted,  ///< A limit, a queue or a disk is full. Nothing changed; retry later.
  kUnavailable,        ///< Cannot be done now. Nothing changed; retry.
  kTimeout,            ///< **Outcome unknown**: it may have happened or may yet happen.
  kUnauthenticated,    ///< Who is asking?
  kPermissionDenied,   ///< Not allowed to.
  kCorruption,         ///< Stored bytes are not what was written.
  kInternal,           ///< A bug of ours.
};

/// The code's name in kebab-case, e.g. "resource-exhausted".
std::string_view ErrorCodeName(ErrorCode code);

/// Why something failed: a code, a sentence for people with expected and actual values, and, where
/// clients tell the case apart, a reason.
class [[nodiscard]] Error {
 public:
  /// `reason` names the case in kebab-case ("log-head-lost", "position-from-another-log") and must
  /// have static storage; docs/errors.md lists those that reach clients. Empty: the code says all.
  Error(ErrorCode code, std::string message, std::string_view reason = {})
      : code_(code), reason_(reason), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  std::string_view reason() const { return reason_; }
  const std::string& message() const { return message_; }

  /// "unavailable (log-head-lost): the sentence", for logs.
  std::string ToString() const;

  /// True where repeating the same call can succeed without anything being corrected first.
  /// For kTimeout only repeating with the same id is safe.
  bool retryable() const {
    return code_ == ErrorCode::kUnavailable || code_ == ErrorCode::kTimeout ||
           code_ == ErrorCode::kResourceExhausted;
  }

 private:
  ErrorCode code_;
  std::string_view reason_;
  std::string message_;
};

/// Success, or an Error.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)) {}  // NOLINT: `return Error(…)` reads well

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }

  /// Only where !ok().
  const Error& error() const {
    BITACORA_CHECK(error_.has_value(), "error() of a success");
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

/// A T, or an Error. The member names are std::expected's, plus ok().
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}             // NOLINT
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}         // NOLINT
  Result(const Status& failed) : state_(std::in_place_index<1>, failed.error()) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  bool has_value() const { return ok(); }
  explicit operator bool() const { return ok(); }

  /// Only where ok().
  T& value() & {
    CheckOk();
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    CheckOk();
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    CheckOk();
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  template <typename U>
  T value_or(U&& otherwise) const& {
    return ok() ? value() : static_cast<T>(std::forward<U>(otherwise));
  }

  /// Only where !ok().
  const Error& error() const {
    const Error* error = std::get_if<1>(&state_);
    BITACORA_CHECK(error != nullptr, "error() of a success");
    return *error;
  }

  Status status() const { return ok() ? Status() : Status(error()); }

 private:
  void CheckOk() const {
    BITACORA_CHECK(ok(), "value() of an error: " + std::get_if<1>(&state_)->ToString());
  }

  std::variant<T, Error> state_;
};

}  // namespace bitacora

/// Returns the error of `expression` (a Status) from the calling function, if it is one.
#define BITACORA_RETURN_IF_ERROR(expression)                                          \
  do {                                                                                \
    if (::bitacora::Status bitacora_status_ = (expression); !bitacora_status_.ok()) { \
      return bitacora_status_.error();                                                \
    }                                                                                 \
  } while (false)

#define BITACORA_CONCAT_INNER(a, b) a##b
#define BITACORA_CONCAT(a, b) BITACORA_CONCAT_INNER(a, b)

/// Declares `target` from the value of `expression` (a Result), or returns its error.
#define BITACORA_ASSIGN_OR_RETURN(target, expression) \
  BITACORA_ASSIGN_OR_RETURN_INNER(BITACORA_CONCAT(bitacora_result_, __LINE__), target, expression)
#define BITACORA_ASSIGN_OR_RETURN_INNER(result, target, expression) \
  auto result = (expression);                                       \
  if (!result.ok()) return result.error();                          \
  target = std::move(result).value()
