#include "core/turn/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/turn/turn_test_support.h"

namespace turnpike::turn {
namespace {

using namespace turnpike::turn::testing;
using ::testing::ElementsAre;

struct Alone {
  SeededRandom random{1};
  Server server;
  Talker alice;

  explicit Alone(const ServerConfig& server_config = config())
      : server(server_config, random), alice(server, udp_client(1), {"alice", "secret"}) {}
};

Fill flag(AttributeType type, Bytes value) {
  return [type, value = std::move(value)](MessageWriter& out) { out.add(type, value); };
}

// --- authentication ---

TEST(TurnServer, ChallengesAStrangerInAtMostAHundredAndSixtyBytes) {
  ServerConfig longest = config();
  longest.realm = std::string(100, 'r');
  Alone a(longest);
  MessageWriter out(Class::kRequest, Method::kAllocate, {});
  stun::add_fingerprint(out);
  const Answer answer = a.alice.send(kNow, std::move(out).take());
  EXPECT_EQ(answer.error(), ErrorCode::kUnauthenticated);
  EXPECT_LE(answer.bytes.size(), kMaxUnauthenticatedAnswer);
  EXPECT_TRUE(answer.view().has(AttributeType::kRealm) && answer.view().has(AttributeType::kNonce));
}

TEST(TurnServer, RefusesAWrongPasswordAndAnUnknownName) {
  Alone a;
  Talker wrong(a.server, udp_client(1), {"alice", "wrong"});
  Talker unknown(a.server, udp_client(1), {"carol", "secret"});
  EXPECT_EQ(wrong.allocate(kNow).error(), ErrorCode::kUnauthenticated);
  EXPECT_EQ(unknown.allocate(kNow).error(), ErrorCode::kUnauthenticated);
  EXPECT_EQ(a.server.allocations(), 0U);
}

TEST(TurnServer, RefusesARequestThatWasChangedOnTheWay) {
  Alone a;
  ASSERT_TRUE(a.alice.allocate(kNow).ok());
  const Bytes honest = a.alice.request(Method::kRefresh, [](MessageWriter& out) { add_lifetime(out, 600s); });
  for (std::size_t at = stun::kHeaderSize; at < honest.size(); ++at) {
    Bytes changed = honest;
    changed[at] ^= 1;
    EXPECT_FALSE(a.alice.send(kNow, changed).ok()) << at;
  }
  EXPECT_TRUE(a.alice.send(kNow, honest).ok());
}

TEST(TurnServer, RefusesAnIncompleteSignature) {
  Alone a;
  ASSERT_TRUE(a.alice.allocate(kNow).ok());
  for (const AttributeType missing : {AttributeType::kUsername, AttributeType::kRealm, AttributeType::kNonce}) {
    MessageWriter out(Class::kRequest, Method::kRefresh, {});
    if (missing != AttributeType::kUsername) out.add(AttributeType::kUsername, "alice");
    if (missing != AttributeType::kRealm) out.add(AttributeType::kRealm, a.alice.realm);
    if (missing != AttributeType::kNonce) out.add(AttributeType::kNonce, a.alice.nonce);
    stun::add_integrity(out, a.alice.key());
    EXPECT_EQ(a.alice.send(kNow, std::move(out).take()).error(), ErrorCode::kBadRequest);
  }
}

TEST(TurnServer, TakesSha256AndAnswersInKind) {
  Alone a;
  (void)a.alice.allocate(kNow);
  (void)a.alice.refresh(kNow, 0s);
  constexpr std::array kBoth{stun::PasswordAlgorithm::kSha256, stun::PasswordAlgorithm::kMd5};
  const Bytes key = stun::long_term_key(stun::PasswordAlgorithm::kSha256, "alice", a.alice.realm, "secret");
  MessageWriter out(Class::kRequest, Method::kAllocate, {});
  add_requested_transport(out);
  out.add(AttributeType::kUsername, "alice");
  out.add(AttributeType::kRealm, a.alice.realm);
  out.add(AttributeType::kNonce, a.alice.nonce);
  stun::add_password_algorithms(out, kBoth);
  stun::add_password_algorithm(out, stun::PasswordAlgorithm::kSha256);
  stun::add_integrity_sha256(out, key);
  const Answer answer = a.alice.send(kNow, std::move(out).take());
  ASSERT_TRUE(answer.ok());
  EXPECT_TRUE(stun::verify_integrity_sha256(answer.view(), key));
}

TEST(TurnServer, RefusesAListOfAlgorithmsThatIsNotItsOwn) {  // somebody has struck out the better one
  Alone a;
  (void)a.alice.allocate(kNow);
  constexpr std::array kWeak{stun::PasswordAlgorithm::kMd5};
  MessageWriter out(Class::kRequest, Method::kRefresh, {});
  out.add(AttributeType::kUsername, "alice");
  out.add(AttributeType::kRealm, a.alice.realm);
  out.add(AttributeType::kNonce, a.alice.nonce);
  stun::add_password_algorithms(out, kWeak);
  stun::add_password_algorithm(out, stun::PasswordAlgorithm::kMd5);
  stun::add_integrity(out, a.alice.key());
  EXPECT_EQ(a.alice.send(kNow, std::move(out).take()).error(), ErrorCode::kBadRequest);
}

TEST(TurnServer, RefusesANonceReplayedFromAnotherAddressOrTooLate) {
  Alone a;
  ASSERT_TRUE(a.alice.allocate(kNow).ok());
  Talker thief(a.server, udp_client(9), {"alice", "secret"});
  thief.realm = a.alice.realm;
  thief.nonce = a.alice.nonce;
  const Fill transport = [](MessageWriter& out) { add_requested_transport(out); };
  EXPECT_EQ(thief.send(kNow, thief.request(Method::kAllocate, transport)).error(), ErrorCode::kStaleNonce);
  const Bytes late = a.alice.request(Method::kRefresh, {});
  EXPECT_EQ(a.alice.send(later(kNonceLifetime), late).error(), ErrorCode::kStaleNonce);
}

TEST(TurnServer, ChallengesOneNetworkOnlySoOften) {
  ServerConfig slow = config();
  slow.challenge_rate = 10;
  slow.challenge_burst = 20;
  Alone a(slow);
  const Bytes request = MessageWriter(Class::kRequest, Method::kAllocate, {}).take();
  int answers = 0;
  for (std::uint16_t port = 1; port <= 1000; ++port) {
    Talker spoofed(a.server, udp_client(1, port), {});
    answers += spoofed.send(kNow, request).bytes.empty() ? 0 : 1;
  }
  EXPECT_EQ(answers, 20);
  EXPECT_EQ(a.server.counters().unanswered, 980U);
  Talker elsewhere(a.server, udp_client(2), {});
  EXPECT_FALSE(elsewhere.send(kNow, request).bytes.empty());
}

// --- Allocate ---

TEST(TurnServer, AllocatesAVirtualAddressAndTellsWhereTheClientIs) {
  Alone a;
  const Answer answer = a.alice.allocate(kNow);
  ASSERT_TRUE(answer.ok());
  const auto relayed = answer.address(AttributeType::kXorRelayedAddress);
  EXPECT_EQ(relayed->address, kExternal);
  EXPECT_GE(relayed->port, kFirstVirtualPort);
  EXPECT_EQ(answer.address(AttributeType::kXorMappedAddress), udp_client(1).client);
  EXPECT_EQ(answer.lifetime(), kDefaultLifetime);
  EXPECT_TRUE(stun::verify_integrity(answer.view(), a.alice.key()));
}

TEST(TurnServer, AnswersARetransmittedAllocateAgainAndRefusesAnother) {
  Alone a;
  const Fill transport = [](MessageWriter& out) { add_requested_transport(out); };
  ASSERT_TRUE(a.alice.ask(kNow, Method::kAllocate, transport).ok());
  EXPECT_EQ(a.alice.allocate(kNow).error(), ErrorCode::kAllocationMismatch);
  (void)a.alice.refresh(kNow, 0s);
  const Bytes request = a.alice.request(Method::kAllocate, transport);
  const Answer first = a.alice.send(kNow, request);
  const Answer again = a.alice.send(kNow, request);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first.bytes, again.bytes);
  EXPECT_EQ(a.server.allocations(), 1U);
}

TEST(TurnServer, RefusesWhatAnAllocateMayNotAsk) {
  struct Case {
    const char* what;
    Fill fill;
    ErrorCode code;
  };
  const auto with_transport = [](Fill more) {
    return [more = std::move(more)](MessageWriter& out) {
      add_requested_transport(out);
      more(out);
    };
  };
  const Fill token = flag(AttributeType::kReservationToken, Bytes(8));
  const Fill v6 = [](MessageWriter& out) {
    add_address_family(out, AttributeType::kRequestedAddressFamily, IpAddress::Family::kV6);
  };
  const std::vector<Case> cases{
      {"no transport", {}, ErrorCode::kBadRequest},
      {"TCP", flag(AttributeType::kRequestedTransport, {6, 0, 0, 0}), ErrorCode::kUnsupportedTransport},
      {"half a transport", flag(AttributeType::kRequestedTransport, {17}), ErrorCode::kBadRequest},
      {"a family nobody assigned", with_transport(flag(AttributeType::kRequestedAddressFamily, {9, 0, 0, 0})),
       ErrorCode::kAddressFamilyNotSupported},
      {"a pair of ports", with_transport(flag(AttributeType::kEvenPort, {0x80})), ErrorCode::kInsufficientCapacity},
      {"a malformed even port", with_transport(flag(AttributeType::kEvenPort, {0, 0})), ErrorCode::kBadRequest},
      {"a token", with_transport(token), ErrorCode::kInsufficientCapacity},
      {"a token and a family", with_transport([&](MessageWriter& out) { token(out), v6(out); }),
       ErrorCode::kBadRequest},
      {"two families at once", with_transport([&](MessageWriter& out) {
         v6(out);
         add_address_family(out, AttributeType::kAdditionalAddressFamily, IpAddress::Family::kV6);
       }),
       ErrorCode::kBadRequest},
      {"an attribute it must know but does not", with_transport(flag(static_cast<AttributeType>(0x7f01), {})),
       ErrorCode::kUnknownAttribute},
  };
  for (const Case& c : cases) {
    Alone a;
    EXPECT_EQ(a.alice.ask(kNow, Method::kAllocate, c.fill).error(), c.code) << c.what;
    EXPECT_EQ(a.server.allocations(), 0U) << c.what;
  }
}

TEST(TurnServer, GivesOneAddressWhereTwoWereAskedForAndSaysWhy) {
  Alone a;
  const Answer answer = a.alice.allocate(kNow, [](MessageWriter& out) {
    add_address_family(out, AttributeType::kAdditionalAddressFamily, IpAddress::Family::kV6);
  });
  ASSERT_TRUE(answer.ok());
  EXPECT_TRUE(answer.view().has(AttributeType::kAddressErrorCode));
}

TEST(TurnServer, GivesIpv6WhereAskedAndAnEvenPort) {
  Alone a;
  const Answer answer = a.alice.allocate(kNow, [](MessageWriter& out) {
    add_address_family(out, AttributeType::kRequestedAddressFamily, IpAddress::Family::kV6);
    out.add(AttributeType::kEvenPort, Bytes{0});
    out.add_flag(AttributeType::kDontFragment);
  });
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer.address(AttributeType::kXorRelayedAddress)->address, kExternalV6);
  EXPECT_EQ(answer.address(AttributeType::kXorRelayedAddress)->port % 2, 0);
}

