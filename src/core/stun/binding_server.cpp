#include "core/stun/binding_server.h"

#include "core/stun/integrity.h"

namespace turnpike::stun {
namespace {

// USERNAME and the like may come along from a client that thinks it has to; a Binding request needs none of them.
constexpr std::array kKnown{
    AttributeType::kUsername,          AttributeType::kRealm,         AttributeType::kNonce,
    AttributeType::kUserhash,          AttributeType::kChangeRequest, AttributeType::kResponsePort,
    AttributeType::kPasswordAlgorithm, AttributeType::kPadding};

Bytes refusal(const MessageView& request, ErrorCode code, std::span<const AttributeType> unknown = {}) {
  MessageWriter out(Class::kError, Method::kBinding, request.id());
  add_error(out, code);
  if (!unknown.empty()) add_unknown_attributes(out, unknown);
  add_fingerprint(out);
  return std::move(out).take();
}

}  // namespace

std::optional<BindingServer::Answer> BindingServer::answer(Instant now, const Endpoint& from, const Endpoint& local,
                                                           ByteView request) {
  const auto message = MessageView::parse(request);
  if (!message) return std::nullopt;
  return answer(now, from, local, *message);
}

std::optional<BindingServer::Answer> BindingServer::answer(Instant now, const Endpoint& from, const Endpoint& local,
                                                           const MessageView& request) {
  if (request.message_class() != Class::kRequest || request.method() != Method::kBinding) return std::nullopt;
  if (request.fingerprint() && !verify_fingerprint(request)) return std::nullopt;
  if (!limiter_.take(now, from.address)) return std::nullopt;

  const auto unknown = unknown_attributes(request, kKnown);
  if (!unknown.empty()) return Answer{local, from, refusal(request, ErrorCode::kUnknownAttribute, unknown)};
  const auto change_value = request.find(AttributeType::kChangeRequest);
  const auto change = change_value ? read_change_request(*change_value) : ChangeRequest{};
  if (!change) return Answer{local, from, refusal(request, ErrorCode::kBadRequest)};
  const auto origin = origin_of(local, *change);
  if (!origin) {  // we have nowhere else to answer from (RFC 5780, section 6.1)
    constexpr std::array kUnsupported{AttributeType::kChangeRequest};
    return Answer{local, from, refusal(request, ErrorCode::kUnknownAttribute, kUnsupported)};
  }

  Endpoint to = from;
  if (const auto port = request.find(AttributeType::kResponsePort); port && discovery_) {
    if (port->size() != 4 && port->size() != 2) return Answer{local, from, refusal(request, ErrorCode::kBadRequest)};
    to.port = ByteReader(*port).u16();
  }
  return Answer{*origin, to, success(request, from, local, *origin)};
}

Bytes BindingServer::success(const MessageView& request, const Endpoint& from, const Endpoint& local,
                             const Endpoint& origin) const {
  MessageWriter out(Class::kSuccess, Method::kBinding, request.id());
  add_xor_address(out, AttributeType::kXorMappedAddress, from);
  if (discovery_) {
    add_address(out, AttributeType::kResponseOrigin, origin);
    add_address(out, AttributeType::kOtherAddress, other_of(local));
  }
  if (request.fingerprint()) add_fingerprint(out);
  return std::move(out).take();
}

std::optional<Endpoint> BindingServer::origin_of(const Endpoint& local, ChangeRequest change) const {
  if (!change.address && !change.port) return local;
  if (!discovery_) return std::nullopt;
  const Endpoint other = other_of(local);
  return Endpoint{change.address ? other.address : local.address, change.port ? other.port : local.port};
}

Endpoint BindingServer::other_of(const Endpoint& local) const {
  const auto& [primary, alternate] = *discovery_;
  return {local.address == primary.address ? alternate.address : primary.address,
          local.port == primary.port ? alternate.port : primary.port};
}

}  // namespace turnpike::stun
