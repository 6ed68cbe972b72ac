#include "io/tcp/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <boost/asio/this_coro.hpp>
#include <cstring>

#include "base/base64.h"
#include "crypto/hash.h"
#include "io/loop/deadline.h"
#include "io/loop/event.h"
#include "io/tcp/buffer_pool.h"
#include "io/tcp/certificate.h"

namespace turnpike::io {
namespace {

/// Plain bytes of one turn of writing: their records, and a few small ones besides, fit one pooled buffer.
constexpr std::size_t kMaxPlain = std::size_t{112} << 10U;
/// A head that may wait for its body in the same buffer.
constexpr std::size_t kMaxHead = std::size_t{8} << 10U;

// In this order: a client that speaks both (coturn's offers both at once) has come for TURN.
constexpr std::array<std::string_view, 2> kServerProtocols{"stun.turn", "http/1.1"};

using SslPtr = std::unique_ptr<SSL, decltype(&SSL_free)>;
using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;

std::string pin_of(X509* certificate) {
  std::uint8_t* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return {};
  const Digest digest = crypto::sha256(ByteView(der, static_cast<std::size_t>(size)));
  OPENSSL_free(der);
  return to_base64url(digest);
}

/// OpenSSL's records over the lower pipe's bytes. OpenSSL reads from `in_` and writes to `out_`, both pooled, so that
/// one read or write of the socket carries several records and an idle connection holds none.
class SslPipe final : public TlsPipe {
 public:
  SslPipe(std::unique_ptr<BytePipe> lower, SslPtr ssl, const asio::any_io_executor& loop)
      : lower_(std::move(lower)), ssl_(std::move(ssl)), flushed_(loop) {
    BIO* bio = BIO_new(bio_method());
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
  }

  asio::awaitable<Status<IoError>> handshake(bool as_server) {
    SSL* const ssl = ssl_.get();
    if (as_server) {
      SSL_set_accept_state(ssl);
    } else {
      SSL_set_connect_state(ssl);
    }
    for (;;) {
      ERR_clear_error();
      const int done = SSL_do_handshake(ssl);
      const int why = SSL_get_error(ssl, done);
      const auto stepped = co_await step(done == 1, why);
      if (!stepped || done == 1) co_return stepped;
    }
  }

  asio::awaitable<Result<std::size_t, IoError>> read_some(std::span<std::uint8_t> into) override {
    SSL* const ssl = ssl_.get();
    for (;;) {
      if (finishing_) co_return fail(IoError::kClosed);
      std::size_t total = 0;
      int done = 1;
      ERR_clear_error();
      while (total < into.size()) {
        std::size_t got = 0;
        done = SSL_read_ex(ssl, into.data() + total, into.size() - total, &got);
        if (done != 1) break;
        total += got;
      }
      // What was read is given now; what stopped it will be met again.
      if (total > 0) co_return total;
      const int why = SSL_get_error(ssl, done);
      const auto stepped = co_await step(false, why);
      if (!stepped) co_return fail(stepped.error());
    }
  }

  asio::awaitable<Result<std::uint8_t, IoError>> peek() override {
    SSL* const ssl = ssl_.get();
    for (;;) {
      std::uint8_t first = 0;
      std::size_t got = 0;
      ERR_clear_error();
      const int done = SSL_peek_ex(ssl, &first, 1, &got);
      if (done == 1) co_return first;
      const int why = SSL_get_error(ssl, done);
      const auto stepped = co_await step(false, why);
      if (!stepped) co_return fail(stepped.error());
    }
  }

  asio::awaitable<Status<IoError>> write(ByteView bytes) override {
    ByteView part(bytes);
    while (!bytes.empty()) {
      part = bytes.first(std::min(bytes.size(), kMaxPlain));
      const auto put = co_await encrypt(part);
      if (!put) co_return put;
      const auto sent = co_await flush();
      if (!sent) co_return sent;
      bytes = bytes.subspan(part.size());
    }
    co_return Ok{};
  }

