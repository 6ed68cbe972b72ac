// Sends a body that is made while it is sent: exactly as long as promised, or broken off.
#pragma once

#include "base/time.h"
#include "io/http/message.h"
#include "io/loop/deadline.h"

namespace turnpike::io::http {

/// Runs the body's producer, `deadline` being armed while `pipe` is to take bytes, and only then: the producer may wait
/// for its own source. `sent` counts what has left. An error, whoever caused it, means that the pipe must be closed.
[[nodiscard]] asio::awaitable<Status<IoError>> send_stream_body(BytePipe& pipe, Deadline& deadline, Duration stall_time,
                                                                StreamBody body, std::uint64_t& sent);

}  // namespace turnpike::io::http
