// What our own absolute URLs begin with: the operator's word, else what the client itself has reached us by.
#pragma once

#include <optional>
#include <string>

#include "io/http/message.h"
#include "io/tcp/url.h"

namespace turnpike::bootstrap {

/// `public_url` where the operator has named one. Else the Host header, if there is exactly one and it is a host and a
/// port and nothing else; the scheme is that of the connection. Its target has no '/' at the end, so that a path can be
/// appended.
[[nodiscard]] std::optional<io::Url> public_base(const io::http::Request& request,
                                                 const std::optional<io::Url>& public_url);

/// "http://host:3000" and the path, which begins with '/'.
[[nodiscard]] std::string absolute(const io::Url& base, std::string_view path);

}  // namespace turnpike::bootstrap