  asio::awaitable<Status<IoError>> write_both(ByteView head, ByteView body) override {
    const bool goes_alone = head.size() > kMaxHead || body.empty();
    if (goes_alone) {
      const auto wrote = co_await write(head);
      if (!wrote) co_return wrote;
    } else {
      const auto put = co_await encrypt(head);  // leaves with the body's first records
      if (!put) co_return put;
    }
    co_return co_await write(body);
  }

  asio::awaitable<Status<IoError>> wait_readable() override {
    const bool has_some = finishing_ || SSL_has_pending(ssl_.get()) == 1 || !in_.empty();
    if (has_some) co_return Ok{};
    co_return co_await lower_->wait_readable();
  }

  asio::awaitable<void> finish() override {
    const bool is_over = finishing_;
    if (is_over) co_return;
    finishing_ = true;
    if (SSL_is_init_finished(ssl_.get()) == 1) {
      ERR_clear_error();
      SSL_shutdown(ssl_.get());
      const auto loop = co_await asio::this_coro::executor;
      Deadline patience(loop, [this] { close(); });
      patience.arm(std::chrono::seconds(2));
      const auto told = co_await flush();
      if (!told) close();
    }
    co_await lower_->finish();
  }

  void close() override { lower_->close(); }
  Endpoint remote() const override { return lower_->remote(); }

  std::string alpn() const override {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }

  std::string peer_pin() const override {
    const X509Ptr certificate(SSL_get1_peer_certificate(ssl_.get()), X509_free);
    return certificate ? pin_of(certificate.get()) : std::string();
  }

 private:
  /// After an OpenSSL call: sends what it wrote, and brings what it waits for.
  asio::awaitable<Status<IoError>> step(bool succeeded, int why) {
    const auto sent = co_await flush();
    if (!sent || succeeded) co_return sent;
    switch (why) {
      case SSL_ERROR_WANT_WRITE:
        co_return Ok{};
      case SSL_ERROR_WANT_READ:
        co_return co_await fill();
      case SSL_ERROR_ZERO_RETURN:
        co_return fail(IoError::kClosed);
      default:
        co_return fail(IoError::kTls);
    }
  }

  /// `bytes` (≤ kMaxPlain) as records in `out_`, which is sent only if it has no room left.
  asio::awaitable<Status<IoError>> encrypt(ByteView bytes) {
    SSL* const ssl = ssl_.get();
    for (;;) {
      std::size_t taken = 0;
      ERR_clear_error();
      const int done = SSL_write_ex(ssl, bytes.data(), bytes.size(), &taken);
      if (done == 1) co_return Ok{};
      const int why = SSL_get_error(ssl, done);
      const auto stepped = co_await step(false, why);
      if (!stepped) co_return stepped;
    }
  }

  asio::awaitable<Status<IoError>> fill() {
    const auto ready = co_await lower_->wait_readable();
    if (!ready) co_return ready;
    const auto got = co_await lower_->read_some(in_.writable());
    if (got) {
      in_.commit(*got);
      co_return Ok{};
    }
    in_.consume(0);
    // The lower pipe ended without the closing alert: somebody cut it.
    co_return fail(got.error() == IoError::kClosed && !finishing_ ? IoError::kOther : got.error());
  }

  /// Ends when all that OpenSSL wrote is with the lower pipe, whoever sends it.
  asio::awaitable<Status<IoError>> flush() {
    Status<IoError> result = Ok{};
    while (flushing_) {
      co_await flushed_.wait();
    }
    if (broken_) co_return fail(*broken_);
    if (out_.empty()) co_return result;
    flushing_ = true;
    flushed_.reset();
    while (!out_.empty() && result) {
      PooledQueue sending = std::move(out_);
      out_ = PooledQueue();
      result = co_await lower_->write(sending.readable());
    }
    if (!result) broken_ = result.error();
    flushing_ = false;
    flushed_.set();
    co_return result;
  }

  static SslPipe& self_of(BIO* bio) { return *static_cast<SslPipe*>(BIO_get_data(bio)); }

