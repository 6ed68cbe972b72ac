// What the TLS library's session points back to. For the .cpp files of this module: it holds ngtcp2's types.
#pragma once

#include <ngtcp2/ngtcp2_crypto.h>

namespace turnpike::quic {

class TlsSession;

/// Begins with what ngtcp2's crypto helper expects to find at the session's pointer.
struct ConnRef {
  ngtcp2_crypto_conn_ref base{};
  TlsSession* session = nullptr;
};

}  // namespace turnpike::quic
