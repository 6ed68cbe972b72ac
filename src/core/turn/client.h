// A TURN client (RFC 8656): makes an allocation, keeps it, its permissions and its channels, and tells their data
// apart.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/random.h"
#include "core/stun/retransmission.h"
#include "core/turn/attribute.h"

namespace turnpike::turn {

constexpr std::size_t kMaxPeers = 16;                       ///< Peers a client keeps a channel to.
constexpr int kMaxStaleNonces = 3;                          ///< In a row, to one request.
constexpr Duration kPeerRefresh = std::chrono::minutes(4);  ///< Before the permission's five are over.

/// What a server asked of us: whoever allocates there again from the same socket need not be asked a second time.
struct Challenge {
  std::string realm;
  std::string nonce;
  std::vector<stun::PasswordAlgorithm> offered;
};

struct ClientConfig {
  std::string username;
  std::string password;
  IpAddress::Family family = IpAddress::Family::kV4;  ///< Of the relayed address.
  bool reliable = false;                              ///< Over TCP or TLS: nothing is retransmitted.
  bool use_fingerprint = false;
  std::optional<Challenge> challenge{};          ///< From an earlier client's `challenge()`.
  Duration lifetime = std::chrono::minutes(10);  ///< Asked for; the server decides.
  stun::RetransmissionPolicy retransmission{};   ///< Over UDP.
};

/// One allocation over one five-tuple. Whoever owns it moves the bytes: datagrams, or frames cut out of a stream.
/// Every answer that grants something must bear the integrity of our key, or it is passed over.
class Client {
 public:
  struct Allocated {
    Endpoint relayed;
    Endpoint mapped;  ///< Where the server sees us.
    Duration lifetime;
  };
  /// Data can go and come through the channel from now on.
  struct Bound {
    Endpoint peer;
    ChannelNumber channel = 0;
  };
  struct BindRefused {
    Endpoint peer;
    std::optional<ErrorCode> code;  ///< Without one the server did not answer.
  };
  /// The server wants us elsewhere. Nothing more happens here.
  struct TryAlternate {
    Endpoint server;
  };
  /// No allocation, or no more. Nothing more happens here.
  struct Failed {
    std::optional<ErrorCode> code;  ///< Without one the server did not answer.
  };
  struct Released {};
  using Event = std::variant<Allocated, Bound, BindRefused, TryAlternate, Failed, Released>;

  /// The first Allocate leaves at once. `random` is borrowed for life.
  Client(Instant now, ClientConfig config, Random& random);

  /// Binds a channel to a peer, now or as soon as there is an allocation, and keeps it bound. False at kMaxPeers.
  bool bind(Instant now, const Endpoint& peer);
  /// Deletes the allocation. The answer, or its failing to come, is Released.
  void release(Instant now);

  /// A whole message from the server that is not data: see `receive`.
  void handle_message(Instant now, ByteView message);
  void handle_timeout(Instant now);

  /// To the server, whole messages.
  [[nodiscard]] std::optional<Bytes> poll_transmit();
  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  struct Received {
    Endpoint peer;
    ByteView data;  ///< Borrowed.
  };
  /// What `message` brings from a peer, by a channel of ours or a Data indication; nothing if it is no data.
  [[nodiscard]] std::optional<Received> receive(ByteView message) const;
  /// The number to send under, once it is bound.
  [[nodiscard]] std::optional<ChannelNumber> channel_to(const Endpoint& peer) const;
  [[nodiscard]] const std::optional<Endpoint>& relayed() const { return relayed_; }
  /// The latest one; empty before there was any.
  [[nodiscard]] const Challenge& challenge() const { return challenge_; }
  [[nodiscard]] bool is_over() const { return state_ == State::kOver; }

 private:
  enum class State : std::uint8_t { kAllocating, kAllocated, kReleasing, kOver };
  enum class Purpose : std::uint8_t { kAllocate, kRefresh, kRelease, kBind };
  struct Peer {
    Endpoint endpoint;
    ChannelNumber channel = 0;
    bool bound = false;
    std::optional<Instant> refresh_at;
  };
  struct Transaction {
    Purpose purpose{};
    TransactionId id{};
    Endpoint peer;  // of kBind
    int stale_nonces = 0;
    bool is_signed = false;
    Bytes message;
    stun::Retransmission retransmission;
  };

  void ask(Instant now, Purpose purpose, const Endpoint& peer = {}, int stale_nonces = 0);
  void handle_success(Instant now, const Transaction& transaction, const MessageView& message);
  void handle_error(Instant now, const Transaction& transaction, const MessageView& message);
  void handle_allocated(Instant now, const MessageView& message);
  void give_up(const Transaction& transaction, std::optional<ErrorCode> code);
  [[nodiscard]] bool take_challenge(const MessageView& message);
  void make_key();
  [[nodiscard]] bool is_ours(const MessageView& message) const;
  void end(Event event);
  Peer* peer_of(const Endpoint& endpoint);

  ClientConfig config_;
  Random& random_;
  State state_ = State::kAllocating;
  Challenge challenge_;
  Bytes key_;  // empty until the server has told its realm
  bool sha256_ = false;
  std::optional<Endpoint> relayed_;
  std::optional<Instant> refresh_at_;
  std::vector<Peer> peers_;
  std::vector<Transaction> transactions_;
  std::deque<Bytes> outgoing_;
  std::deque<Event> events_;
};

}  // namespace turnpike::turn