  static int bio_read(BIO* bio, char* into, std::size_t size, std::size_t* got) {
    SslPipe& self = self_of(bio);
    BIO_clear_retry_flags(bio);
    const ByteView ready = self.in_.readable();
    if (ready.empty()) {
      BIO_set_retry_read(bio);
      return 0;
    }
    *got = std::min(size, ready.size());
    std::memcpy(into, ready.data(), *got);
    self.in_.consume(*got);
    return 1;
  }

  static int bio_write(BIO* bio, const char* from, std::size_t size, std::size_t* taken) {
    SslPipe& self = self_of(bio);
    BIO_clear_retry_flags(bio);
    const auto room = self.out_.writable();
    if (room.empty()) {
      BIO_set_retry_write(bio);
      return 0;
    }
    *taken = std::min(size, room.size());
    std::memcpy(room.data(), from, *taken);
    self.out_.commit(*taken);
    return 1;
  }

  static long bio_control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static const BIO_METHOD* bio_method() {
    static const BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "turnpike pipe");
      BIO_meth_set_read_ex(made, bio_read);
      BIO_meth_set_write_ex(made, bio_write);
      BIO_meth_set_ctrl(made, bio_control);
      return made;
    }();
    return method;
  }

  std::unique_ptr<BytePipe> lower_;
  PooledQueue in_;   // from the lower pipe, not yet with OpenSSL
  PooledQueue out_;  // from OpenSSL, not yet with the lower pipe
  SslPtr ssl_;       // after the queues: freeing it may still touch them
  Event flushed_;
  bool flushing_ = false;
  bool finishing_ = false;
  std::optional<IoError> broken_;
};

void set_common_options(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
}

int select_protocol(SSL* /*ssl*/, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned offered_size, void* /*unused*/) {
  for (const std::string_view wanted : kServerProtocols) {
    for (unsigned at = 0; at < offered_size; at += 1U + offered[at]) {
      const std::string_view name(reinterpret_cast<const char*>(offered + at + 1), offered[at]);
      if (name != wanted) continue;
      *out = offered + at + 1;
      *out_size = offered[at];
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_NOACK;
}

std::shared_ptr<SSL_CTX> make_context(const SSL_METHOD* method) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(method), SSL_CTX_free);
  set_common_options(context.get());
  return context;
}

asio::awaitable<Result<std::unique_ptr<TlsPipe>, IoError>> shake_hands(std::unique_ptr<SslPipe> pipe, bool as_server,
                                                                       const std::vector<std::string>* pins,
                                                                       Duration timeout) {
  const auto loop = co_await asio::this_coro::executor;
  Deadline deadline(loop, [&pipe] { pipe->close(); });
  deadline.arm(timeout);
  const auto done = co_await pipe->handshake(as_server);
  if (deadline.expired()) co_return fail(IoError::kTimeout);
  if (!done) {
    // A peer that leaves in mid-handshake did not like what it saw, or is not TLS: either way no TLS came of it.
    const bool is_tls = done.error() != IoError::kCancelled && done.error() != IoError::kTimeout;
    co_return fail(is_tls ? IoError::kTls : done.error());
  }
  if (pins != nullptr && std::ranges::find(*pins, pipe->peer_pin()) == pins->end()) {
    pipe->close();
    co_return fail(IoError::kTls);
  }
  deadline.disarm();
  co_return std::unique_ptr<TlsPipe>(std::move(pipe));
}

}  // namespace

Result<TlsServerContext, TlsSetupError> TlsServerContext::from_files(const std::filesystem::path& certificate,
                                                                     const std::filesystem::path& key) {
  TlsServerContext out;
  out.context_ = make_context(TLS_server_method());
  SSL_CTX* const context = out.context_.get();
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    return fail(TlsSetupError{"cannot read a PEM certificate from " + certificate.string()});
  }
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return fail(TlsSetupError{"cannot read a PEM private key from " + key.string() + ", or it does not belong to " +
                              certificate.string()});
  }
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);  // connections are long: a ticket would be written and never used
  SSL_CTX_set_alpn_select_cb(context, select_protocol, nullptr);
  out.pin_ = pin_of(SSL_CTX_get0_certificate(context));
  return out;
}

