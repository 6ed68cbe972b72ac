// A server, its two pinned peers and a way to talk to it, for the tests beside. Time is a number.
#pragma once

#include <functional>
#include <string>

#include "core/stun/integrity.h"
#include "core/turn/server.h"

namespace turnpike::turn::testing {

using namespace std::chrono_literals;

inline constexpr Instant kStart{1h};
inline constexpr WallTime kWall{1'795'000'000'000};
inline constexpr Now kNow{kStart, kWall};
inline constexpr IpAddress kExternal = IpAddress::v4(198, 51, 100, 1);
inline const IpAddress kExternalV6 = *IpAddress::parse("2001:db8::1");

[[nodiscard]] inline Now later(Duration time) {
  return {kStart + time, {kWall.unix_ms + static_cast<std::uint64_t>(time.count() / 1000)}};
}

[[nodiscard]] inline FiveTuple udp_client(std::uint8_t host, std::uint16_t port = 40'000) {
  return {.client = {IpAddress::v4(203, 0, host, 7), port}, .local = {}, .link = 0, .transport = Transport::kUdp};
}
[[nodiscard]] inline FiveTuple tcp_client(std::uint8_t host, std::uint32_t link) {
  return {.client = {IpAddress::v4(203, 0, host, 7), 40'000}, .local = {}, .link = link, .transport = Transport::kTcp};
}

[[nodiscard]] inline PeerId peer(std::uint8_t number) {
  Digest seed{};
  seed[0] = number;
  return {crypto::SigningKey(seed).public_key()};
}

[[nodiscard]] inline ServerConfig config() {
  ServerConfig out;
  out.external = {kExternal, kExternalV6};
  out.users = {{"alice", "secret"}, {"bob", "other"}};
  return out;
}

/// An answer, owned.
struct Answer {
  Bytes bytes;

  [[nodiscard]] MessageView view() const { return *MessageView::parse(bytes); }
  [[nodiscard]] bool ok() const { return !bytes.empty() && view().message_class() == Class::kSuccess; }
  [[nodiscard]] std::optional<ErrorCode> error() const {
    if (bytes.empty()) return std::nullopt;
    const auto value = view().find(AttributeType::kErrorCode);
    return value ? std::optional(stun::read_error(*value)->code) : std::nullopt;
  }
  [[nodiscard]] std::string text(AttributeType type) const { return std::string(text_of(*view().find(type))); }
  [[nodiscard]] std::optional<Endpoint> address(AttributeType type) const {
    const auto value = view().find(type);
    return value ? stun::read_xor_address(*value, view().id()) : std::nullopt;
  }
  [[nodiscard]] Duration lifetime() const { return *read_lifetime(*view().find(AttributeType::kLifetime)); }
};

/// What a request says beyond its method. Written by hand, so that it can be wrong.
using Fill = std::function<void(MessageWriter&)>;

/// One client's side of the conversation with `server`: keeps realm, nonce and transaction ids.
class Talker {
 public:
  Talker(Server& server, FiveTuple at, Credential credential)
      : server_(server), at_(at), credential_(std::move(credential)) {}

  /// Signed, once there was a challenge. Other clients' messages that come out meanwhile are kept for `deliveries`.
  Answer ask(Now now, Method method, const Fill& fill = {}) {
    Answer answer = send(now, request(method, fill));
    const auto code = answer.error();
    if (code != ErrorCode::kUnauthenticated && code != ErrorCode::kStaleNonce) return answer;
    if (!take_challenge(answer)) return answer;
    return send(now, request(method, fill));
  }

  [[nodiscard]] Bytes request(Method method, const Fill& fill) {
    ++id_[0];
    id_[1] = static_cast<std::uint8_t>(at_.client.address.octets[2]);
    MessageWriter out(Class::kRequest, method, id_);
    if (fill) fill(out);
    sign(out);
    return std::move(out).take();
  }
  void sign(MessageWriter& out) const {
    if (nonce.empty()) return;
    out.add(AttributeType::kUsername, credential_.username);
    out.add(AttributeType::kRealm, realm);
    out.add(AttributeType::kNonce, nonce);
    stun::add_integrity(out, key());
  }
  [[nodiscard]] Bytes key() const {
    return stun::long_term_key(stun::PasswordAlgorithm::kMd5, credential_.username, realm, credential_.password);
  }
  bool take_challenge(const Answer& answer) {
    if (!answer.view().has(AttributeType::kNonce)) return false;
    realm = answer.text(AttributeType::kRealm);
    nonce = answer.text(AttributeType::kNonce);
    return true;
  }

  /// Sends anything; the answer is what comes back to this client. Empty when nothing does.
  Answer send(Now now, ByteView message) {
    server_.handle_message(now, at_, message);
    Answer answer;
    while (auto out = server_.poll_transmit()) {
      if (out->to == at_ && answer.bytes.empty()) {
        answer.bytes = std::move(out->payload);
      } else {
        others.push_back(*std::move(out));
      }
    }
    return answer;
  }

  Answer allocate(Now now, const Fill& more = {}) {
    return ask(now, Method::kAllocate, [&](MessageWriter& out) {
      add_requested_transport(out);
      if (more) more(out);
    });
  }
  Answer refresh(Now now, Duration lifetime) {
    return ask(now, Method::kRefresh, [&](MessageWriter& out) { add_lifetime(out, lifetime); });
  }
  Answer permit(Now now, const Endpoint& who) {
    return ask(now, Method::kCreatePermission,
               [&](MessageWriter& out) { stun::add_xor_address(out, AttributeType::kXorPeerAddress, who); });
  }
  Answer bind(Now now, ChannelNumber number, const Endpoint& who) {
    return ask(now, Method::kChannelBind, [&](MessageWriter& out) {
      add_channel_number(out, number);
      stun::add_xor_address(out, AttributeType::kXorPeerAddress, who);
    });
  }
  void send_indication(Now now, const Endpoint& to, ByteView data) {
    MessageWriter out(Class::kIndication, Method::kSend, id_);
    stun::add_xor_address(out, AttributeType::kXorPeerAddress, to);
    out.add(AttributeType::kData, data);
    (void)send(now, std::move(out).take());
  }
  void send_channel(Now now, ChannelNumber number, ByteView data) {
    Bytes out;
    const auto header = channel_header(number, data.size());
    out.insert(out.end(), header.begin(), header.end());
    out.insert(out.end(), data.begin(), data.end());
    (void)send(now, out);
  }

  [[nodiscard]] const FiveTuple& at() const { return at_; }

  std::string realm;
  std::string nonce;
  std::vector<Outgoing> others;  ///< What went to somebody else.

 private:
  Server& server_;
  FiveTuple at_;
  Credential credential_;
  TransactionId id_{};
};

/// Two peers in one session, both allocated.
struct Pair {
  SeededRandom random{1};
  Server server;
  Opened opened;
  Talker requester;
  Talker responder;

  explicit Pair(const ServerConfig& server_config = config(), FiveTuple a = udp_client(1), FiveTuple b = udp_client(2))
      : server(server_config, random),
        opened(*server.open_session(kNow, peer(1), a.client.address, peer(2), IpAddress::Family::kV4)),
        requester(server, a, opened.requester),
        responder(server, b, opened.responder) {
    (void)requester.allocate(kNow);
    (void)responder.allocate(kNow);
  }
  [[nodiscard]] const Endpoint& requester_relayed() const { return opened.grant.requester_relayed; }
  [[nodiscard]] const Endpoint& responder_relayed() const { return opened.grant.responder_relayed; }
};

}  // namespace turnpike::turn::testing
