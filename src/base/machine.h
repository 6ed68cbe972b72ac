// The contract between a protocol core and whatever drives it: a real socket or a simulated world.
#pragma once

#include <concepts>
#include <optional>

#include "base/bytes.h"
#include "base/endpoint.h"
#include "base/time.h"

namespace turnpike {

/// One datagram the driver must send.
struct Transmit {
  Endpoint to;
  Bytes payload;
};

/// A sans-IO protocol machine has four kinds of method:
///   handle_*  what the world did to it: a datagram came in, an instant was reached
///   verbs     what its owner asks of it: start, send, close
///   poll_*    what it wants done: drain after every handle_* and every verb, in the
///             order poll_transmit, poll_event, poll_timeout
///   getters   const, callable at any time
/// It never calls out, never blocks, never asks the time. `now` never goes backwards.
template <class M>
concept DatagramMachine = requires(M machine, const M& view, Instant now, const Endpoint& from, ByteView datagram) {
  machine.handle_datagram(now, from, datagram);
  machine.handle_timeout(now);
  { machine.poll_transmit() } -> std::same_as<std::optional<Transmit>>;
  { machine.poll_event() } -> std::same_as<std::optional<typename M::Event>>;
  { view.poll_timeout() } -> std::same_as<std::optional<Instant>>;
};

/// The same contract over an ordered byte pipe (TCP, TLS, a relayed WebSocket). `poll_write` hands over whole
/// buffers, in order; an empty optional means nothing to send now. `handle_closed` is the pipe's end, whoever ended it.
template <class M>
concept StreamMachine = requires(M machine, const M& view, Instant now, ByteView bytes) {
  machine.handle_bytes(now, bytes);
  machine.handle_closed(now);
  machine.handle_timeout(now);
  { machine.poll_write() } -> std::same_as<std::optional<Bytes>>;
  { machine.poll_event() } -> std::same_as<std::optional<typename M::Event>>;
  { view.poll_timeout() } -> std::same_as<std::optional<Instant>>;
};

}  // namespace turnpike
