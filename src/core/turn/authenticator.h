// Who sent a request (RFC 8489, section 9.2, the long-term credential mechanism): an end of a session or a static user.
#pragma once

#include <string>
#include <vector>

#include "core/turn/allocations.h"
#include "core/turn/attribute.h"
#include "core/turn/nonce.h"
#include "core/turn/sessions.h"

namespace turnpike::turn {

/// A name and password of the operator's, for foreign clients. Neither is empty; the name has no colon.
struct StaticUser {
  std::string name;
  std::string password;

  /// "NAME:PASSWORD".
  [[nodiscard]] static std::optional<StaticUser> parse(std::string_view text);
};

constexpr std::size_t kMaxRealmSize = 32;  ///< So that a 401 stays below kMaxUnauthenticatedAnswer.
constexpr std::size_t kMaxUnauthenticatedAnswer = 160;

/// Who signed a request, and how the answer is to be signed.
struct Caller {
  Holder holder;
  Bytes key;
  bool sha256 = false;
};

class Authenticator {
 public:
  /// Borrows `sessions` for life.
  Authenticator(std::string realm, std::vector<StaticUser> users, const Sessions& sessions, Random& random);

  /// 400, 401 or 438 (then with a challenge), in the order of RFC 8489, section 9.2.4.
  [[nodiscard]] Result<Caller, ErrorCode> check(Instant now, const FiveTuple& from, const MessageView& request) const;
  /// REALM, NONCE and PASSWORD-ALGORITHMS.
  void add_challenge(Instant now, const FiveTuple& to, MessageWriter& out) const;
  static void sign(const Caller& caller, MessageWriter& out);

 private:
  struct Known {
    Holder holder;
    std::string password;
  };
  [[nodiscard]] std::optional<Known> look_up(std::string_view username) const;

  std::string realm_;
  std::vector<StaticUser> users_;
  const Sessions& sessions_;
  Nonces nonces_;
};

}  // namespace turnpike::turn
