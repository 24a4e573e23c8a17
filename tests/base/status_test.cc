#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include <bitacora/base/status.h>

namespace bitacora {
namespace {

Error Unavailable() { return {ErrorCode::kUnavailable, "the disk has left", "disk-left"}; }

constexpr ErrorCode kAllCodes[] = {
    ErrorCode::kInvalidArgument, ErrorCode::kNotFound,          ErrorCode::kAlreadyExists,
    ErrorCode::kConflict,        ErrorCode::kResourceExhausted, ErrorCode::kUnavailable,
    ErrorCode::kTimeout,         ErrorCode::kUnauthenticated,   ErrorCode::kPermissionDenied,
    ErrorCode::kCorruption,      ErrorCode::kInternal,
};

TEST(AnError, SaysItsCodeReasonAndSentence) {
  EXPECT_EQ(Unavailable().ToString(), "unavailable (disk-left): the disk has left");
}

TEST(AnError, LeavesOutAnEmptyReason) {
  EXPECT_EQ(Error(ErrorCode::kNotFound, "no such topic").ToString(), "not-found: no such topic");
}

TEST(AnError, IsWorthRepeatingOnlyWhereTimeAloneCanHelp) {
  const std::set<ErrorCode> repeatable{ErrorCode::kUnavailable, ErrorCode::kTimeout,
                                       ErrorCode::kResourceExhausted};
  for (const ErrorCode code : kAllCodes) {
    EXPECT_EQ(Error(code, "").retryable(), repeatable.contains(code)) << ErrorCodeName(code);
  }
}

TEST(ErrorCodes, HaveNamesOfTheirOwnInKebabCase) {
  std::set<std::string_view> names;
  for (const ErrorCode code : kAllCodes) {
    const std::string_view name = ErrorCodeName(code);
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string_view::npos);
  }
}

TEST(AStatus, IsASuccessUnlessItHoldsAnError) {
  EXPECT_TRUE(Status().ok());
  EXPECT_FALSE(Status(Unavailable()).ok());
  EXPECT_EQ(Status(Unavailable()).error().reason(), "disk-left");
}

TEST(AStatus, EndsTheProcessWhenASuccessIsAskedForItsError) {
  EXPECT_DEATH((void)Status().error(), "error\\(\\) of a success");
}

TEST(AResult, HoldsItsValue) {
  Result<std::string> result = std::string("seven");
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(*result, "seven");
  EXPECT_EQ(result->size(), 5U);
  EXPECT_TRUE(result.status().ok());
}

TEST(AResult, HoldsAnErrorInstead) {
  const Result<int> result = Unavailable();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(result.status().error().message(), "the disk has left");
}

TEST(AResult, GivesAnotherValueInPlaceOfAnError) {
  EXPECT_EQ(Result<int>(Unavailable()).value_or(3), 3);
  EXPECT_EQ(Result<int>(7).value_or(3), 7);
}

TEST(AResult, GivesAwayAValueThatOnlyMoves) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> moved = *std::move(result);
  EXPECT_EQ(*moved, 7);
}

TEST(AResult, EndsTheProcessWhenAnErrorIsAskedForItsValue) {
  const Result<int> result = Unavailable();
  EXPECT_DEATH((void)result.value(), "value\\(\\) of an error: unavailable \\(disk-left\\)");
}

TEST(AResult, CannotBeMadeFromASuccessWithoutAValue) {
  EXPECT_DEATH((void)Result<int>(Status()), "error\\(\\) of a success");
}

Status FailUnless(bool fine) {
  if (!fine) return Unavailable();
  return {};
}
Status Both(bool first, bool second, int* calls) {
  BITACORA_RETURN_IF_ERROR(FailUnless(first));
  ++*calls;
  BITACORA_RETURN_IF_ERROR(FailUnless(second));
  ++*calls;
  return {};
}

TEST(ReturnIfError, LeavesTheFunctionAtTheFirstError) {
  int calls = 0;
  EXPECT_FALSE(Both(true, false, &calls).ok());
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(Both(true, true, &calls).ok());
  EXPECT_EQ(calls, 3);
}

Result<int> Half(int number) {
  if (number % 2 != 0) return Error(ErrorCode::kInvalidArgument, "odd");
  return number / 2;
}
Result<int> Quarter(int number) {
  BITACORA_ASSIGN_OR_RETURN(const int half, Half(number));
  BITACORA_ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

TEST(AssignOrReturn, GoesOnWithTheValueAndLeavesWithTheError) {
  EXPECT_EQ(Quarter(12).value_or(0), 3);
  EXPECT_EQ(Quarter(6).error().message(), "odd");
}

TEST(ACheck, EndsTheProcessAndSaysWhatBroke) {
  const int parts = 3;
  EXPECT_DEATH(BITACORA_CHECK(parts == 2, "parts: " + std::to_string(parts)),
               "status_test.cc:[0-9]+: broken: parts == 2: parts: 3");
}

TEST(ACheck, EvaluatesItsDetailsOnlyWhereItBreaks) {
  int evaluated = 0;
  const auto details = [&evaluated] {
    ++evaluated;
    return std::string();
  };
  BITACORA_CHECK(true, details());
  EXPECT_EQ(evaluated, 0);
}

}  // namespace
}  // namespace bitacora
