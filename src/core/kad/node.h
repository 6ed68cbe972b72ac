// One node of the DHT: keeps its table alive, looks stores up, tells of its own at a pace, and answers what it is
// asked.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "base/random.h"
#include "core/kad/allowance.h"
#include "core/kad/lookup.h"
#include "core/kad/server.h"

namespace turnpike::kad {

constexpr std::size_t kMaxAsks = 48;       ///< Under way at once, over all look-ups and announcements.
constexpr std::size_t kMaxFinds = 4;       ///< Look-ups of stores at once,
constexpr std::size_t kMaxWaiting = 1024;  ///< those that wait for theirs, and those looked up lately.
/// Between two look-ups of one store, and twice as long after each that found nobody.
constexpr Duration kFindAgain = std::chrono::seconds(20);
constexpr Duration kFindAgainLimit = std::chrono::minutes(10);
constexpr std::size_t kFindBurst = 64;                         ///< Look-ups that may begin at once,
constexpr Duration kFindGap = std::chrono::milliseconds(250);  ///< and then so often.
/// Announcing one store takes some thirty questions and twenty messages. A node of 20,000 stores takes 17 hours for
/// all.
constexpr std::size_t kTellBurst = 32;
constexpr Duration kTellGap = std::chrono::seconds(3);
/// Where the whole network is fewer than kReplication, everybody is told of everything: so many stores a message
/// stream.
constexpr std::size_t kMaxBatch = 64;
constexpr Duration kWholeNetworkTime = std::chrono::minutes(10);  ///< For so long that is believed of it.
/// Between two looks around: soon after somebody new was met, and ever more rarely while nobody is.
constexpr Duration kFirstRefresh = std::chrono::seconds(15);
constexpr Duration kRefresh = std::chrono::minutes(10);
constexpr Duration kUnheard = std::chrono::minutes(15);  ///< A contact silent for so long is asked if it lives,
constexpr std::size_t kMaxPings = 8;                     ///< at most so many a look around.

struct AskId {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const AskId&, const AskId&) = default;
};

/// Send the messages to the peer, in order, on one stream. Where an answer is expected it is to the only message;
/// otherwise the ask is done once all are sent.
struct Ask {
  AskId id;
  Peer peer;
  std::vector<Message> messages;
  bool is_answered = true;
};

/// `provider` has said that it has `store`.
struct FoundProvider {
  Digest store{};
  Peer provider;
};
/// A look-up of a store is over.
struct FindEnded {
  Digest store{};
  std::size_t providers = 0;
  std::size_t questions = 0;
  std::size_t hops = 0;
  bool cut_short = false;
};
using NodeEvent = std::variant<FoundProvider, FindEnded>;

/// A machine in the sense of base/machine.h whose messages are values: after every call that takes `now`, drain
/// poll_ask and poll_event, then sleep until poll_timeout. `random` outlives it.
class Node {
 public:
  Node(Instant now, identity::AnyPeerId self, Random& random);

  // What happened.
  /// A peer has proved who it is on a connection from `seen`, and told its addresses and whether it serves kProtocol.
  void handle_peer(Instant now, const Peer& peer, const IpAddress& seen, bool serves);
  /// `at` is where the peer is that answered.
  void handle_answer(Instant now, AskId ask, const IpAddress& at, const Message& answer);
  /// All was sent, and nothing is to come.
  void handle_sent(Instant now, AskId ask);
  /// It could not be reached, or did not answer rightly.
  void handle_failure(Instant now, AskId ask);
  void handle_timeout(Instant now);
  /// As Server::answer. Only while this node serves.
  [[nodiscard]] Result<std::optional<Message>, Refused> handle_request(Instant now, const Asker& asker,
                                                                       const Message& request);

  // What is wanted.
  /// Where others can reach this node. Without any nothing is announced; when they change, everything is again.
  void set_addresses(Instant now, std::vector<multiaddr::Multiaddr> addresses);
  void offer(Instant now, const Digest& store);
  void withdraw(const Digest& store);
  /// Looks for who has it, in its turn and once anybody is known. False: too many wait, or it was looked for a moment
  /// ago; ask again later.
  bool find(Instant now, const Digest& store);

  [[nodiscard]] std::optional<Ask> poll_ask(Instant now);
  [[nodiscard]] std::optional<NodeEvent> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  // Getters.
  [[nodiscard]] const Table& table() const { return table_; }
  [[nodiscard]] std::size_t records() const { return providers_.size(); }
  [[nodiscard]] std::size_t offered() const { return offers_.size(); }
  [[nodiscard]] std::size_t asks() const { return asks_.size(); }

 private:
  enum class Purpose : std::uint8_t { kFind, kTell, kLookAround };
  struct Search {
    Purpose purpose = Purpose::kFind;
    Digest store{};
    Lookup lookup;
    std::vector<identity::AnyPeerId> told = {};  // providers
  };
  struct Telling {
    std::vector<Digest> stores;
    std::deque<Peer> peers;  // not told yet
    std::size_t open = 0;    // being told
    std::size_t reached = 0;
  };
  struct Looked {
    bool under_way = true;
    Instant again;
    Duration gap = kFindAgain;
  };
  struct Pending {
    identity::AnyPeerId peer;
    std::optional<std::uint64_t> search;  // else it is the telling, or a sign of life
    bool telling = false;
    Instant deadline;
  };

  void pump(Instant now);
  void start_find(Instant now, const Digest& store);
  void start_telling(Instant now);
  void tell(Instant now, std::vector<Digest> stores, const std::vector<Peer>& peers);
  void look_around(Instant now);
  void begin(Instant now, Purpose purpose, const Digest& store, Bytes key);
  void found(Search& search, Peer provider);
  void settle(Instant now);
  void finish(Instant now, Search& search);
  void finish_telling(Instant now);
  [[nodiscard]] std::optional<Ask> next_ask(Instant now);
  [[nodiscard]] Ask to_tell(const Peer& peer) const;
  std::optional<Pending> take(AskId ask);
  void end_ask(Instant now, const Pending& pending, bool well);
  [[nodiscard]] bool is_under_way(Purpose purpose) const;
  [[nodiscard]] std::size_t finds() const;
  [[nodiscard]] bool may_find() const;
  [[nodiscard]] bool may_tell() const;

  Peer self_;
  Random& random_;
  Table table_;
  Providers providers_;
  Offers offers_;
  Allowance find_allowance_{kFindBurst, kFindGap};
  Allowance tell_allowance_{kTellBurst, kTellGap};
  std::map<std::uint64_t, Search> searches_;
  std::optional<Telling> telling_;
  std::deque<Peer> pings_;
  std::map<AskId, Pending> asks_;
  std::uint64_t numbers_ = 0;
  std::deque<Digest> waiting_;
  std::map<Digest, Looked> looked_;  // the waiting ones too
  std::vector<Peer> whole_network_;
  Instant whole_until_;
  std::optional<Instant> next_look_;
  Duration look_gap_ = kFirstRefresh;
  std::deque<NodeEvent> events_;
};

}  // namespace turnpike::kad
