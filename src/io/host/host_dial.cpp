// Dialling: the race of a peer's addresses (RFC 8305).
#include <algorithm>

#include "io/host/host.h"
#include "io/host/host_state.h"
#include "io/loop/convert.h"
#include "io/loop/deadline.h"

namespace turnpike::io {
namespace {

HostDialError host_dial_error_of(IoError error) {
  return error == IoError::kTimeout ? HostDialError::kTimeout : HostDialError::kUnreachable;
}

}  // namespace

asio::awaitable<void> HostState::attempt(std::shared_ptr<HostState> self, std::shared_ptr<HostDial> dial,
                                         host::DialAddress to, std::optional<identity::PeerId> expected,
                                         path::Found found) {
  const std::uint16_t from = self->port;
  const bool is_met = self->events != nullptr && std::ranges::any_of(self->live_, [&](const auto& entry) {
                        const HostConnection& standing = *entry.second;
                        return standing.direction_ == host::Direction::kInbound &&
                               standing.transport_ == to.transport && standing.remote_.address == to.endpoint.address;
                      });
  if (!is_met && from != 0 && self->events != nullptr) self->events->dialling(to);
  const bool over_quic = to.transport == host::Transport::kQuic;
  const std::string where = to.endpoint.to_string() + (over_quic ? " (UDP) " : " ");
  std::unique_ptr<BytePipe> pipe;
  if (!over_quic) {
    auto connected = co_await connect_from(from, to.endpoint, kDialAddressTime);
    if (connected) pipe = *std::move(connected);
    if (!connected)
      dial->last = {host_dial_error_of(connected.error()), where + std::string(to_string(connected.error()))};
  }
  if ((pipe || over_quic) && !dial->over && !self->closing) {
    const Connection connection = self->begin(to.endpoint, host::Direction::kOutbound, found, to.transport);
    if (!connection) {
      dial->last = {HostDialError::kRefused, where + "too many connections here"};
    } else {
      dial->attempts.push_back(connection);
      if (pipe) self->start_link(connection, std::move(pipe), expected);
      if (over_quic) self->start_quic(connection, expected);
      co_await decide(dial, connection, where);
    }
  }
  --dial->running;
  dial->changed.set();
}

asio::awaitable<void> HostState::attempt_back(std::shared_ptr<HostState> self, std::shared_ptr<HostDial> dial,
                                              identity::PeerId expected, Endpoint to) {
  const std::shared_ptr<HostDial> about = std::move(dial);
  const std::string where = to.to_string() + " ";
  // From the port that is listened on it would be the connection that stands, or open a door that is to be found shut.
  auto pipe = co_await connect_from(0, to, kDialAddressTime);
  if (!pipe) about->last = {host_dial_error_of(pipe.error()), where + std::string(to_string(pipe.error()))};
  const bool goes_on = pipe && !about->over && !self->closing;
  const Connection connection =
      goes_on ? self->begin(to, host::Direction::kOutbound, path::Found::kKnown) : Connection();
  if (connection) {
    about->attempts.push_back(connection);
    self->start_link(connection, *std::move(pipe), expected);
    co_await decide(about, connection, where);
  }
  about->over = true;
  about->changed.set();
}

asio::awaitable<void> HostState::decide(std::shared_ptr<HostDial> dial, Connection connection, std::string where) {
  const std::shared_ptr<HostDial> about = std::move(dial);
  co_await connection->decided_.wait();
  if (connection->admitted_ && !about->winner) {
    about->winner = connection;
  } else if (!connection->admitted_) {
    const bool is_wrong = connection->link_ && connection->link_->reason() == channel::CloseReason::kWrongPeer;
    about->last = {is_wrong ? HostDialError::kWrongPeer : HostDialError::kHandshake, where + connection->failure_};
  }
}

asio::awaitable<void> HostState::race(std::shared_ptr<HostState> self, std::shared_ptr<HostDial> dial,
                                      std::vector<host::DialAddress> addresses,
                                      std::optional<identity::PeerId> expected, path::Found found, Duration time) {
  Deadline deadline(self->loop, [dial] {
    dial->over = true;
    dial->changed.set();
  });
  deadline.arm(time);
  std::size_t next = 0;
  while (!dial->winner && !dial->over && !self->closing) {
    if (next == addresses.size() && dial->running == 0) break;
    std::unique_ptr<Deadline> stagger;
    if (next < addresses.size()) {
      ++dial->running;
      self->spawn(attempt(self, dial, addresses[next], expected, found));
      if (++next < addresses.size()) {
        stagger = std::make_unique<Deadline>(self->loop, [dial] { dial->changed.set(); });
        stagger->arm(kDialStagger);
      }
    }
    co_await dial->changed.wait();
    dial->changed.reset();
    // One that the peer made meanwhile does as well.
    const auto standing = expected ? self->table.find(*expected) : std::nullopt;
    const Connection made = standing ? self->live_.at(*standing) : nullptr;
    if (!dial->winner && made && made->is_open()) dial->winner = made;
  }
  if (!dial->winner && deadline.expired()) dial->last = {HostDialError::kTimeout, "no answer"};
  if (self->closing) dial->last = {HostDialError::kClosed, "going down"};
  dial->over = true;
  for (const Connection& connection : dial->attempts) {
    if (connection != dial->winner) connection->close();
  }
  dial->attempts.clear();
}

asio::awaitable<Result<std::shared_ptr<HostConnection>, HostDialFailure>> Host::dial_back(identity::PeerId peer,
                                                                                          Endpoint address,
                                                                                          Duration time) {
  const std::shared_ptr<HostState> state = state_;
  const auto dial = std::make_shared<HostDial>(state->loop);
  Deadline deadline(state->loop, [dial] {
    dial->last = {HostDialError::kTimeout, "no answer"};
    dial->over = true;
    dial->changed.set();
  });
  deadline.arm(time);
  state->spawn(HostState::attempt_back(state, dial, peer, address));
  while (!dial->over) {
    co_await dial->changed.wait();
    dial->changed.reset();
  }
  dial->over = true;
  for (const Connection& connection : dial->attempts) {
    if (connection != dial->winner) connection->close();
  }
  if (dial->winner) co_return dial->winner;
  co_return fail(dial->last);
}

}  // namespace turnpike::io
