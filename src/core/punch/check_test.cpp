#include "core/punch/check.h"

#include <gtest/gtest.h>

#include "core/stun/integrity.h"

namespace turnpike::punch {
namespace {

const Credentials kOurs{"oursufrg", "ourpasswordourpasswordou"};
const Credentials kTheirs{"theirufr", "theirpasswordtheirpasswo"};
const CheckRequest kRequest{
    .id = {1, 2, 3}, .priority = 77, .role = Role::kControlling, .tie_breaker = 9, .use_candidate = true};

stun::MessageView view(const Bytes& bytes) { return *stun::MessageView::parse(bytes); }

// A request to us, with what stands between the id and the integrity left to the caller.
template <class Fill>
Bytes request(Fill fill, std::string_view password = kOurs.password, bool fingerprint = true) {
  stun::MessageWriter out(stun::Class::kRequest, stun::Method::kBinding, kRequest.id);
  fill(out);
  stun::add_integrity(out, bytes_of(password));
  if (fingerprint) stun::add_fingerprint(out);
  return std::move(out).take();
}
void add_usual(stun::MessageWriter& out) {
  out.add(stun::AttributeType::kUsername, "oursufrg:theirufr");
  out.add_u32(stun::AttributeType::kPriority, 1);
  out.add_u64(stun::AttributeType::kIceControlled, 2);
}
CheckError error_of(const Bytes& bytes) { return read_request(view(bytes), kOurs).error(); }

TEST(PunchCheck, ARequestComesBackAsItWent) {
  const Bytes bytes = encode(kRequest, kTheirs, kOurs);
  const auto read = read_request(view(bytes), kOurs);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->id, kRequest.id);
  EXPECT_EQ(read->priority, 77U);
  EXPECT_EQ(read->role, Role::kControlling);
  EXPECT_EQ(read->tie_breaker, 9U);
  EXPECT_TRUE(read->use_candidate);
}

TEST(PunchCheck, AnswersComeBackAsTheyWent) {
  const Endpoint seen{IpAddress::v4(203, 0, 113, 7), 40000};
  const auto success = read_response(view(encode_success(kRequest.id, seen, kTheirs)), kTheirs);
  ASSERT_TRUE(success);
  EXPECT_EQ(success->seen, seen);
  const auto error = read_response(view(encode_error(kRequest.id, stun::ErrorCode::kRoleConflict, kTheirs)), kTheirs);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->error, stun::ErrorCode::kRoleConflict);
}

TEST(PunchCheck, ARequestForAnotherPunchIsNobodysFault) {
  EXPECT_EQ(error_of(encode(kRequest, kTheirs, {"otherufr", kOurs.password})), CheckError::kWrongUser);
}

TEST(PunchCheck, AWrongPasswordIsFoundInRequestsAndAnswers) {
  EXPECT_EQ(error_of(request(add_usual, "guessed")), CheckError::kWrongPassword);
  EXPECT_EQ(read_response(view(encode_success(kRequest.id, {}, kOurs)), kTheirs).error(), CheckError::kWrongPassword);
}

TEST(PunchCheck, WithoutAFingerprintItIsNoCheck) {
  EXPECT_EQ(error_of(request(add_usual, kOurs.password, false)), CheckError::kNotACheck);
}

TEST(PunchCheck, WithoutAUsernameItIsAnybodysBindingRequest) {
  EXPECT_EQ(error_of(request([](stun::MessageWriter&) {})), CheckError::kNotACheck);
}

TEST(PunchCheck, AUsernameWithoutItsSecondHalfIsRefused) {
  EXPECT_EQ(error_of(request([](stun::MessageWriter& out) { out.add(stun::AttributeType::kUsername, "oursufrg"); })),
            CheckError::kWrongUser);
}

TEST(PunchCheck, BothRolesOrNoneIsMalformed) {
  EXPECT_EQ(error_of(request([](stun::MessageWriter& out) {
              add_usual(out);
              out.add_u64(stun::AttributeType::kIceControlling, 2);
            })),
            CheckError::kMalformed);
  EXPECT_EQ(error_of(request([](stun::MessageWriter& out) {
              out.add(stun::AttributeType::kUsername, "oursufrg:theirufr");
              out.add_u32(stun::AttributeType::kPriority, 1);
            })),
            CheckError::kMalformed);
}

TEST(PunchCheck, WithoutAPriorityItIsMalformed) {
  EXPECT_EQ(error_of(request([](stun::MessageWriter& out) {
              out.add(stun::AttributeType::kUsername, "oursufrg:theirufr");
              out.add_u64(stun::AttributeType::kIceControlled, 2);
            })),
            CheckError::kMalformed);
}

TEST(PunchCheck, AnAttributeThatMustBeUnderstoodAndIsNotIsRefused) {
  EXPECT_EQ(error_of(request([](stun::MessageWriter& out) {
              add_usual(out);
              out.add_u32(static_cast<stun::AttributeType>(0x7f01), 1);
            })),
            CheckError::kUnknownAttribute);
}

TEST(PunchCheck, ASuccessWithoutAnAddressIsMalformed) {
  stun::MessageWriter out(stun::Class::kSuccess, stun::Method::kBinding, kRequest.id);
  stun::add_integrity(out, bytes_of(kTheirs.password));
  stun::add_fingerprint(out);
  EXPECT_EQ(read_response(view(std::move(out).take()), kTheirs).error(), CheckError::kMalformed);
}

TEST(PunchCheck, DrawnCredentialsAreValidAndDiffer) {
  SeededRandom random(1);
  const Credentials first = Credentials::draw(random);
  EXPECT_TRUE(first.is_valid());
  EXPECT_NE(first, Credentials::draw(random));
}

TEST(PunchCheck, CredentialsOfOtherLengthsOrLettersAreRefused) {
  EXPECT_FALSE((Credentials{"abc", kOurs.password}.is_valid()));
  EXPECT_FALSE((Credentials{"abcd", "tooshort"}.is_valid()));
  EXPECT_FALSE((Credentials{std::string(33, 'a'), kOurs.password}.is_valid()));
  EXPECT_FALSE((Credentials{"abcd", std::string(65, 'a')}.is_valid()));
  EXPECT_FALSE((Credentials{"ab:d", kOurs.password}.is_valid()));
}

}  // namespace
}  // namespace turnpike::punch
