#include "bootstrap/relay_switch.h"

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "bootstrap/meter.h"
#include "io/log/log.h"
#include "io/loop/convert.h"

namespace turnpike::bootstrap {
namespace {

// Messages are pipes of bytes here, never collected, so only the queue of `send` has a size, and nothing is sent by it.
io::WebSocketLimits relay_limits() {
  io::WebSocketLimits limits;
  limits.max_queued = std::size_t{64} << 10U;
  return limits;
}

std::string_view text_of(relay::JoinError error) {
  switch (error) {
    case relay::JoinError::kNoSession:
      return "no such relay session: it never was, or is over. Ask for a new one.";
    case relay::JoinError::kWrongCredential:
      return "this credential does not open this relay session.";
    case relay::JoinError::kAlreadyJoined:
      return "this credential has been used. Ask for a new relay session.";
  }
  return "refused";
}

unsigned status_of(relay::JoinError error) {
  switch (error) {
    case relay::JoinError::kNoSession:
      return 404;
    case relay::JoinError::kWrongCredential:
      return 403;
    case relay::JoinError::kAlreadyJoined:
      return 409;
  }
  return 500;
}

}  // namespace

// The ends of one session, of which the first to come waits for the other.
struct RelaySwitch::Meeting {
  explicit Meeting(const asio::any_io_executor& loop) : over(loop) {
    over.expires_at(asio::steady_timer::time_point::max());
  }

  std::array<std::unique_ptr<io::BytePipe>, 2> ends;
  asio::steady_timer over;  // cancelled when the session is over: whoever waits goes home

  [[nodiscard]] bool is_complete() const { return ends[0] && ends[1]; }
  void close() {
    for (const auto& end : ends) {
      if (end) end->close();
    }
    over.cancel();
  }
};

RelaySwitch::RelaySwitch(asio::any_io_executor loop, Brain& brain) : loop_(std::move(loop)), brain_(brain) {
  brain_.watch_relay(this);
}

io::http::Response RelaySwitch::answer(const io::http::Request& request) {
  const auto session = relay::SessionId::parse(request.path().substr(relay::kRelayPath.size()));
  const auto header = request.headers.find(relay::kCredentialHeader);
  const auto credential = relay::Credential::parse(header.value_or(""));
  if (!session) return io::http::Response::text(404, "a relay session is named by 32 hex digits\n");
  if (!credential) return io::http::Response::text(401, "the Turnpike-Credential header is missing or malformed\n");

  const auto join = brain_.server().relay().join(io::both_now(), *session, *credential);
  brain_.pump();
  if (!join) return io::http::Response::text(status_of(join.error()), std::string(text_of(join.error())) + "\n");

  std::shared_ptr<Meeting>& meeting = meetings_[*session];
  if (!meeting) meeting = std::make_shared<Meeting>(loop_);
  // The seat is taken; whoever does not sit down (the upgrade fails, the connection breaks) leaves the session.
  const auto seat = std::shared_ptr<bool>(new bool(false), [this, id = *session](bool* seated) {
    if (!*seated) leave(id);
    delete seated;
  });
  io::http::Headers extra;
  extra.add(std::string(relay::kQuoteHeader), join->quote.to_string());
  auto then = [this, id = *session, side = join->side, seat](std::unique_ptr<io::WebSocket> socket) {
    *seat = true;
    return attend(id, side, io::as_pipe(std::move(socket)));
  };
  return io::accept_websocket(request, std::move(extra), relay_limits(), std::move(then));
}

bool RelaySwitch::sit_down(const relay::SessionId& session, const relay::Credential& credential,
                           std::unique_ptr<io::BytePipe> pipe) {
  const auto join = brain_.server().relay().join(io::both_now(), session, credential);
  brain_.pump();
  if (!join) return false;
  std::shared_ptr<Meeting>& meeting = meetings_[session];
  if (!meeting) meeting = std::make_shared<Meeting>(loop_);
  asio::co_spawn(loop_, attend(session, join->side, std::move(pipe)), asio::detached);
  return true;
}

asio::awaitable<void> RelaySwitch::attend(relay::SessionId session, relay::Side side,
                                          std::unique_ptr<io::BytePipe> pipe) {
  const auto found = meetings_.find(session);
  if (found == meetings_.end()) co_return;  // over before this end sat down; its pipe goes with this frame
  const std::shared_ptr<Meeting> meeting = found->second;
  meeting->ends[static_cast<std::size_t>(side)] = std::move(pipe);
  if (meeting->is_complete()) {
    co_await pump(session, meeting);
    leave(session);
    meeting->close();
    co_return;
  }
  boost::system::error_code woken;
  co_await meeting->over.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

asio::awaitable<void> RelaySwitch::pump(relay::SessionId session, std::shared_ptr<Meeting> meeting) {
  Meter meter([this, session](Now now, std::size_t bytes, relay::Side from) {
    const relay::Allowance allowance = brain_.server().relay().take(now, session, bytes, from);
    brain_.pump();
    return allowance;
  });
  io::PumpMeter ask = [&meter](io::PumpSide side, std::size_t bytes) { return meter.ask(io::both_now(), side, bytes); };
  const io::PumpResult result = co_await io::join_pipes(*meeting->ends[0], *meeting->ends[1], std::move(ask));
  io::log_debug("relay session {} over: {} bytes up, {} bytes down", session.to_string(), result.first_to_second,
                result.second_to_first);
}

void RelaySwitch::leave(relay::SessionId session) {
  brain_.server().relay().leave(io::both_now(), session);
  brain_.pump();
}

void RelaySwitch::session_ended(const relay::Ended& ended) {
  io::log_info("relay session {} ended: {}", ended.session.to_string(), relay::to_string(ended.reason));
  const auto found = meetings_.find(ended.session);
  if (found == meetings_.end()) return;
  const std::shared_ptr<Meeting> meeting = std::move(found->second);
  meetings_.erase(found);
  // An end that left in order has been written out by the pump, which closes when it is done with it.
  if (ended.reason != relay::EndReason::kLeft || !meeting->is_complete()) meeting->close();
}

void RelaySwitch::close_all() {
  const auto meetings = std::move(meetings_);
  for (const auto& [id, meeting] : meetings) meeting->close();
}

}  // namespace turnpike::bootstrap
