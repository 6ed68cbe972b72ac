// Whom a node could connect to, however it heard of them, and in which order it does: the nearer and the surer way of
// hearing first, a few at a time, and no more than it takes to live without any bootstrap.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "core/contacts/remembered.h"
#include "core/path/backoff.h"
#include "core/path/found.h"

namespace turnpike::contacts {

using identity::PeerId;

constexpr std::size_t kMaxContacts = 1024;  ///< Heard of; the least sure ones make room.
constexpr std::size_t kEnough = 8;          ///< With so many connected nobody more is dialled for company.
constexpr std::size_t kMaxDials = 3;        ///< Under way at once.
constexpr Duration kFirstRetry = std::chrono::seconds(15);
constexpr Duration kRetryLimit = std::chrono::minutes(30);

struct Dial {
  PeerId peer;
  std::vector<Endpoint> tcp;
  path::Found found = path::Found::kKnown;
};

/// A pure machine: after every call that takes a time, drain poll_dial, then sleep until poll_timeout. `random`
/// outlives it.
class Contacts {
 public:
  Contacts(const PeerId& self, Random& random) : self_(self), random_(random) {}

  /// Of an earlier run. Those met last are tried first.
  void remember(const std::vector<Remembered>& peers);
  /// Somebody says that it answers there. The surest way of hearing of it counts.
  void learn(Instant now, const PeerId& peer, path::Found found, const std::vector<Endpoint>& tcp);
  void handle_connected(Instant now, const PeerId& peer);
  void handle_disconnected(Instant now, const PeerId& peer);
  /// It has told where it answers, on a connection of its own: worth remembering.
  void handle_met(Now now, const PeerId& peer, std::vector<Endpoint> tcp);
  void handle_dialled(Instant now, const PeerId& peer, bool well);
  /// The network changed: nobody waits any longer.
  void retry_now();

  [[nodiscard]] std::optional<Dial> poll_dial(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  /// Whom to remember, those met last first; at most kMaxRemembered.
  [[nodiscard]] std::vector<Remembered> remembered() const;
  [[nodiscard]] std::size_t size() const { return contacts_.size(); }
  [[nodiscard]] std::size_t connected() const { return connected_; }
  [[nodiscard]] bool wants_company() const { return connected_ < kEnough; }

 private:
  struct Contact {
    path::Found found = path::Found::kInbound;
    std::vector<Endpoint> tcp;
    std::uint64_t met = 0;  // unix ms; zero: never
    bool connected = false;
    bool dialling = false;
    path::Backoff backoff{kFirstRetry, kRetryLimit};
    std::size_t failures = 0;
    Instant next_try;
    std::uint64_t salt = 0;
  };
  using Table = std::map<PeerId, Contact>;

  Contact* open(const PeerId& peer, path::Found found);
  [[nodiscard]] static bool may_be_dialled(const Contact& contact);

  PeerId self_;
  Random& random_;
  Table contacts_;
  std::size_t connected_ = 0;
  std::size_t dialling_ = 0;
};

}  // namespace turnpike::contacts
