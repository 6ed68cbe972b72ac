// Two ChannelLinks over a memory pipe, for tests of what runs on top of them.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/random.h"
#include "core/exchange/message.h"
#include "io/channel/channel_link.h"
#include "io/channel/memory_pipe.h"
#include "io/disk/disk_test_support.h"

namespace turnpike::io {

/// `left` dials, `right` answers the streams that left opens, by `on_stream`.
class LinkedPair {
 public:
  LinkedPair(asio::io_context& loop, ChannelLink::OnStream on_stream, channel::Limits limits = {}) : loop_(loop) {
    const std::string protocol(exchange::kProtocol);
    auto [near, far] = make_memory_pipes();
    left_pipe = near.get();
    channel::Config config;
    config.wide_protocols = {protocol};
    config.identity = &left_key_;
    config.limits = limits;
    config.expected_peer = identity::PeerId{right_key_.public_key()};
    left = std::make_unique<ChannelLink>(loop.get_executor(), std::move(near), config, random_);
    config.role = channel::Role::kResponder;
    config.identity = &right_key_;
    config.expected_peer.reset();
    config.protocols = {protocol};
    right = std::make_unique<ChannelLink>(loop.get_executor(), std::move(far), config, random_, std::move(on_stream));
  }
  ~LinkedPair() {
    if (!left) return;
    abandon();
    loop_.restart();
    loop_.poll();  // their coroutines end
  }
  /// Leaves their coroutines on the loop as they are.
  void abandon() {
    left.reset();
    right.reset();
  }
  LinkedPair(const LinkedPair&) = delete;
  LinkedPair& operator=(const LinkedPair&) = delete;

  [[nodiscard]] identity::PeerId right_peer() const { return {right_key_.public_key()}; }

 private:
  asio::io_context& loop_;
  SeededRandom random_{7};
  crypto::SigningKey left_key_ = crypto::SigningKey::generate(random_);
  crypto::SigningKey right_key_ = crypto::SigningKey::generate(random_);

 public:
  BytePipe* left_pipe = nullptr;
  std::unique_ptr<ChannelLink> left;
  std::unique_ptr<ChannelLink> right;
};

}  // namespace turnpike::io
