#include "core/turn/client.h"

#include <algorithm>
#include <utility>

#include "core/stun/integrity.h"
#include "core/turn/nonce.h"

namespace turnpike::turn {
namespace {

constexpr std::array kKnown{
    AttributeType::kMappedAddress,
    AttributeType::kUsername,
    AttributeType::kErrorCode,
    AttributeType::kRealm,
    AttributeType::kNonce,
    AttributeType::kUnknownAttributes,
    AttributeType::kLifetime,
    AttributeType::kXorMappedAddress,
    AttributeType::kXorRelayedAddress,
    AttributeType::kXorPeerAddress,
    AttributeType::kData,
    AttributeType::kReservationToken,
};

std::optional<Endpoint> xor_address_in(const MessageView& message, AttributeType type) {
  const auto value = message.find(type);
  return value ? stun::read_xor_address(*value, message.id()) : std::nullopt;
}

std::optional<std::string> text_in(const MessageView& message, AttributeType type) {
  const auto value = message.find(type);
  const auto text = value ? stun::read_text(*value) : std::nullopt;
  return text ? std::optional(std::string(*text)) : std::nullopt;
}

}  // namespace

Client::Client(Instant now, ClientConfig config, Random& random) : config_(std::move(config)), random_(random) {
  if (config_.challenge) {
    challenge_ = *config_.challenge;
    make_key();
  }
  ask(now, Purpose::kAllocate);
}

bool Client::bind(Instant now, const Endpoint& peer) {
  if (state_ == State::kOver || state_ == State::kReleasing) return false;
  if (peer_of(peer) != nullptr) return true;
  if (peers_.size() >= kMaxPeers) return false;
  peers_.push_back({.endpoint = peer,
                    .channel = static_cast<ChannelNumber>(kFirstChannel + peers_.size()),
                    .bound = false,
                    .refresh_at = std::nullopt});
  if (state_ == State::kAllocated) ask(now, Purpose::kBind, peer);
  return true;
}

void Client::release(Instant now) {
  if (state_ == State::kAllocated) {
    state_ = State::kReleasing;
    transactions_.clear();
    refresh_at_.reset();
    for (Peer& peer : peers_) peer.refresh_at.reset();
    ask(now, Purpose::kRelease);
  } else if (state_ == State::kAllocating) {
    end(Released{});
  }
}

void Client::ask(Instant now, Purpose purpose, const Endpoint& peer, int stale_nonces) {
  const Method method = purpose == Purpose::kAllocate ? Method::kAllocate
                        : purpose == Purpose::kBind   ? Method::kChannelBind
                                                      : Method::kRefresh;
  Transaction transaction{.purpose = purpose,
                          .id = random_.array<12>(),
                          .peer = peer,
                          .stale_nonces = stale_nonces,
                          .is_signed = !key_.empty(),
                          .message = {},
                          .retransmission = stun::Retransmission(
                              config_.reliable ? stun::RetransmissionPolicy::reliable() : config_.retransmission)};
  MessageWriter out(Class::kRequest, method, transaction.id);
  if (purpose == Purpose::kAllocate) {
    add_requested_transport(out);
    if (config_.family == IpAddress::Family::kV6) {
      add_address_family(out, AttributeType::kRequestedAddressFamily, config_.family);
    }
  }
  if (purpose == Purpose::kBind) {
    add_channel_number(out, peer_of(peer)->channel);
    stun::add_xor_address(out, AttributeType::kXorPeerAddress, peer);
  } else {
    add_lifetime(out, purpose == Purpose::kRelease ? Duration::zero() : config_.lifetime);
  }
  if (!key_.empty()) {
    out.add(AttributeType::kUsername, config_.username);
    out.add(AttributeType::kRealm, challenge_.realm);
    out.add(AttributeType::kNonce, challenge_.nonce);
    if (sha256_) {
      stun::add_password_algorithms(out, challenge_.offered);
      stun::add_password_algorithm(out, stun::PasswordAlgorithm::kSha256);
      stun::add_integrity_sha256(out, key_);
    } else {
      stun::add_integrity(out, key_);
    }
  }
  if (config_.use_fingerprint) stun::add_fingerprint(out);
  transaction.message = std::move(out).take();
  transaction.retransmission.start(now);
  outgoing_.push_back(transaction.message);
  transactions_.push_back(std::move(transaction));
}

void Client::handle_message(Instant now, ByteView bytes) {
  const auto message = MessageView::parse(bytes);
  if (!message || (message->fingerprint() && !stun::verify_fingerprint(*message))) return;
  const auto at = std::ranges::find(transactions_, message->id(), &Transaction::id);
  if (at == transactions_.end()) return;
  const Transaction transaction = *at;
  if (message->message_class() == Class::kSuccess) {
    if (!is_ours(*message) || !stun::unknown_attributes(*message, kKnown).empty()) return;
    transactions_.erase(at);
    handle_success(now, transaction, *message);
  } else if (message->message_class() == Class::kError) {
    transactions_.erase(at);
    handle_error(now, transaction, *message);
  }
}

bool Client::is_ours(const MessageView& message) const {
  if (key_.empty()) return false;
  return sha256_ ? stun::verify_integrity_sha256(message, key_) : stun::verify_integrity(message, key_);
}

void Client::handle_success(Instant now, const Transaction& transaction, const MessageView& message) {
  switch (transaction.purpose) {
    case Purpose::kAllocate:
      return handle_allocated(now, message);
    case Purpose::kRelease:
      return end(Released{});
    case Purpose::kRefresh: {
      const auto value = message.find(AttributeType::kLifetime);
      const Duration lifetime = value ? read_lifetime(*value).value_or(config_.lifetime) : config_.lifetime;
      refresh_at_ = now + lifetime * 4 / 5;
      return;
    }
    case Purpose::kBind: {
      Peer& peer = *peer_of(transaction.peer);
      peer.refresh_at = now + kPeerRefresh;
      if (!std::exchange(peer.bound, true)) events_.push_back(Bound{peer.endpoint, peer.channel});
    }
  }
}

void Client::handle_allocated(Instant now, const MessageView& message) {
  const auto relayed = xor_address_in(message, AttributeType::kXorRelayedAddress);
  const auto mapped = xor_address_in(message, AttributeType::kXorMappedAddress);
  const auto value = message.find(AttributeType::kLifetime);
  const auto lifetime = value ? read_lifetime(*value) : std::nullopt;
  if (!relayed || !mapped || !lifetime) return end(Failed{ErrorCode::kServerError});
  state_ = State::kAllocated;
  relayed_ = relayed;
  refresh_at_ = now + *lifetime * 4 / 5;
  events_.push_back(Allocated{*relayed, *mapped, *lifetime});
  for (const Peer& peer : peers_) ask(now, Purpose::kBind, peer.endpoint);
}

void Client::handle_error(Instant now, const Transaction& transaction, const MessageView& message) {
  const auto value = message.find(AttributeType::kErrorCode);
  const auto error = value ? stun::read_error(*value) : std::nullopt;
  if (!error) return give_up(transaction, ErrorCode::kServerError);
  switch (error->code) {
    case ErrorCode::kUnauthenticated:
      // Once to be told realm and nonce. A second time our password is wrong.
      if (transaction.is_signed || !take_challenge(message)) break;
      return ask(now, transaction.purpose, transaction.peer);
    case ErrorCode::kStaleNonce:
      if (transaction.stale_nonces >= kMaxStaleNonces || !take_challenge(message)) break;
      return ask(now, transaction.purpose, transaction.peer, transaction.stale_nonces + 1);
    case ErrorCode::kTryAlternate: {
      const auto alternate = message.find(AttributeType::kAlternateServer);
      const auto server = alternate ? stun::read_address(*alternate) : std::nullopt;
      // Whoever has no key of ours could send us anywhere (RFC 8489, section 10), but only before we have one.
      if (!server || transaction.purpose != Purpose::kAllocate) break;
      if (transaction.is_signed && !is_ours(message)) return;
      return end(TryAlternate{*server});
    }
    default:
      break;
  }
  give_up(transaction, error->code);
}

bool Client::take_challenge(const MessageView& message) {
  auto realm = text_in(message, AttributeType::kRealm);
  auto nonce = text_in(message, AttributeType::kNonce);
  if (!nonce || (!realm && challenge_.realm.empty())) return false;
  const auto value = message.find(AttributeType::kPasswordAlgorithms);
  const auto algorithms = value ? stun::read_password_algorithms(*value) : std::nullopt;
  const bool announced = announces_password_algorithms(*nonce);
  if (announced && !algorithms) return false;  // struck out on the way
  challenge_.nonce = std::move(*nonce);
  if (realm) challenge_.realm = std::move(*realm);
  challenge_.offered = announced ? *algorithms : std::vector<stun::PasswordAlgorithm>();
  make_key();
  return true;
}

void Client::make_key() {
  const auto& offered = challenge_.offered;
  sha256_ = std::ranges::find(offered, stun::PasswordAlgorithm::kSha256) != offered.end();
  const auto algorithm = sha256_ ? stun::PasswordAlgorithm::kSha256 : stun::PasswordAlgorithm::kMd5;
  key_ = stun::long_term_key(algorithm, config_.username, challenge_.realm, config_.password);
}

void Client::give_up(const Transaction& transaction, std::optional<ErrorCode> code) {
  switch (transaction.purpose) {
    case Purpose::kAllocate:
    case Purpose::kRefresh:
      return end(Failed{code});
    case Purpose::kRelease:
      return end(Released{});
    case Purpose::kBind: {
      const auto at = std::ranges::find(peers_, transaction.peer, &Peer::endpoint);
      at->bound = false;
      at->refresh_at.reset();
      events_.push_back(BindRefused{transaction.peer, code});
    }
  }
}

void Client::end(Event event) {
  state_ = State::kOver;
  transactions_.clear();
  refresh_at_.reset();
  for (Peer& peer : peers_) {
    peer.bound = false;
    peer.refresh_at.reset();
  }
  relayed_.reset();
  events_.push_back(std::move(event));
}

void Client::handle_timeout(Instant now) {
  for (std::size_t i = 0; i < transactions_.size();) {
    switch (transactions_[i].retransmission.handle_timeout(now)) {
      case stun::Retransmission::Due::kNothing:
        ++i;
        break;
      case stun::Retransmission::Due::kSend:
        outgoing_.push_back(transactions_[i++].message);
        break;
      case stun::Retransmission::Due::kGiveUp: {
        const Transaction transaction = std::move(transactions_[i]);
        transactions_.erase(transactions_.begin() + static_cast<std::ptrdiff_t>(i));
        give_up(transaction, std::nullopt);
      }
    }
  }
  if (refresh_at_ && *refresh_at_ <= now) {
    refresh_at_.reset();
    ask(now, Purpose::kRefresh);
  }
  for (Peer& peer : peers_) {
    if (!peer.refresh_at || *peer.refresh_at > now) continue;
    peer.refresh_at.reset();
    ask(now, Purpose::kBind, peer.endpoint);
  }
}

std::optional<Bytes> Client::poll_transmit() {
  if (outgoing_.empty()) return std::nullopt;
  Bytes out = std::move(outgoing_.front());
  outgoing_.pop_front();
  return out;
}

std::optional<Client::Event> Client::poll_event() {
  if (events_.empty()) return std::nullopt;
  Event out = events_.front();
  events_.pop_front();
  return out;
}

std::optional<Instant> Client::poll_timeout() const {
  std::optional<Instant> next = refresh_at_;
  const auto consider = [&next](const std::optional<Instant>& at) {
    if (at && (!next || *at < *next)) next = at;
  };
  for (const Transaction& transaction : transactions_) consider(transaction.retransmission.poll_timeout());
  for (const Peer& peer : peers_) consider(peer.refresh_at);
  return next;
}

std::optional<Client::Received> Client::receive(ByteView message) const {
  if (const auto data = parse_channel_data(message)) {
    const auto at = std::ranges::find(peers_, data->channel, &Peer::channel);
    return at == peers_.end() ? std::nullopt : std::optional(Received{at->endpoint, data->data});
  }
  const auto read = MessageView::parse(message);
  if (!read || read->message_class() != Class::kIndication || read->method() != Method::kData) return std::nullopt;
  const auto peer = xor_address_in(*read, AttributeType::kXorPeerAddress);
  const auto data = read->find(AttributeType::kData);
  // Nobody but whom we bound has a permission: from others the server could not have sent.
  const bool known = peer && std::ranges::find(peers_, *peer, &Peer::endpoint) != peers_.end();
  return known && data ? std::optional(Received{*peer, *data}) : std::nullopt;
}

std::optional<ChannelNumber> Client::channel_to(const Endpoint& peer) const {
  const auto at = std::ranges::find(peers_, peer, &Peer::endpoint);
  return at == peers_.end() || !at->bound ? std::nullopt : std::optional(at->channel);
}

Client::Peer* Client::peer_of(const Endpoint& endpoint) {
  const auto at = std::ranges::find(peers_, endpoint, &Peer::endpoint);
  return at == peers_.end() ? nullptr : &*at;
}

}  // namespace turnpike::turn
