// What every long-running program does: its one line when it cannot start, its limits, its life between two signals.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>

#include "base/time.h"

namespace turnpike::io {

namespace asio = boost::asio;

/// "turnpike: WHY" on standard error. Gives the exit code.
[[nodiscard]] int give_up(const std::string& why);

/// Each peer is a descriptor or two, and the usual soft limit is 1024: raises it to the hard one. A peer that hangs up
/// is an error of its connection, not a signal to us. Call once, before threads are made.
void prepare_process();

/// Runs `loop` until SIGINT or SIGTERM, then `shut_down` (once) to its end, then what that let end, at most for
/// `grace`. `shut_down` closes whatever would otherwise go on; it has nothing to wait for but the work of others.
/// A second signal ends at once whatever is still being waited for. The owner destroys afterwards what the loop's work
/// borrowed.
void run_until_signalled(asio::io_context& loop, Duration grace, std::function<asio::awaitable<void>()> shut_down);

}  // namespace turnpike::io