TEST(TurnServer, RefusesIpv6WhereItHasNone) {
  ServerConfig only_v4 = config();
  only_v4.external = {kExternal};
  Alone a(only_v4);
  EXPECT_EQ(a.alice
                .allocate(kNow,
                          [](MessageWriter& out) {
                            add_address_family(out, AttributeType::kRequestedAddressFamily, IpAddress::Family::kV6);
                          })
                .error(),
            ErrorCode::kAddressFamilyNotSupported);
}

TEST(TurnServer, KeepsLifetimesBetweenTenMinutesAndAnHour) {
  Alone a;
  const auto lifetime_for = [&](Duration asked) {
    const Answer answer = a.alice.allocate(kNow, [asked](MessageWriter& out) { add_lifetime(out, asked); });
    (void)a.alice.refresh(kNow, 0s);
    return answer.lifetime();
  };
  EXPECT_EQ(lifetime_for(1s), kDefaultLifetime);
  EXPECT_EQ(lifetime_for(30min), 30min);
  EXPECT_EQ(lifetime_for(std::chrono::seconds(UINT32_MAX)), kMaxLifetime);
}

TEST(TurnServer, HoldsEachUserAndEachNetworkToAQuota) {
  ServerConfig tight = config();
  tight.max_allocations_per_user = 3;
  tight.max_allocations_per_network = 2;
  tight.max_allocations = 4;
  Alone a(tight);
  const auto allocate = [&](std::uint8_t host, std::uint16_t port, const Credential& credential) {
    return Talker(a.server, udp_client(host, port), credential).allocate(kNow).error();
  };
  const Credential alice{"alice", "secret"};
  const Credential bob{"bob", "other"};
  EXPECT_FALSE(allocate(1, 1, alice));
  EXPECT_FALSE(allocate(1, 2, alice));
  EXPECT_EQ(allocate(1, 3, alice), ErrorCode::kAllocationQuotaReached) << "a third from one /24";
  EXPECT_FALSE(allocate(2, 1, alice));
  EXPECT_EQ(allocate(3, 1, alice), ErrorCode::kAllocationQuotaReached) << "a fourth of one user";
  EXPECT_FALSE(allocate(3, 1, bob));
  EXPECT_EQ(allocate(4, 1, bob), ErrorCode::kInsufficientCapacity) << "a fifth of all";
}

