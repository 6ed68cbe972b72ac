// Pipes that come through a reverse proxy, and say whose they really are.
#pragma once

#include <memory>

#include "base/time.h"
#include "io/http/forwarded.h"
#include "io/tcp/byte_pipe.h"

namespace turnpike::io::http {

/// The same pipe, whose `remote` is `client`.
[[nodiscard]] std::unique_ptr<BytePipe> with_remote(std::unique_ptr<BytePipe> lower, const Endpoint& client);

/// Takes a PROXY header off the front of what `pipe` brings, if there is one; the pipe's `remote` is then the client it
/// names. A broken header is kProtocol, nothing at all within `time` kTimeout. For connections of trusted proxies only.
[[nodiscard]] asio::awaitable<Result<std::unique_ptr<BytePipe>, IoError>> take_proxy_header(
    std::unique_ptr<BytePipe> pipe, Duration time);

}  // namespace turnpike::io::http
