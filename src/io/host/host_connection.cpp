#include "io/host/host_connection.h"

#include <utility>

#include "io/loop/convert.h"

namespace turnpike::io {

HostConnection::HostConnection(std::weak_ptr<HostState> host, asio::any_io_executor loop, host::ConnectionId id,
                               Endpoint remote, host::Direction direction, path::Found found, host::Transport transport)
    : host_(std::move(host)),
      id_(id),
      remote_(remote),
      direction_(direction),
      found_(found),
      transport_(transport),
      decided_(loop),
      identified_(loop),
      ended_(loop),
      used_(now()) {}
HostConnection::~HostConnection() = default;

std::optional<Duration> HostConnection::round_trip() const { return link_ ? link_->round_trip() : std::nullopt; }
bool HostConnection::is_open() const { return admitted_ && link_ && !link_->reason() && !ended_.is_set(); }
std::unique_ptr<LinkStream> HostConnection::open(std::string_view protocol) {
  return is_open() ? link_->open(protocol) : nullptr;
}

asio::awaitable<channel::CloseReason> HostConnection::closed() {
  const HostConnection* const self = this;
  co_await ended_.wait();
  co_return self->reason_;
}

asio::awaitable<void> HostConnection::identified() {
  const HostConnection* const self = this;
  if (!self->identified_.is_set()) co_await identified_.wait();
}

void HostConnection::close() {
  if (link_) link_->close();
}

}  // namespace turnpike::io
