// TLS over any pipe: certificates, pins, and telling protocols apart on one port.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "io/tcp/byte_pipe.h"

// OpenSSL's own names, so that its headers stay out of here.
struct ssl_ctx_st;
struct ssl_st;

namespace turnpike::io {

/// Why there is no certificate to serve with. The text for the operator comes with it.
struct TlsSetupError {
  std::string text;
};

/// A certificate and its key, and what is offered by ALPN (http/1.1 and stun.turn). TLS 1.2 and 1.3.
class TlsServerContext {
 public:
  /// PEM files; `certificate` may hold the chain.
  [[nodiscard]] static Result<TlsServerContext, TlsSetupError> from_files(const std::filesystem::path& certificate,
                                                                          const std::filesystem::path& key);
  /// A P-256 certificate signed by itself, made at the first call and kept as tls.crt and tls.key (0600) in `state`,
  /// so that the pin stays.
  [[nodiscard]] static Result<TlsServerContext, TlsSetupError> self_signed(const std::filesystem::path& state);

  /// base64url(SHA-256 of the SubjectPublicKeyInfo in DER): survives a renewal with the same key.
  [[nodiscard]] const std::string& pin() const { return pin_; }
  [[nodiscard]] ssl_ctx_st* native() const { return context_.get(); }

 private:
  TlsServerContext() = default;

  std::shared_ptr<ssl_ctx_st> context_;
  std::string pin_;
};

/// What speaks on the TLS port.
enum class Carrier : std::uint8_t { kHttp, kTurn, kUnknown };

/// Whom a client trusts: exactly one of the pins, or, with none, the system's authorities and the host's name.
class TlsClientContext {
 public:
  [[nodiscard]] static TlsClientContext system();
  /// Any of `pins` (base64url as TlsServerContext::pin gives them). Names and dates are not looked at: the key is
  /// known.
  [[nodiscard]] static TlsClientContext pinned(std::vector<std::string> pins);
  /// Whoever answers: for looking who it is, and for nothing that matters.
  [[nodiscard]] static TlsClientContext anyone();

  /// The same trust, but TURN is what will be spoken (RFC 7443), not HTTP.
  [[nodiscard]] TlsClientContext for_turn() const;

  [[nodiscard]] const std::vector<std::string>& pins() const { return pins_; }
  [[nodiscard]] Carrier carrier() const { return carrier_; }
  [[nodiscard]] ssl_ctx_st* native() const { return context_.get(); }

 private:
  TlsClientContext();

  std::shared_ptr<ssl_ctx_st> context_;
  std::vector<std::string> pins_;
  Carrier carrier_ = Carrier::kHttp;
};

/// TLS over another pipe, which it owns.
class TlsPipe : public BytePipe {
 public:
  /// The protocol agreed by ALPN; empty if none was.
  [[nodiscard]] virtual std::string alpn() const = 0;
  /// The pin of the certificate that the peer showed; empty if it has none.
  [[nodiscard]] virtual std::string peer_pin() const = 0;
  /// The next byte that a read will give, without taking it.
  [[nodiscard]] virtual asio::awaitable<Result<std::uint8_t, IoError>> peek() = 0;
};

/// The server's handshake. `context` is used during the call only.
[[nodiscard]] asio::awaitable<Result<std::unique_ptr<TlsPipe>, IoError>> tls_accept(std::unique_ptr<BytePipe> lower,
                                                                                    const TlsServerContext& context,
                                                                                    Duration timeout);
/// The client's. `host` is sent as SNI unless it is an IP literal, and checked against the certificate unless pinned.
/// A wrong pin or an untrusted certificate is kTls.
[[nodiscard]] asio::awaitable<Result<std::unique_ptr<TlsPipe>, IoError>> tls_connect(std::unique_ptr<BytePipe> lower,
                                                                                     const TlsClientContext& context,
                                                                                     std::string host,
                                                                                     Duration timeout);

/// By ALPN (http/1.1, RFC 7443's stun.turn), else by the first decrypted byte: an upper-case letter is HTTP, 0–3 STUN
/// or TURN (RFC 7983). kTimeout if the peer says nothing within `timeout`; the pipe is then closed.
[[nodiscard]] asio::awaitable<Result<Carrier, IoError>> tell_carrier(TlsPipe& pipe, Duration timeout);
[[nodiscard]] Carrier carrier_of_alpn(std::string_view protocol);
[[nodiscard]] Carrier carrier_of_first_byte(std::uint8_t first);

}  // namespace turnpike::io
