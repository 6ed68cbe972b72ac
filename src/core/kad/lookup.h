// One look-up: asks ever closer peers until the closest that are known have answered, or its time is up.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/time.h"
#include "core/kad/key.h"
#include "core/kad/message.h"

namespace turnpike::kad {

constexpr std::size_t kParallel = 3;                          ///< alpha: questions under way at once.
constexpr Duration kLookupTime = std::chrono::seconds(60);    ///< For all of it.
constexpr Duration kQuestionTime = std::chrono::seconds(10);  ///< For one peer, its dialling included.
constexpr std::size_t kMaxCandidates = 128;                   ///< Held at once; the farthest are dropped.
constexpr std::size_t kMaxQuestions = 100;                    ///< Asked in one look-up, however it goes on.
constexpr std::size_t kMaxCandidatesPerNetwork = 8;           ///< Of a /24 or /48 of the world: ids are free.
constexpr std::size_t kMaxFound = 64;                         ///< Providers held.

struct LookupOptions {
  Type type = Type::kGetProviders;  ///< Or kFindNode.
  std::size_t enough = kMaxFound;   ///< It ends once so many providers are found.
};

/// A question to send, on a stream of its own: encode({type, key}).
struct Question {
  Peer peer;
  Message message;
};

/// A machine in the sense of base/machine.h whose messages are values.
class Lookup {
 public:
  /// `key` is a provider key or a peer id's bytes. `self` is never asked.
  Lookup(Instant now, const identity::AnyPeerId& self, Bytes key, const std::vector<Peer>& seeds,
         const LookupOptions& options = {});

  /// `at` is where the peer answered from: it is believed of no nearer address (realm.h). Answers of peers that were
  /// not asked, or whose time was up, change nothing.
  void handle_answer(Instant now, const identity::AnyPeerId& from, const IpAddress& at, const Message& answer);
  /// It could not be reached, or did not answer rightly.
  void handle_failure(Instant now, const identity::AnyPeerId& peer);
  void handle_timeout(Instant now);

  [[nodiscard]] std::optional<Question> poll_question(Instant now);
  /// A provider that was not told before.
  [[nodiscard]] std::optional<Peer> poll_found();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  [[nodiscard]] bool is_over() const { return over_; }
  /// Its time was up before the closest had answered: what was found stands, but may not be all.
  [[nodiscard]] bool is_cut_short() const { return cut_short_; }
  /// Those that answered, the closest first, at most kReplication: whom to tell of a store.
  [[nodiscard]] std::vector<Peer> closest() const;
  [[nodiscard]] const std::vector<Peer>& found() const { return found_; }
  [[nodiscard]] std::size_t questions() const { return questions_; }
  /// The longest chain of answers that led to a peer that was asked: 1 for the seeds.
  [[nodiscard]] std::size_t hops() const { return hops_; }

 private:
  enum class State : std::uint8_t { kUnasked, kAsked, kAnswered, kFailed };
  struct Candidate {
    Peer peer;
    State state = State::kUnasked;
    Instant deadline;
    std::size_t hop = 1;
    std::optional<IpAddress> network;
  };
  using Candidates = std::map<Digest, Candidate>;  // by distance to the target

  [[nodiscard]] Candidates::iterator find(const identity::AnyPeerId& peer);
  void consider(Peer peer, std::size_t hop, bool seed);
  void take_providers(const Message& answer, const IpAddress& told_at);
  void settle();

  Place target_;
  Bytes key_;
  Place self_;
  LookupOptions options_;
  Instant deadline_;
  Candidates candidates_;
  std::vector<Peer> found_;
  std::size_t told_ = 0;
  std::size_t asked_ = 0;
  std::size_t questions_ = 0;
  std::size_t hops_ = 0;
  bool over_ = false;
  bool cut_short_ = false;
};

}  // namespace turnpike::kad