Result<TlsServerContext, TlsSetupError> TlsServerContext::self_signed(const std::filesystem::path& state) {
  const auto files = ensure_self_signed(state);
  if (!files) return fail(TlsSetupError{files.error()});
  return from_files(files->certificate, files->key);
}

TlsClientContext::TlsClientContext() : context_(make_context(TLS_client_method())) {}

TlsClientContext TlsClientContext::system() {
  TlsClientContext out;
  SSL_CTX_set_default_verify_paths(out.context_.get());
  SSL_CTX_set_verify(out.context_.get(), SSL_VERIFY_PEER, nullptr);
  return out;
}

TlsClientContext TlsClientContext::pinned(std::vector<std::string> pins) {
  TlsClientContext out;
  out.pins_ = std::move(pins);
  SSL_CTX_set_verify(out.context_.get(), SSL_VERIFY_NONE, nullptr);  // the pin is checked instead, in tls_connect
  return out;
}

TlsClientContext TlsClientContext::anyone() {
  TlsClientContext out;
  SSL_CTX_set_verify(out.context_.get(), SSL_VERIFY_NONE, nullptr);
  return out;
}

TlsClientContext TlsClientContext::for_turn() const {
  TlsClientContext out = *this;
  out.carrier_ = Carrier::kTurn;
  return out;
}

asio::awaitable<Result<std::unique_ptr<TlsPipe>, IoError>> tls_accept(std::unique_ptr<BytePipe> lower,
                                                                      const TlsServerContext& context,
                                                                      Duration timeout) {
  const auto loop = co_await asio::this_coro::executor;
  auto pipe = std::make_unique<SslPipe>(std::move(lower), SslPtr(SSL_new(context.native()), SSL_free), loop);
  co_return co_await shake_hands(std::move(pipe), true, nullptr, timeout);
}

asio::awaitable<Result<std::unique_ptr<TlsPipe>, IoError>> tls_connect(std::unique_ptr<BytePipe> lower,
                                                                       const TlsClientContext& context,
                                                                       std::string host, Duration timeout) {
  const auto loop = co_await asio::this_coro::executor;
  SslPtr ssl(SSL_new(context.native()), SSL_free);
  static constexpr unsigned char kHttp[] = "\x08http/1.1";
  static constexpr unsigned char kTurn[] = "\x09stun.turn";
  if (context.carrier() == Carrier::kTurn) {
    SSL_set_alpn_protos(ssl.get(), kTurn, sizeof(kTurn) - 1);
  } else {
    SSL_set_alpn_protos(ssl.get(), kHttp, sizeof(kHttp) - 1);
  }
  if (IpAddress::parse(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl.get(), host.c_str());
    SSL_set1_host(ssl.get(), host.c_str());
  }
  const auto pins = context.pins();
  auto pipe = std::make_unique<SslPipe>(std::move(lower), std::move(ssl), loop);
  const auto* check = pins.empty() ? nullptr : &pins;
  co_return co_await shake_hands(std::move(pipe), false, check, timeout);
}

Carrier carrier_of_alpn(std::string_view protocol) {
  if (protocol == kServerProtocols[0]) return Carrier::kTurn;
  if (protocol == kServerProtocols[1]) return Carrier::kHttp;
  return Carrier::kUnknown;
}

Carrier carrier_of_first_byte(std::uint8_t first) {
  if (first >= 'A' && first <= 'Z') return Carrier::kHttp;
  if (first <= 3) return Carrier::kTurn;
  return Carrier::kUnknown;
}

asio::awaitable<Result<Carrier, IoError>> tell_carrier(TlsPipe& pipe, Duration timeout) {
  const auto loop = co_await asio::this_coro::executor;
  const Carrier agreed = carrier_of_alpn(pipe.alpn());
  if (agreed != Carrier::kUnknown) co_return agreed;
  Deadline deadline(loop, [&pipe] { pipe.close(); });
  deadline.arm(timeout);
  const auto first = co_await pipe.peek();
  if (deadline.expired()) co_return fail(IoError::kTimeout);
  if (!first) co_return fail(first.error());
  co_return carrier_of_first_byte(*first);
}

}  // namespace turnpike::io
