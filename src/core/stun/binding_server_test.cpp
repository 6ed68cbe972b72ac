#include "core/stun/binding_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/stun/integrity.h"
#include "core/stun/test_vectors.h"

namespace turnpike::stun {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr Instant kStart{1h};
constexpr TransactionId kId{1, 2, 3};
constexpr Endpoint kPrimary{IpAddress::v4(198, 51, 100, 1), 3478};
constexpr Endpoint kAlternate{IpAddress::v4(198, 51, 100, 2), 3479};
constexpr Endpoint kClient{IpAddress::v4(203, 0, 113, 7), 40000};

struct Servers {
  SeededRandom random{1};
  BindingServer plain{random};
  BindingServer discovering{random, DiscoveryAddresses{kPrimary, kAlternate}};
};

Bytes request(std::optional<ChangeRequest> change = std::nullopt) {
  MessageWriter out(Class::kRequest, Method::kBinding, kId);
  if (change) add_change_request(out, *change);
  return std::move(out).take();
}

std::optional<ErrorCode> error_of(const std::optional<BindingServer::Answer>& answer) {
  if (!answer) return std::nullopt;
  const auto message = MessageView::parse(answer->payload);
  const auto value = message->find(AttributeType::kErrorCode);
  return value ? std::optional(read_error(*value)->code) : std::nullopt;
}

TEST(StunBindingServer, TellsTheCallerItsAddressAndNothingElse) {
  Servers s;
  const auto answer = s.plain.answer(kStart, kClient, kPrimary, request());
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->from, kPrimary);
  EXPECT_EQ(answer->to, kClient);
  EXPECT_EQ(answer->payload.size(), 32U);
  const auto message = MessageView::parse(answer->payload);
  EXPECT_EQ(message->id(), kId);
  EXPECT_EQ(read_xor_address(*message->find(AttributeType::kXorMappedAddress), kId), kClient);
}

TEST(StunBindingServer, PassesOverWhatIsNoBindingRequest) {
  Servers s;
  EXPECT_FALSE(s.plain.answer(kStart, kClient, kPrimary, vectors::kResponseV4));
  EXPECT_FALSE(
      s.plain.answer(kStart, kClient, kPrimary, MessageWriter(Class::kIndication, Method::kBinding, kId).take()));
  EXPECT_FALSE(
      s.plain.answer(kStart, kClient, kPrimary, MessageWriter(Class::kRequest, Method::kAllocate, kId).take()));
  EXPECT_FALSE(s.plain.answer(kStart, kClient, kPrimary, bytes_of("hello")));
  Bytes damaged = vectors::kRequest;
  damaged.back() ^= 1;
  EXPECT_FALSE(s.plain.answer(kStart, kClient, kPrimary, damaged));
}

TEST(StunBindingServer, NamesTheAttributesItDoesNotKnow) {
  Servers s;
  MessageWriter out(Class::kRequest, Method::kBinding, kId);
  out.add_flag(static_cast<AttributeType>(0x7f01));
  const auto answer = s.plain.answer(kStart, kClient, kPrimary, std::move(out).take());
  EXPECT_EQ(error_of(answer), ErrorCode::kUnknownAttribute);
  const auto message = MessageView::parse(answer->payload);
  EXPECT_THAT(read_unknown_attributes(*message->find(AttributeType::kUnknownAttributes)),
              ElementsAre(static_cast<AttributeType>(0x7f01)));
}

TEST(StunBindingServer, AnswersANetworkOnlySoOften) {
  Servers s;
  std::uint32_t answers = 0;
  for (std::uint32_t i = 0; i < 10 * kBindingBurst; ++i) {
    const Endpoint spoofed{IpAddress::v4(203, 0, 113, static_cast<std::uint8_t>(i)), 40000};
    answers += s.plain.answer(kStart, spoofed, kPrimary, request()) ? 1 : 0;
  }
  EXPECT_EQ(answers, kBindingBurst);
  EXPECT_TRUE(s.plain.answer(kStart, {IpAddress::v4(203, 0, 114, 1), 1}, kPrimary, request()));
}

TEST(StunBindingServer, AnswersFromWhereTheCallerAskedForIt) {  // RFC 5780, section 6.1, table 1
  Servers s;
  const auto from_after = [&](ChangeRequest change, const Endpoint& local) {
    return s.discovering.answer(kStart, kClient, local, request(change))->from;
  };
  EXPECT_EQ(from_after({}, kPrimary), kPrimary);
  EXPECT_EQ(from_after({true, true}, kPrimary), kAlternate);
  EXPECT_EQ(from_after({true, false}, kPrimary), (Endpoint{kAlternate.address, kPrimary.port}));
  EXPECT_EQ(from_after({false, true}, kPrimary), (Endpoint{kPrimary.address, kAlternate.port}));
  EXPECT_EQ(from_after({true, true}, kAlternate), kPrimary);
}

TEST(StunBindingServer, TellsWhereItsOtherSideIs) {
  Servers s;
  const auto answer = s.discovering.answer(kStart, kClient, kPrimary, request(ChangeRequest{true, false}));
  const auto message = MessageView::parse(answer->payload);
  EXPECT_EQ(read_address(*message->find(AttributeType::kResponseOrigin)),
            (Endpoint{kAlternate.address, kPrimary.port}));
  EXPECT_EQ(read_address(*message->find(AttributeType::kOtherAddress)), kAlternate);
}

TEST(StunBindingServer, RefusesAChangeItCannotMake) {
  Servers s;
  EXPECT_EQ(error_of(s.plain.answer(kStart, kClient, kPrimary, request(ChangeRequest{true, false}))),
            ErrorCode::kUnknownAttribute);
  EXPECT_FALSE(error_of(s.plain.answer(kStart, kClient, kPrimary, request(ChangeRequest{}))));
  MessageWriter out(Class::kRequest, Method::kBinding, kId);
  out.add(AttributeType::kChangeRequest, Bytes(3));
  EXPECT_EQ(error_of(s.plain.answer(kStart, kClient, kPrimary, std::move(out).take())), ErrorCode::kBadRequest);
}

TEST(StunBindingServer, AnswersToAnotherPortOfTheSameAddressWhereDiscoveryIsOn) {
  Servers s;
  MessageWriter out(Class::kRequest, Method::kBinding, kId);
  out.add(AttributeType::kResponsePort, Bytes{0x9c, 0x41, 0, 0});
  const Bytes bytes = std::move(out).take();
  EXPECT_EQ(s.discovering.answer(kStart, kClient, kPrimary, bytes)->to, (Endpoint{kClient.address, 40001}));
  EXPECT_EQ(s.plain.answer(kStart, kClient, kPrimary, bytes)->to, kClient);
}

}  // namespace
}  // namespace turnpike::stun
