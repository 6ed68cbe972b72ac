#include "core/rendezvous/control.h"

#include <gtest/gtest.h>

namespace turnpike::rendezvous {
namespace {

using namespace std::chrono_literals;

const PeerId kPeer{{1, 2, 3}};
const store::StoreId kStore{{4, 5, 6}};
const store::Content kContent{77, {7, 8}};

Announcer announcer() {
  return {.peer = kPeer,
          .observed = *IpAddress::parse("2001:db8::7"),
          .http = {{IpAddress::v4(198, 51, 100, 1), 5001}, {*IpAddress::parse("2001:db8::7"), 5001}},
          .content = kContent,
          .seq = 99,
          .connected = true,
          .services = {{ServiceKind::kQuic, {IpAddress::v4(198, 51, 100, 1), 4001}}},
          .proving = true};
}

template <class Message>
Message again(const Message& message) {
  if constexpr (std::is_constructible_v<ClientMessage, Message>) {
    return std::get<Message>(*decode_client_message(encode(ClientMessage{message})));
  } else {
    return std::get<Message>(*decode_server_message(encode(ServerMessage{message})));
  }
}

TEST(ControlMessage, OfTheServerComesBackAsItWasWritten) {
  const auto hello = again(Hello{kPeer, {1, 2}, WallTime{1795}});
  EXPECT_EQ(hello.bootstrap, kPeer);
  EXPECT_EQ(hello.nonce, (Nonce{1, 2}));
  EXPECT_EQ(hello.time, WallTime{1795});
  EXPECT_EQ(again(Welcome{IpAddress::v4(1, 2, 3, 4)}).observed, IpAddress::v4(1, 2, 3, 4));
  EXPECT_EQ(again(RegisterOk{5, 600s}).ttl, 600s);
  EXPECT_TRUE(again(HeartbeatAck{true}).registered);
  const auto found = again(Found{6, {{kStore, {announcer()}}, {{}, {}}}});
  EXPECT_EQ(found.request, 6U);
  ASSERT_EQ(found.stores.size(), 2U);
  EXPECT_EQ(found.stores[0], (FoundStore{kStore, {announcer()}}));
  const auto inventory = again(Inventory{7, {{kStore, kContent}}, {8, 9}, true});
  EXPECT_EQ(inventory.entries, (std::vector{Entry{kStore, kContent}}));
  EXPECT_EQ(inventory.cursor, (Cursor{8, 9}));
  EXPECT_TRUE(inventory.more);
  again(InventoryChanged{});
  const auto grant = again(RelayGrant{10, {{{1}}, {{2}}, {{3}}, {4, 5, WallTime{6}}}});
  EXPECT_EQ(grant.request, 10U);
  EXPECT_EQ(grant.grant.session, relay::SessionId{{1}});
  EXPECT_EQ(grant.grant.initiator, relay::Credential{{2}});
  EXPECT_EQ(grant.grant.responder, relay::Credential{{3}});
  EXPECT_EQ(grant.grant.quote, (relay::Quote{4, 5, WallTime{6}}));
  const auto refused = again(RelayRefused{11, relay::RefusalReason::kFull, 1500ms, "later"});
  EXPECT_EQ(refused.reason, relay::RefusalReason::kFull);
  EXPECT_EQ(refused.retry_after, 1500ms);
  EXPECT_EQ(refused.suggestion, "later");
  EXPECT_EQ(again(Signal{kPeer, {1, 2, 3}}).sealed, (Bytes{1, 2, 3}));
  const auto error = again(Error{12, ErrorCode::kTooFast, 20ms, "slowly"});
  EXPECT_EQ(error.code, ErrorCode::kTooFast);
  EXPECT_EQ(error.request, 12U);
}

TEST(ControlMessage, OfTheClientComesBackAsItWasWritten) {
  EXPECT_EQ(again(Authenticate{{1, 2}}).statement, (Bytes{1, 2}));
  EXPECT_EQ(again(Register{3, {4, 5}}).statement, (Bytes{4, 5}));
  again(Heartbeat{});
  const auto lookup = again(Lookup{6, {kStore, {}}});
  EXPECT_EQ(lookup.request, 6U);
  EXPECT_EQ(lookup.ids, (std::vector{kStore, store::StoreId{}}));
  EXPECT_EQ(again(InventorySince{7, {8, 9}}).cursor, (Cursor{8, 9}));
  EXPECT_EQ(again(OpenRelay{10, kPeer}).target, kPeer);
  const auto signal = again(SignalTo{11, kPeer, {1}});
  EXPECT_EQ(signal.target, kPeer);
  EXPECT_EQ(signal.sealed, Bytes{1});
}

TEST(ControlMessage, FitsAFrameAtItsLargest) {
  Announcer largest = announcer();
  largest.http.assign(kMaxHttpEndpoints, {*IpAddress::parse("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), 65535});
  largest.services.assign(kMaxServices, {ServiceKind::kTurnTcp, largest.http[0]});
  largest.content.size = store::kMaxStoreSize;
  largest.seq = ~std::uint64_t{0};
  const FoundStore store{kStore, std::vector(kMaxAnnouncersPerStore, largest)};
  const Bytes found = encode(ServerMessage{Found{~std::uint64_t{0}, std::vector(kMaxIdsPerLookup, store)}});
  EXPECT_LE(found.size(), kMaxMessageSize);
  EXPECT_TRUE(decode_server_message(found));
  const Inventory inventory{
      ~std::uint64_t{0}, std::vector(kMaxInventoryPage, Entry{kStore, kContent}), {~0ULL, ~0ULL}, true};
  EXPECT_LE(encode(ServerMessage{inventory}).size(), kMaxMessageSize);
}

TEST(ControlMessage, IsRefusedAboveEachLimit) {
  const auto client_error = [](const ClientMessage& message) { return decode_client_message(encode(message)).error(); };
  const auto server_error = [](const ServerMessage& message) { return decode_server_message(encode(message)).error(); };
  EXPECT_EQ(decode_client_message(Bytes(kMaxMessageSize + 1)).error(), ControlError::kTooLarge);
  EXPECT_EQ(decode_server_message(Bytes(kMaxMessageSize + 1)).error(), ControlError::kTooLarge);
  EXPECT_EQ(client_error(Lookup{1, std::vector(kMaxIdsPerLookup + 1, kStore)}), ControlError::kOverLimit);
  EXPECT_EQ(client_error(SignalTo{1, kPeer, Bytes(kMaxSignalSize + 1)}), ControlError::kOverLimit);
  EXPECT_EQ(server_error(Signal{kPeer, Bytes(kMaxSignalSize + 1)}), ControlError::kOverLimit);
  EXPECT_EQ(server_error(Found{1, std::vector(kMaxIdsPerLookup + 1, FoundStore{})}), ControlError::kOverLimit);
  EXPECT_EQ(server_error(Found{1, {{kStore, std::vector(kMaxAnnouncersPerStore + 1, announcer())}}}),
            ControlError::kOverLimit);
  Announcer wide = announcer();
  wide.http.assign(kMaxHttpEndpoints + 1, wide.http[0]);
  EXPECT_EQ(server_error(Found{1, {{kStore, {wide}}}}), ControlError::kOverLimit);
  wide = announcer();
  wide.services.assign(kMaxServices + 1, wide.services[0]);
  EXPECT_EQ(server_error(Found{1, {{kStore, {wide}}}}), ControlError::kOverLimit);
  EXPECT_EQ(server_error(Inventory{1, std::vector(kMaxInventoryPage + 1, Entry{kStore, kContent}), {}, false}),
            ControlError::kOverLimit);
  EXPECT_EQ(std::get<Error>(
                *decode_server_message(encode(ServerMessage{Error{0, ErrorCode::kFull, 0ms, std::string(999, 'x')}})))
                .text.size(),
            kMaxTextSize);
}

TEST(ControlMessage, IsMalformedWhereAFieldHasNoMeaning) {
  const auto malformed = [](ByteView frame) {
    const auto read = decode_client_message(frame);
    return !read && read.error() == ControlError::kMalformed;
  };
  EXPECT_TRUE(malformed(Bytes{0xff}));
  EXPECT_TRUE(malformed(Bytes{0x2a, 1, 9}));                                           // a store id of one byte
  EXPECT_TRUE(malformed(Bytes{0x3a, 1, 9}));                                           // a peer id of one byte
  EXPECT_TRUE(malformed(Bytes{0x42, 0}));                                              // a signal to nobody
  EXPECT_EQ(decode_server_message(Bytes{0x12, 0}).error(), ControlError::kMalformed);  // an empty Hello
  EXPECT_EQ(decode_server_message(Bytes{0x62, 0}).error(), ControlError::kMalformed);  // an error without a code
}

TEST(ControlMessage, OfANewerKindIsToldApart) {
  for (const Bytes& frame : {Bytes{}, Bytes{0x08, 5}, Bytes{0xfa, 0x01, 0x00}}) {
    EXPECT_EQ(decode_client_message(frame).error(), ControlError::kUnknownKind);
    EXPECT_EQ(decode_server_message(frame).error(), ControlError::kUnknownKind);
  }
}

TEST(ControlMessage, CarriesWhoRelays) {
  const Service udp{ServiceKind::kTurnUdp, {IpAddress::v4(198, 51, 100, 1), 6001}};
  const TurnServers told{7, {{kPeer, {udp}}}};
  const TurnServers read = again(told);
  EXPECT_EQ(read.request, 7U);
  EXPECT_EQ(read.servers, told.servers);
  EXPECT_EQ(again(TurnServersAsk{8, std::nullopt}).about, std::nullopt);
  EXPECT_EQ(again(TurnServersAsk{8, kPeer}).about, kPeer);
  EXPECT_EQ(again(Signal{kPeer, {1}, IpAddress::v4(203, 0, 113, 9)}).observed, IpAddress::v4(203, 0, 113, 9));
  EXPECT_EQ(again(Signal{kPeer, {1}}).observed, std::nullopt);
  const auto server_error = [](const ServerMessage& message) { return decode_server_message(encode(message)).error(); };
  EXPECT_EQ(server_error(TurnServers{1, std::vector<TurnServer>(kMaxTurnServers + 1, TurnServer{kPeer, {udp}})}),
            ControlError::kOverLimit);
  EXPECT_EQ(server_error(TurnServers{1, {{kPeer, std::vector<Service>(kMaxServices + 1, udp)}}}),
            ControlError::kOverLimit);
}

}  // namespace
}  // namespace turnpike::rendezvous
