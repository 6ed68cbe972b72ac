#include "core/autonat/server.h"

#include <algorithm>

namespace turnpike::autonat {
namespace {

constexpr rendezvous::Rate kAll{.per_second = 1, .burst = 16};

}  // namespace

bool DialLimiter::begin(Instant now, const identity::PeerId& peer, const IpAddress& from) {
  if (under_way_ >= kMaxDialling) return false;
  // The scarcer one first, so that a refusal costs nothing of the others.
  const bool may = peers_.take(now, peer, 1) && networks_.take(now, from, 1) && all_.take(now, kAll, 1);
  if (may) ++under_way_;
  return may;
}

Server::Server(Instant now, const IpAddress& observed, std::vector<IpAddress> own, bool allowed, Random& random)
    : observed_(observed.unmapped()),
      own_(std::move(own)),
      allowed_(allowed),
      random_(random),
      deadline_(now + kRequestTime) {}

void Server::handle_bytes(Instant now, ByteView bytes) {
  while (!bytes.empty() && !is_over()) {
    const auto frame = frames_.take(bytes);
    if (frame && frame->empty()) return;
    const auto message = frame ? decode(*frame) : std::nullopt;
    if (!message) {
      step_ = Step::kBroken;
      return;
    }
    take(now, *message);
  }
}

void Server::take(Instant now, const Message& message) {
  const auto* request = std::get_if<DialRequest>(&message);
  const auto* data = std::get_if<DialData>(&message);
  if (step_ == Step::kRequest && request != nullptr) return choose(now, *request);
  if (step_ != Step::kData || data == nullptr || data->size == 0 || data->size > kMaxDataPiece) {
    step_ = Step::kBroken;
    return;
  }
  data_wanted_ -= std::min<std::uint64_t>(data_wanted_, data->size);
  if (data_wanted_ > 0) return;
  step_ = Step::kDialling;
  orders_.push_back(order_);
}

bool Server::may_dial(const Endpoint& to) const {
  return to.port != 0 && to.address.is_global() && std::ranges::find(own_, to.address.unmapped()) == own_.end();
}

void Server::choose(Instant now, const DialRequest& request) {
  if (!allowed_) return answer(ResponseStatus::kRejected, DialStatus::kUnused);
  for (std::size_t i = 0; i < request.addresses.size(); ++i) {
    const auto endpoint = request.addresses[i] ? request.addresses[i]->tcp_endpoint() : std::nullopt;
    if (!endpoint || !may_dial(*endpoint)) continue;
    index_ = static_cast<std::uint32_t>(i);
    order_ = {.to = *endpoint, .nonce = request.nonce};
    if (endpoint->address.unmapped() == observed_) {
      step_ = Step::kDialling;
      orders_.push_back(order_);
      return;
    }
    // Somebody else's address, maybe: then its owner must be hit by less than the asker has spent.
    data_wanted_ = kMinData + random_.below(kMaxData - kMinData + 1);
    deadline_ = now + kDataTime;
    step_ = Step::kData;
    out_.push_back(encode(DialDataRequest{.index = index_, .bytes = data_wanted_}));
    return;
  }
  answer(ResponseStatus::kDialRefused, DialStatus::kUnused);
}

void Server::answer(ResponseStatus status, DialStatus dialled) {
  out_.push_back(encode(DialResponse{.status = status, .index = index_, .dial_status = dialled}));
  step_ = Step::kOver;
}

void Server::handle_dialled(DialStatus status) {
  if (step_ == Step::kDialling) answer(ResponseStatus::kOk, status);
}

// One who has asked need say no more; one who owes data must.
void Server::handle_end() {
  if (step_ == Step::kRequest || step_ == Step::kData) step_ = Step::kBroken;
}

void Server::handle_timeout(Instant now) {
  if (const auto deadline = poll_timeout(); deadline && now >= *deadline) step_ = Step::kBroken;
}

std::optional<Instant> Server::poll_timeout() const {
  if (step_ != Step::kRequest && step_ != Step::kData) return std::nullopt;
  return deadline_;
}

std::optional<Bytes> Server::poll_write() {
  if (out_.empty()) return std::nullopt;
  Bytes out = std::move(out_.front());
  out_.pop_front();
  return out;
}

std::optional<DialOrder> Server::poll_event() {
  if (orders_.empty()) return std::nullopt;
  const DialOrder out = orders_.front();
  orders_.pop_front();
  return out;
}

}  // namespace turnpike::autonat
