#include "core/stun/attribute.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/stun/test_vectors.h"

namespace turnpike::stun {
namespace {

using testing::ElementsAre;

constexpr TransactionId kId{1, 2, 3};
const IpAddress kV6 = *IpAddress::parse("2001:db8:1234:5678:11:2233:4455:6677");

MessageWriter a_message() { return {Class::kSuccess, Method::kBinding, kId}; }

TEST(StunAddress, AgreesWithRfc5769) {
  const auto v4 = MessageView::parse(vectors::kResponseV4);
  const auto v6 = MessageView::parse(vectors::kResponseV6);
  ASSERT_TRUE(v4 && v6);
  EXPECT_EQ(read_xor_address(*v4->find(AttributeType::kXorMappedAddress), v4->id()),
            (Endpoint{IpAddress::v4(192, 0, 2, 1), 32853}));
  EXPECT_EQ(read_xor_address(*v6->find(AttributeType::kXorMappedAddress), v6->id()), (Endpoint{kV6, 32853}));
}

TEST(StunAddress, ComesBackAsItWasWritten) {
  for (const IpAddress& address : {IpAddress::v4(203, 0, 113, 7), kV6}) {
    auto out = a_message();
    add_xor_address(out, AttributeType::kXorPeerAddress, {address, 443});
    add_address(out, AttributeType::kOtherAddress, {address, 444});
    const Bytes bytes = std::move(out).take();
    const auto message = MessageView::parse(bytes);
    ASSERT_TRUE(message);
    EXPECT_EQ(read_xor_address(*message->find(AttributeType::kXorPeerAddress), kId), (Endpoint{address, 443}));
    EXPECT_EQ(read_address(*message->find(AttributeType::kOtherAddress)), (Endpoint{address, 444}));
  }
}

TEST(StunAddress, RefusesStrangeFamiliesAndLengths) {
  EXPECT_TRUE(read_address(Bytes{0, 1, 0, 80, 1, 2, 3, 4}));
  EXPECT_FALSE(read_address(Bytes{0, 3, 0, 80, 1, 2, 3, 4}));
  EXPECT_FALSE(read_address(Bytes{0, 2, 0, 80, 1, 2, 3, 4}));
  EXPECT_FALSE(read_address(Bytes{0, 1, 0, 80, 1, 2, 3}));
  EXPECT_FALSE(read_address(Bytes{0, 1, 0, 80, 1, 2, 3, 4, 5}));
  EXPECT_FALSE(read_address({}));
}

TEST(StunError, ComesBackAsItWasWrittenWithItsReason) {
  for (const ErrorCode code :
       {ErrorCode::kTryAlternate, ErrorCode::kBadRequest, ErrorCode::kUnauthenticated, ErrorCode::kForbidden,
        ErrorCode::kUnknownAttribute, ErrorCode::kAllocationMismatch, ErrorCode::kStaleNonce,
        ErrorCode::kAddressFamilyNotSupported, ErrorCode::kWrongCredentials, ErrorCode::kUnsupportedTransport,
        ErrorCode::kPeerAddressFamilyMismatch, ErrorCode::kAllocationQuotaReached, ErrorCode::kRoleConflict,
        ErrorCode::kServerError, ErrorCode::kInsufficientCapacity}) {
    auto out = a_message();
    add_error(out, code);
    const Bytes bytes = std::move(out).take();
    const auto error = read_error(*MessageView::parse(bytes)->find(AttributeType::kErrorCode));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, code);
    EXPECT_EQ(error->reason, default_reason(code));
  }
}

TEST(StunError, RefusesCodesThatCannotBe) {
  EXPECT_FALSE(read_error(Bytes{0, 0, 2, 0}));
  EXPECT_FALSE(read_error(Bytes{0, 0, 7, 0}));
  EXPECT_FALSE(read_error(Bytes{0, 0, 4, 100}));
  EXPECT_FALSE(read_error(Bytes{0, 0, 4}));
}

TEST(StunText, RefusesWhatIsTooLongOrHasAZero) {
  EXPECT_EQ(read_text(Bytes(kMaxTextSize, 'a')), std::string(kMaxTextSize, 'a'));
  EXPECT_FALSE(read_text(Bytes(kMaxTextSize + 1, 'a')));
  EXPECT_TRUE(read_text(Bytes(kMaxUsernameSize, 'a'), kMaxUsernameSize));
  EXPECT_FALSE(read_text(Bytes(kMaxUsernameSize + 1, 'a'), kMaxUsernameSize));
  EXPECT_FALSE(read_text(Bytes{'a', 0, 'b'}));
}

TEST(StunUnknownAttributes, AreTheRequiredOnesOnlyAndEachOnce) {
  auto out = a_message();
  for (const unsigned type : {0x7f01U, 0x0006U, 0x7f02U, 0x7f01U, 0xff00U}) {
    out.add_flag(static_cast<AttributeType>(type));
  }
  const Bytes bytes = std::move(out).take();
  constexpr std::array kKnown{AttributeType::kUsername};
  EXPECT_THAT(unknown_attributes(*MessageView::parse(bytes), kKnown),
              ElementsAre(static_cast<AttributeType>(0x7f01), static_cast<AttributeType>(0x7f02)));
}

TEST(StunUnknownAttributes, AreToldUpToALimit) {
  auto out = a_message();
  for (unsigned type = 0x7000; type < 0x7100; ++type) out.add_flag(static_cast<AttributeType>(type));
  const Bytes bytes = std::move(out).take();
  const auto unknown = unknown_attributes(*MessageView::parse(bytes), {});
  EXPECT_EQ(unknown.size(), kMaxUnknownTold);
  auto answer = a_message();
  add_unknown_attributes(answer, unknown);
  const Bytes answered = std::move(answer).take();
  EXPECT_EQ(read_unknown_attributes(*MessageView::parse(answered)->find(AttributeType::kUnknownAttributes)), unknown);
}

TEST(StunChangeRequest, ComesBackAsItWasWritten) {
  for (const ChangeRequest change : {ChangeRequest{}, {true, false}, {false, true}, {true, true}}) {
    auto out = a_message();
    add_change_request(out, change);
    const Bytes bytes = std::move(out).take();
    EXPECT_EQ(read_change_request(*MessageView::parse(bytes)->find(AttributeType::kChangeRequest)), change);
  }
  EXPECT_FALSE(read_change_request(Bytes{0, 0, 6}));
}

TEST(StunPasswordAlgorithms, PassOverWhatIsNotRegistered) {
  auto out = a_message();
  add_password_algorithms(out, std::array{PasswordAlgorithm::kSha256, PasswordAlgorithm::kMd5});
  add_password_algorithm(out, PasswordAlgorithm::kSha256);
  const Bytes bytes = std::move(out).take();
  const auto message = MessageView::parse(bytes);
  EXPECT_EQ(read_password_algorithms(*message->find(AttributeType::kPasswordAlgorithms)),
            (std::vector{PasswordAlgorithm::kSha256, PasswordAlgorithm::kMd5}));
  EXPECT_EQ(read_password_algorithm(*message->find(AttributeType::kPasswordAlgorithm)), PasswordAlgorithm::kSha256);
  const Bytes with_a_stranger{0, 9, 0, 1, 7, 0, 0, 0, 0, 2, 0, 0};
  EXPECT_EQ(read_password_algorithms(with_a_stranger), std::vector{PasswordAlgorithm::kSha256});
  EXPECT_FALSE(read_password_algorithms(Bytes{0, 9, 0, 5, 7, 0, 0, 0}));
  EXPECT_FALSE(read_password_algorithm(Bytes{0, 2, 0, 0, 0}));
}

}  // namespace
}  // namespace turnpike::stun
