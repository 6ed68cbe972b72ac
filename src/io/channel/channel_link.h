// Drives one SecureChannel over one byte pipe on the loop, and gives its streams to coroutines.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "base/random.h"
#include "core/channel/secure_channel.h"
#include "io/channel/link.h"
#include "io/tcp/byte_pipe.h"

namespace turnpike::io {

/// How long the last bytes of a closing link may take to leave.
constexpr Duration kGoodbyeTime = std::chrono::seconds(2);

class ChannelLink final : public Link {
 public:
  /// Starts at once. `random` and `config.identity` must live until closed() has ended.
  ChannelLink(asio::any_io_executor loop, std::unique_ptr<BytePipe> pipe, channel::Config config, Random& random,
              OnStream on_stream = {});
  ~ChannelLink() override;

  [[nodiscard]] asio::awaitable<Result<identity::PeerId, channel::CloseReason>> established() override;
  [[nodiscard]] asio::awaitable<channel::CloseReason> closed() override;
  [[nodiscard]] std::unique_ptr<LinkStream> open(std::string_view protocol) override;
  /// Says goodbye and ends; after kGoodbyeTime at the latest.
  void close() override;
  [[nodiscard]] std::optional<channel::CloseReason> reason() const override;
  [[nodiscard]] std::optional<Duration> round_trip() const override;
  [[nodiscard]] std::string refused_security() const override;
  [[nodiscard]] Instant heard() const override;
  [[nodiscard]] std::size_t streams() const override;
  [[nodiscard]] std::uint64_t bytes_received() const override;
  [[nodiscard]] std::uint64_t bytes_sent() const override;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace turnpike::io
