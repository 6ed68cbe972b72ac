// Any header before a connection, any X-Forwarded-For: no word is taken of one who is not trusted, and a header that
// was understood is understood from its own bytes alone.
#include <cstdlib>

#include "io/http/forwarded.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  using namespace turnpike::io::http;
  static const TrustedProxies kTrusted({*IpNetwork::parse("10.0.0.0/8"), *IpNetwork::parse("2001:db8::/32")});
  const ByteView input(data, size);
  const Endpoint stranger{IpAddress::v4(192, 0, 2, 1), 7};
  if (kTrusted.client_of(stranger, text_of(input)) != stranger) std::abort();
  const Endpoint proxy{IpAddress::v4(10, 0, 0, 1), 7};
  (void)kTrusted.client_of(proxy, text_of(input));

  const auto parsed = parse_proxy_header(input);
  if (!parsed) {
    if (parsed.error() == ProxyHeaderError::kIncomplete && size >= kMaxProxyHeader) std::abort();
    return 0;
  }
  if (parsed->size > size || parsed->size > kMaxProxyHeader) std::abort();
  const auto alone = parse_proxy_header(input.first(parsed->size));
  if (!alone || alone->size != parsed->size || alone->client != parsed->client) std::abort();
  for (std::size_t cut = 0; cut < parsed->size; ++cut) {
    const auto part = parse_proxy_header(input.first(cut));
    if (part || part.error() != ProxyHeaderError::kIncomplete) std::abort();
  }
  return 0;
}
