// What a link and its streams share: the streams' slots, the coroutines under way, and the events between.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>

#include "core/channel/streams.h"
#include "io/channel/link.h"
#include "io/channel/wake.h"

namespace turnpike::io {

/// What the link knows of a stream beside its carrier. Shared with the LinkStream, so that it outlives both.
struct LinkSlot {
  Wake changed;
  std::optional<StreamError> failed;  ///< kReset, kRefused or kClosed.
  bool peer_finished = false;
};

/// Owned by the link's coroutines, its handle and its streams together: the last of them to go ends it. A carrier
/// derives from it.
struct LinkState : std::enable_shared_from_this<LinkState> {
  LinkState(asio::any_io_executor loop_, Link::OnStream on_stream_)
      : loop(std::move(loop_)), on_stream(std::move(on_stream_)) {}
  LinkState(const LinkState&) = delete;
  LinkState& operator=(const LinkState&) = delete;
  virtual ~LinkState() = default;

  [[nodiscard]] virtual channel::Streams& streams() = 0;
  /// Called when something was done to the streams: what they want sent and when they want to be called may differ.
  virtual void flush() = 0;
  virtual void on_closed() {}

  void spawn(asio::awaitable<void> work);
  /// To be called after everything that was done to streams().
  void settle();
  void handle(const channel::Event& event);
  void fail_stream(channel::StreamId id, StreamError error);
  std::shared_ptr<LinkSlot> slot_of(channel::StreamId id);

  [[nodiscard]] asio::awaitable<Result<identity::PeerId, channel::CloseReason>> established();
  [[nodiscard]] asio::awaitable<channel::CloseReason> all_ended();
  [[nodiscard]] std::unique_ptr<LinkStream> open(std::string_view protocol);

  asio::any_io_executor loop;
  Link::OnStream on_stream;
  std::map<channel::StreamId, std::shared_ptr<LinkSlot>> slots;
  Wake changed;             ///< Established, closed, or a coroutine ended.
  std::size_t running = 0;  ///< Coroutines that have not ended.
};

}  // namespace turnpike::io
