// A network of kad::Nodes in virtual time, for the tests and the benchmark beside this: every message is written and
// read again, takes its time, and is counted.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "core/kad/kad_test_support.h"
#include "core/kad/node.h"

namespace turnpike::kad {

class NodeNetwork {
 public:
  static constexpr Duration kOneWay = std::chrono::milliseconds(40);
  static constexpr Duration kDialTime = std::chrono::seconds(5);  ///< Until a dead address is given up.

  struct Member {
    Peer peer;
    IpAddress at;
    std::unique_ptr<Node> node;
    bool alive = true;
    bool serves = true;
    std::vector<FoundProvider> found = {};
    std::vector<FindEnded> ended = {};
    std::optional<Instant> wakes = {};
  };
  struct Count {
    std::uint64_t messages = 0;  ///< Requests, and answers where there are any.
    std::uint64_t bytes = 0;
    std::map<Type, std::uint64_t> by_type = {};  ///< Requests.
  };

  explicit NodeNetwork(std::uint64_t seed = 1) : random_(seed) {}

  /// It knows `introducer` at first, if one is named.
  std::size_t add(std::optional<std::size_t> introducer = {}) {
    const auto number = static_cast<std::uint32_t>(members_.size());
    const Peer self = peer(number);
    members_.push_back({self, address_of(number), std::make_unique<Node>(now_, self.id, random_)});
    numbers_.emplace(self.id, number);
    members_.back().node->set_addresses(now_, self.addresses);
    if (introducer) meet(number, *introducer);
    return number;
  }
  void meet(std::size_t a, std::size_t b) {
    for (const auto& [who, whom] : {std::pair(a, b), std::pair(b, a)}) {
      members_[who].node->handle_peer(now_, members_[whom].peer, members_[whom].at, members_[whom].serves);
      pump(who);
    }
  }
  void tell(std::size_t who, const std::function<void(Node&, Instant)>& change) {
    change(*members_[who].node, now_);
    pump(who);
  }
  void run(Duration time) {
    const Instant end = now_ + time;
    while (!queue_.empty() && queue_.begin()->first <= end) {
      now_ = queue_.begin()->first;
      const auto happens = std::move(queue_.begin()->second);
      queue_.erase(queue_.begin());
      happens();
    }
    now_ = end;
  }

  [[nodiscard]] Member& operator[](std::size_t who) { return members_[who]; }
  [[nodiscard]] std::size_t size() const { return members_.size(); }
  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] Count& count() { return count_; }
  /// From now on only what this one asks, and is answered, is counted.
  void watch(std::size_t who) { watched_ = who; }
  [[nodiscard]] std::size_t busiest() const { return busiest_; }  ///< Asks of one node under way at once.

 private:
  void at(Instant when, std::function<void()> what) { queue_.emplace(when, std::move(what)); }

  Message carried(std::size_t asker, const Message& message) {
    const Bytes bytes = encode(message);
    if (!watched_ || *watched_ == asker) {
      ++count_.messages;
      count_.bytes += bytes.size();
    }
    ByteReader in(bytes);
    return *decode(in.take(static_cast<std::size_t>(in.varint())));
  }

  void pump(std::size_t who) {
    Member& member = members_[who];
    if (!member.alive) return;
    while (auto ask = member.node->poll_ask(now_)) send(who, *std::move(ask));
    while (auto event = member.node->poll_event()) {
      if (auto* found = std::get_if<FoundProvider>(&*event)) member.found.push_back(std::move(*found));
      if (auto* ended = std::get_if<FindEnded>(&*event)) member.ended.push_back(*ended);
    }
    busiest_ = std::max(busiest_, member.node->asks());
    const auto next = member.node->poll_timeout();
    if (!next || (member.wakes && *member.wakes <= *next && *member.wakes > now_)) return;
    member.wakes = std::max(*next, now_ + Duration(1));
    at(*member.wakes, [this, who] {
      members_[who].node->handle_timeout(now_);
      pump(who);
    });
  }

  void send(std::size_t from, Ask ask) {
    const auto to = numbers_.find(ask.peer.id);
    if (to == numbers_.end() || !members_[to->second].alive || ask.peer.addresses.empty()) {
      at(now_ + kDialTime, [this, from, id = ask.id] {
        members_[from].node->handle_failure(now_, id);
        pump(from);
      });
      return;
    }
    at(now_ + kOneWay, [this, from, to = to->second, ask = std::move(ask)] { arrive(from, to, ask); });
  }

  void arrive(std::size_t from, std::size_t to, const Ask& ask) {
    meet(from, to);
    std::optional<Message> answer;
    for (const Message& request : ask.messages) {
      ++count_.by_type[request.type];
      auto said =
          members_[to].node->handle_request(now_, {members_[from].peer.id, members_[from].at}, carried(from, request));
      if (said && *said) answer = carried(from, **said);
    }
    pump(to);
    at(now_ + kOneWay, [this, from, to, id = ask.id, answer = std::move(answer)] {
      Node& node = *members_[from].node;
      if (answer) {
        node.handle_answer(now_, id, members_[to].at, *answer);
      } else {
        node.handle_sent(now_, id);
      }
      pump(from);
    });
  }

  SeededRandom random_;
  Instant now_{std::chrono::hours(1)};
  std::vector<Member> members_;
  std::map<identity::AnyPeerId, std::size_t> numbers_;
  std::multimap<Instant, std::function<void()>> queue_;
  Count count_;
  std::optional<std::size_t> watched_;
  std::size_t busiest_ = 0;
};

}  // namespace turnpike::kad