// --- Refresh ---

TEST(TurnServer, DeletesOnALifetimeOfZeroAndKnowsNothingOfItTheSecondTime) {
  Alone a;
  ASSERT_TRUE(a.alice.allocate(kNow).ok());
  const Answer first = a.alice.refresh(kNow, 0s);
  EXPECT_TRUE(first.ok());
  EXPECT_EQ(first.lifetime(), 0s);
  EXPECT_EQ(a.alice.refresh(kNow, 0s).error(), ErrorCode::kAllocationMismatch);
  EXPECT_EQ(a.server.allocations(), 0U);
}

TEST(TurnServer, LetsAnAllocationExpireUnlessItIsRefreshed) {
  Alone a;
  ASSERT_TRUE(a.alice.allocate(kNow).ok());
  a.server.handle_timeout(later(599s));
  EXPECT_TRUE(a.alice.refresh(later(599s), 600s).ok());
  a.server.handle_timeout(later(600s));
  EXPECT_EQ(a.server.allocations(), 1U);
  a.server.handle_timeout(later(1199s));
  EXPECT_EQ(a.server.allocations(), 0U);
  EXPECT_FALSE(a.server.poll_timeout());
}

TEST(TurnServer, RefusesARefreshOfTheOtherFamily) {
  Alone a;
  ASSERT_TRUE(a.alice.allocate(kNow).ok());
  const Answer answer = a.alice.ask(kNow, Method::kRefresh, [](MessageWriter& out) {
    add_address_family(out, AttributeType::kRequestedAddressFamily, IpAddress::Family::kV6);
  });
  EXPECT_EQ(answer.error(), ErrorCode::kPeerAddressFamilyMismatch);
}

