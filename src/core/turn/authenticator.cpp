#include "core/turn/authenticator.h"

#include <algorithm>

#include "core/stun/integrity.h"

namespace turnpike::turn {
namespace {

using stun::PasswordAlgorithm;

constexpr std::array kOffered{PasswordAlgorithm::kSha256, PasswordAlgorithm::kMd5};

// Which hash makes the key; nothing when what the client says of it is not what we offered: somebody between may have
// struck out the better one (RFC 8489, section 9.2.4).
std::optional<PasswordAlgorithm> agreed_algorithm(const MessageView& request) {
  const auto list = request.find(AttributeType::kPasswordAlgorithms);
  const auto choice = request.find(AttributeType::kPasswordAlgorithm);
  if (!list && !choice) return PasswordAlgorithm::kMd5;
  if (!list || !choice) return std::nullopt;
  const auto offered = stun::read_password_algorithms(*list);
  if (!offered || !std::ranges::equal(*offered, kOffered)) return std::nullopt;
  return stun::read_password_algorithm(*choice);
}

std::optional<std::string_view> text_in(const MessageView& request, AttributeType type, std::size_t max_size) {
  const auto value = request.find(type);
  return value ? stun::read_text(*value, max_size) : std::nullopt;
}

}  // namespace

std::optional<StaticUser> StaticUser::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) return std::nullopt;
  if (colon > stun::kMaxUsernameSize) return std::nullopt;
  return StaticUser{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

Authenticator::Authenticator(std::string realm, std::vector<StaticUser> users, const Sessions& sessions, Random& random)
    : realm_(std::move(realm)), users_(std::move(users)), sessions_(sessions), nonces_(random) {
  realm_.resize(std::min(realm_.size(), kMaxRealmSize));
}

std::optional<Authenticator::Known> Authenticator::look_up(std::string_view username) const {
  if (const auto end = sessions_.find(username)) {
    const Holder holder{Holder::Kind::kSession, static_cast<std::uint8_t>(end->side), end->slot};
    return Known{holder, sessions_.password_of(username)};
  }
  const auto user = std::ranges::find(users_, username, &StaticUser::name);
  if (user == users_.end()) return std::nullopt;
  return Known{{Holder::Kind::kUser, 0, static_cast<std::uint32_t>(user - users_.begin())}, user->password};
}

Result<Caller, ErrorCode> Authenticator::check(Instant now, const FiveTuple& from, const MessageView& request) const {
  const bool sha256 = request.integrity_sha256().has_value();
  if (!sha256 && !request.integrity()) return fail(ErrorCode::kUnauthenticated);
  const auto username = text_in(request, AttributeType::kUsername, stun::kMaxUsernameSize);
  const auto realm = text_in(request, AttributeType::kRealm, stun::kMaxTextSize);
  const auto nonce = text_in(request, AttributeType::kNonce, stun::kMaxTextSize);
  const auto algorithm = agreed_algorithm(request);
  if (!username || !realm || !nonce || !algorithm) return fail(ErrorCode::kBadRequest);

  const auto known = look_up(*username);
  if (!known || *realm != realm_) return fail(ErrorCode::kUnauthenticated);
  Caller caller{known->holder, stun::long_term_key(*algorithm, *username, *realm, known->password), sha256};
  const bool signed_so = sha256 ? stun::verify_integrity_sha256(request, caller.key)  //
                                : stun::verify_integrity(request, caller.key);
  if (!signed_so) return fail(ErrorCode::kUnauthenticated);
  if (!nonces_.is_valid(now, from, *nonce)) return fail(ErrorCode::kStaleNonce);
  return caller;
}

void Authenticator::add_challenge(Instant now, const FiveTuple& to, MessageWriter& out) const {
  out.add(AttributeType::kRealm, realm_);
  out.add(AttributeType::kNonce, nonces_.make(now, to));
  stun::add_password_algorithms(out, kOffered);
}

void Authenticator::sign(const Caller& caller, MessageWriter& out) {
  if (caller.sha256) {
    stun::add_integrity_sha256(out, caller.key);
  } else {
    stun::add_integrity(out, caller.key);
  }
}

}  // namespace turnpike::turn
