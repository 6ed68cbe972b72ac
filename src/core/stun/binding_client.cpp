#include "core/stun/binding_client.h"

#include <utility>

#include "core/stun/integrity.h"

namespace turnpike::stun {
namespace {

constexpr std::array kKnown{AttributeType::kMappedAddress, AttributeType::kXorMappedAddress,
                            AttributeType::kErrorCode,     AttributeType::kUnknownAttributes,
                            AttributeType::kRealm,         AttributeType::kNonce};

Bytes make_request(const TransactionId& id, const BindingClient::Options& options) {
  MessageWriter out(Class::kRequest, Method::kBinding, id);
  if (options.change) add_change_request(out, *options.change);
  add_fingerprint(out);
  return std::move(out).take();
}

std::optional<Endpoint> address_in(const MessageView& message, AttributeType type) {
  const auto value = message.find(type);
  return value ? read_address(*value) : std::nullopt;
}

std::optional<ErrorCode> error_in(const MessageView& message) {
  const auto value = message.find(AttributeType::kErrorCode);
  const auto error = value ? read_error(*value) : std::nullopt;
  return error ? std::optional(error->code) : std::nullopt;
}

// XOR-MAPPED-ADDRESS; MAPPED-ADDRESS only of a server that gives no other, for NATs rewrite it.
std::optional<Endpoint> mapped_in(const MessageView& message) {
  const auto value = message.find(AttributeType::kXorMappedAddress);
  return value ? read_xor_address(*value, message.id()) : address_in(message, AttributeType::kMappedAddress);
}

}  // namespace

BindingClient::BindingClient(Instant now, const Endpoint& server, const TransactionId& id, const Options& options)
    : server_(server), id_(id), options_(options), started_(now), retransmission_(options.retransmission) {}

void BindingClient::handle_datagram(Instant now, const Endpoint& from, ByteView datagram) {
  if (done_ || retransmission_.requests_sent() == 0 || (from != server_ && !options_.change)) return;
  const auto message = MessageView::parse(datagram);
  if (!message || message->id() != id_ || message->method() != Method::kBinding) return;
  if (message->fingerprint() && !verify_fingerprint(*message)) return;
  if (message->message_class() == Class::kSuccess) {
    const auto mapped = mapped_in(*message);
    if (!mapped || !unknown_attributes(*message, kKnown).empty()) return;
    const bool first = retransmission_.requests_sent() == 1;
    event_ = Mapped{*mapped, first ? now - started_ : Duration::zero(), from,
                    address_in(*message, AttributeType::kOtherAddress)};
  } else if (const auto error = error_in(*message); error && message->message_class() == Class::kError) {
    event_ = Refused{*error};
  } else {
    return;
  }
  done_ = true;
  request_due_ = false;
  retransmission_.stop();
}

void BindingClient::handle_timeout(Instant now) {
  switch (retransmission_.handle_timeout(now)) {
    case Retransmission::Due::kNothing:
      return;
    case Retransmission::Due::kSend:
      request_due_ = true;
      return;
    case Retransmission::Due::kGiveUp:
      done_ = true;
      event_ = TimedOut{};
  }
}

std::optional<Transmit> BindingClient::poll_transmit() {
  if (!std::exchange(request_due_, false)) return std::nullopt;
  if (retransmission_.requests_sent() == 0) retransmission_.start(started_);
  return Transmit{server_, make_request(id_, options_)};
}

std::optional<BindingClient::Event> BindingClient::poll_event() { return std::exchange(event_, std::nullopt); }

}  // namespace turnpike::stun