TEST(TurnServer, RefusesOneUserAnothersAllocation) {
  Alone a;
  ASSERT_TRUE(a.alice.allocate(kNow).ok());
  Talker bob(a.server, udp_client(1), {"bob", "other"});  // at alice's very address
  EXPECT_EQ(bob.refresh(kNow, 0s).error(), ErrorCode::kWrongCredentials);
  EXPECT_EQ(a.server.allocations(), 1U);
}

TEST(TurnServer, KnowsNoAllocationAtAnotherFiveTuple) {
  Alone a;
  ASSERT_TRUE(a.alice.allocate(kNow).ok());
  Talker elsewhere(a.server, udp_client(1, 40'001), {"alice", "secret"});
  EXPECT_EQ(elsewhere.refresh(kNow, 0s).error(), ErrorCode::kAllocationMismatch);
  elsewhere.send_channel(kNow, kFirstChannel, bytes_of("x"));
  EXPECT_TRUE(elsewhere.others.empty());
}

// --- permissions and channels of static users ---

TEST(TurnServer, RelaysToNoThirdHost) {
  Alone a;
  ASSERT_TRUE(a.alice.allocate(kNow).ok());
  const Endpoint own{kExternal, 50'000};
  for (const char* host : {"192.0.2.1", "127.0.0.1", "10.0.0.1", "0.0.0.0", "255.255.255.255", "198.51.100.2"}) {
    const Endpoint third{*IpAddress::parse(host), 50'000};
    EXPECT_EQ(a.alice.permit(kNow, third).error(), ErrorCode::kForbidden) << host;
    EXPECT_EQ(a.alice.bind(kNow, kFirstChannel, third).error(), ErrorCode::kForbidden) << host;
  }
  for (const char* host : {"::1", "::ffff:198.51.100.1", "::198.51.100.1", "64:ff9b::c633:6401", "2001:db8::1"}) {
    const Endpoint third{*IpAddress::parse(host), 50'000};
    EXPECT_EQ(a.alice.permit(kNow, third).error(), ErrorCode::kPeerAddressFamilyMismatch) << host;
    EXPECT_EQ(a.alice.bind(kNow, kFirstChannel, third).error(), ErrorCode::kPeerAddressFamilyMismatch) << host;
  }
  EXPECT_EQ(a.alice.bind(kNow, kFirstChannel, own).error(), ErrorCode::kForbidden) << "nobody has that port";
}

TEST(TurnServer, LetsAUsersAllocationsTalkToEachOtherAndNotToAnothers) {
  Alone a;
  Talker second(a.server, udp_client(2), {"alice", "secret"});
  Talker bob(a.server, udp_client(3), {"bob", "other"});
  const auto at_first = *a.alice.allocate(kNow).address(AttributeType::kXorRelayedAddress);
  const auto at_second = *second.allocate(kNow).address(AttributeType::kXorRelayedAddress);
  const auto at_bob = *bob.allocate(kNow).address(AttributeType::kXorRelayedAddress);
  EXPECT_TRUE(a.alice.bind(kNow, kFirstChannel, at_second).ok());
  EXPECT_TRUE(second.bind(kNow, kFirstChannel + 1, at_first).ok());
  EXPECT_EQ(a.alice.bind(kNow, kFirstChannel + 2, at_bob).error(), ErrorCode::kForbidden);
  EXPECT_TRUE(bob.permit(kNow, at_first).ok()) << "the address is the server's own";
  bob.send_indication(kNow, at_first, bytes_of("hello"));
  EXPECT_TRUE(bob.others.empty()) << "but nothing passes";
  a.alice.send_channel(kNow, kFirstChannel, bytes_of("hello"));
  ASSERT_EQ(a.alice.others.size(), 1U);
  EXPECT_EQ(a.alice.others[0].to, second.at());
}

TEST(TurnServer, LimitsTheChannelsOfAnAllocation) {
  Alone a;
  ASSERT_TRUE(a.alice.allocate(kNow).ok());
  std::vector<Endpoint> others;
  for (std::size_t i = 0; i <= kMaxChannels; ++i) {
    Talker other(a.server, udp_client(2, static_cast<std::uint16_t>(1000 + i)), {"alice", "secret"});
    others.push_back(*other.allocate(kNow).address(AttributeType::kXorRelayedAddress));
  }
  for (std::size_t i = 0; i < kMaxChannels; ++i) {
    ASSERT_TRUE(a.alice.bind(kNow, static_cast<ChannelNumber>(kFirstChannel + i), others[i]).ok());
  }
  EXPECT_EQ(a.alice.bind(kNow, kLastChannel, others[kMaxChannels]).error(), ErrorCode::kInsufficientCapacity);
}

TEST(TurnServer, RefusesChannelNumbersThatAreNoneAndOnesThatAreTaken) {
  Alone a;
  Talker second(a.server, udp_client(2), {"alice", "secret"});
  Talker third(a.server, udp_client(3), {"alice", "secret"});
  ASSERT_TRUE(a.alice.allocate(kNow).ok());
  const auto at_second = *second.allocate(kNow).address(AttributeType::kXorRelayedAddress);
  const auto at_third = *third.allocate(kNow).address(AttributeType::kXorRelayedAddress);
  for (const unsigned number : {0U, 0x3fffU, 0x8000U, 0xffffU}) {
    EXPECT_EQ(a.alice.bind(kNow, static_cast<ChannelNumber>(number), at_second).error(), ErrorCode::kBadRequest);
  }
  ASSERT_TRUE(a.alice.bind(kNow, kFirstChannel, at_second).ok());
  EXPECT_EQ(a.alice.bind(kNow, kFirstChannel, at_third).error(), ErrorCode::kBadRequest);
  EXPECT_EQ(a.alice.bind(kNow, kFirstChannel + 1, at_second).error(), ErrorCode::kBadRequest);
  EXPECT_TRUE(a.alice.bind(kNow, kFirstChannel, at_second).ok()) << "a refresh";
}

TEST(TurnServer, DropsMessagesOfNoAndOfTooGreatLength) {
  Alone a;
  ASSERT_TRUE(a.alice.allocate(kNow).ok());
  EXPECT_TRUE(a.alice.send(kNow, {}).bytes.empty());
  EXPECT_TRUE(a.alice.send(kNow, Bytes{0x40}).bytes.empty());
  EXPECT_TRUE(a.alice.send(kNow, Bytes{0x40, 0, 0xff, 0xff}).bytes.empty());
  const Bytes huge = a.alice.request(Method::kRefresh, flag(AttributeType::kSoftware, Bytes(kMaxRequestSize)));
  EXPECT_TRUE(a.alice.send(kNow, huge).bytes.empty());
}

TEST(TurnServer, AnswersBinding) {
  Alone a;
  const Answer answer = a.alice.send(kNow, MessageWriter(Class::kRequest, Method::kBinding, {}).take());
  EXPECT_EQ(answer.address(AttributeType::kXorMappedAddress), udp_client(1).client);
}

TEST(TurnServer, ForgetsTheAllocationOfAConnectionThatCloses) {
  SeededRandom random(1);
  Server server(config(), random);
  Talker alice(server, tcp_client(1, 5), {"alice", "secret"});
  ASSERT_TRUE(alice.allocate(kNow).ok());
  server.handle_closed(kNow, alice.at());
  server.handle_closed(kNow, alice.at());
  EXPECT_EQ(server.allocations(), 0U);
}

TEST(TurnServer, AnswersBindingAloneUntilItIsProvedWhereItIs) {
  SeededRandom random(1);
  ServerConfig unproved = config();
  unproved.external.clear();
  unproved.tells_bindings = true;
  Server server(unproved, random);
  Talker client(server, udp_client(1), {"alice", "secret"});
  EXPECT_TRUE(client.allocate(kNow).bytes.empty());
  EXPECT_FALSE(server.accepts_sessions(kWall));
  EXPECT_EQ(server.open_session(kNow, peer(1), {}, peer(2), IpAddress::Family::kV4).error(), RefusalReason::kNoAddress);

  const TransactionId id{1, 2, 3};
  EXPECT_TRUE(client.send(kNow, MessageWriter(Class::kRequest, Method::kBinding, id).take()).ok());
  const auto binding = server.poll_binding();
  ASSERT_TRUE(binding);
  EXPECT_EQ(binding->id, id);
  EXPECT_EQ(binding->from, udp_client(1));

  server.set_external({kExternal});
  EXPECT_TRUE(server.accepts_sessions(kWall));
  EXPECT_TRUE(client.allocate(kNow).ok());
  server.set_external({});
  EXPECT_FALSE(server.accepts_sessions(kWall));
  EXPECT_TRUE(client.refresh(kNow, 10min).ok()) << "who is here is served to the end";
}

TEST(TurnServer, EndsASessionWhoseTwoEndsHaveReleasedIt) {
  Pair pair;
  EXPECT_TRUE(pair.requester.refresh(kNow, 0s).ok());
  EXPECT_EQ(pair.server.sessions(), 1U);
  EXPECT_TRUE(pair.responder.refresh(kNow, 0s).ok());
  EXPECT_EQ(pair.server.poll_event()->reason, EndReason::kReleased);
  EXPECT_EQ(pair.server.sessions(), 0U);
}

}  // namespace
}  // namespace turnpike::turn
