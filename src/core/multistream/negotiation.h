// Agreeing on a protocol (multistream-select 1.0), pipelined from either side.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "core/multistream/message.h"

namespace turnpike::multistream {

/// A listener that has said `na` this often has heard enough, and a dialer proposes no more than this.
inline constexpr std::size_t kMaxProposals = 16;

enum class Outcome : std::uint8_t {
  kPending,
  kAgreed,
  kRefused,  ///< A dialer's only: the peer has none of what we proposed.
  kBroken,   ///< What came is not multistream-select, or never ends.
};

/// Proposes protocols, the best first. The header and the first proposal are there to be polled at once, and data of
/// the first proposal may be sent right behind them; what is sent early is lost if the answer is `na`.
class Dialer {
 public:
  /// Between one proposal and kMaxProposals.
  explicit Dialer(std::vector<std::string> proposals);

  /// Takes what belongs to the negotiation off the front of `in` and not a byte more: when agreed, the rest is the
  /// protocol's.
  void handle_bytes(ByteView& in);
  /// What to send, empty when there is nothing.
  [[nodiscard]] Bytes poll_write();

  [[nodiscard]] Outcome outcome() const { return outcome_; }
  /// The protocol in the air, and once agreed, the one agreed.
  [[nodiscard]] const std::string& protocol() const { return proposals_[at_]; }

 private:
  void handle_answer(const std::string& text);

  std::vector<std::string> proposals_;
  std::size_t at_ = 0;
  Outcome outcome_ = Outcome::kPending;
  bool greeted_ = false;  ///< The peer's header has come.
  MessageReader reader_;
  Bytes out_;
};

/// Accepts the first proposal it knows and answers `na` to the others, `ls` among them.
class Listener {
 public:
  /// `accepted` is borrowed, and outlives the listener.
  explicit Listener(const std::vector<std::string>& accepted) : accepted_(&accepted) {}

  /// As Dialer::handle_bytes.
  void handle_bytes(ByteView& in);
  [[nodiscard]] Bytes poll_write();

  [[nodiscard]] Outcome outcome() const { return outcome_; }
  /// Set once agreed.
  [[nodiscard]] const std::string& protocol() const { return protocol_; }
  /// The last proposal that was answered `na`.
  [[nodiscard]] const std::string& refused() const { return refused_; }

 private:
  void handle_proposal(std::string text);

  const std::vector<std::string>* accepted_;
  std::string protocol_;
  std::string refused_;
  std::size_t refusals_ = 0;
  Outcome outcome_ = Outcome::kPending;
  bool greeted_ = false;
  MessageReader reader_;
  Bytes out_;
};

}  // namespace turnpike::multistream
