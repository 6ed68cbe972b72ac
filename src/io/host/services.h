// identify, identify-push and ping over a link's streams: the machines of core/identify and core/ping, driven.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>

#include "base/random.h"
#include "core/identify/receiver.h"
#include "core/ping/ping.h"
#include "io/channel/channel_link.h"

namespace turnpike::io {

/// How long a peer may take to read a small answer and end its stream.
constexpr Duration kSmallAnswerTime = std::chrono::seconds(10);

/// Reads until the peer has finished.
[[nodiscard]] asio::awaitable<Result<identify::Info, identify::ReceiveError>> receive_identify(
    LinkStream& stream, identity::AnyPeerId peer);
/// Finishes, and waits until the peer has finished too: one that is let go of before would be reset, and what is on its
/// way lost.
[[nodiscard]] asio::awaitable<Status<StreamError>> finish_politely(LinkStream& stream);
/// Writes all of it, finishes, and waits until the peer has finished too.
[[nodiscard]] asio::awaitable<Status<StreamError>> send_and_finish(LinkStream& stream, Bytes message);

/// Answers pings until the peer finishes or falls silent.
[[nodiscard]] asio::awaitable<void> answer_pings(std::unique_ptr<LinkStream> stream);
/// One ping on a fresh stream.
[[nodiscard]] asio::awaitable<Result<Duration, ping::PingError>> ask_ping(std::unique_ptr<LinkStream> stream,
                                                                          Random& random);

}  // namespace turnpike::io
