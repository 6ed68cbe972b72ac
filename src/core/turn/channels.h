// The channels of one allocation (RFC 8656, section 12): a number for a peer, for ten minutes.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "base/endpoint.h"
#include "base/time.h"
#include "core/turn/channel_data.h"

namespace turnpike::turn {

constexpr Duration kChannelLifetime = std::chrono::minutes(10);
constexpr std::size_t kMaxChannels = 16;  ///< Of one allocation. A pinned session needs one.

struct Channel {
  ChannelNumber number = 0;
  Endpoint peer;
  Instant expires;
};

class Channels {
 public:
  enum class Bound : std::uint8_t {
    kOk,
    kConflict,  ///< The number has another peer, or the peer another number.
    kFull,      ///< kMaxChannels
  };

  /// Binds or refreshes.
  [[nodiscard]] Bound bind(Instant now, ChannelNumber number, const Endpoint& peer) {
    std::erase_if(channels_, [now](const Channel& channel) { return channel.expires <= now; });
    for (Channel& channel : channels_) {
      if (channel.number != number && channel.peer != peer) continue;
      if (channel.number != number || channel.peer != peer) return Bound::kConflict;
      channel.expires = now + kChannelLifetime;
      return Bound::kOk;
    }
    if (channels_.size() >= kMaxChannels) return Bound::kFull;
    channels_.push_back({number, peer, now + kChannelLifetime});
    return Bound::kOk;
  }

  [[nodiscard]] const Channel* by_number(Instant now, ChannelNumber number) const {
    const auto at = std::ranges::find(channels_, number, &Channel::number);
    return at == channels_.end() || at->expires <= now ? nullptr : &*at;
  }
  [[nodiscard]] const Channel* by_peer(Instant now, const Endpoint& peer) const {
    const auto at = std::ranges::find(channels_, peer, &Channel::peer);
    return at == channels_.end() || at->expires <= now ? nullptr : &*at;
  }
  /// Also those that have expired and were not cleared yet.
  [[nodiscard]] const std::vector<Channel>& all() const { return channels_; }

 private:
  std::vector<Channel> channels_;
};

}  // namespace turnpike::turn
