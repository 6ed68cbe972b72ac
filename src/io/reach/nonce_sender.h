// Sends the nonce of a proof to a service, in the way its kind takes it (docs/protocols/proof.md).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>

#include "base/endpoint.h"
#include "core/rendezvous/proof.h"

namespace turnpike::io {

namespace asio = boost::asio;

/// One connection, or a few datagrams, and a short answer awaited; at most rendezvous::kDialTime. kSent once
/// something there has answered as that kind does. `from`: an address of this machine to send from.
[[nodiscard]] asio::awaitable<rendezvous::ProbeOutcome> send_nonce(rendezvous::Service target,
                                                                   rendezvous::ProofNonce nonce,
                                                                   std::optional<IpAddress> from = std::nullopt);

/// What is written over TCP: an HTTP request, a proposal of multistream-select, or a STUN Binding request.
[[nodiscard]] Bytes nonce_message(const rendezvous::Service& target, const rendezvous::ProofNonce& nonce);

}  // namespace turnpike::io
