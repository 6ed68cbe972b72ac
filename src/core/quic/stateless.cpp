#include "core/quic/stateless.h"

#include <ngtcp2/ngtcp2_crypto.h>

#include <algorithm>

namespace turnpike::quic {

namespace {

constexpr std::size_t kLongest = 256;  ///< Of anything said here: a Retry is about 100 bytes.
/// Shorter ones are not answered: two endpoints would reset each other for ever (RFC 9000, section 10.3.3).
constexpr std::size_t kMinResettable = NGTCP2_MIN_STATELESS_RESET_RANDLEN + NGTCP2_STATELESS_RESET_TOKENLEN + 1;
constexpr std::size_t kLongestReset = 42;  ///< As a small packet would be.

}  // namespace

Stateless::Stateless(Random& random, const ResetSecret& reset_secret)
    : random_(random), reset_secret_(reset_secret), token_secret_(random.array<32>()) {}

bool Stateless::may(Instant now) {
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    in_second_ = 0;
  }
  if (queue_.size() >= kMaxStatelessQueue || in_second_ >= kMaxStatelessPerSecond) return false;
  ++in_second_;
  return true;
}

bool Stateless::send(CarrierId carrier, const DatagramBatch& batch, Bytes bytes, ngtcp2_ssize size) {
  if (size <= 0) return false;
  bytes.resize(static_cast<std::size_t>(size));
  queue_.push_back({{carrier, {.remote = batch.remote, .local = batch.local}}, std::move(bytes)});
  return true;
}

bool Stateless::negotiate_version(Instant now, CarrierId carrier, const DatagramBatch& batch,
                                  const ngtcp2_version_cid& asked) {
  if (!may(now)) return false;
  // One we speak, and one nobody does, so that clients learn to live with the unknown (RFC 9000, section 6.3).
  const std::uint32_t spoken[] = {0x1a2a3a4a, NGTCP2_PROTO_VER_V1};
  Bytes out(8 + 2 * 255 + sizeof spoken);
  const ngtcp2_ssize size = ngtcp2_pkt_write_version_negotiation(
      out.data(), out.size(), random_.array<1>()[0], asked.scid, asked.scidlen, asked.dcid, asked.dcidlen, spoken, 2);
  return send(carrier, batch, std::move(out), size);
}

bool Stateless::reset(Instant now, CarrierId carrier, const DatagramBatch& batch, std::size_t size,
                      const std::array<std::uint8_t, NGTCP2_MAX_CIDLEN>& id) {
  if (size <= kMinResettable || !may(now)) return false;
  ngtcp2_cid cid;
  ngtcp2_cid_init(&cid, id.data(), kConnectionIdSize);
  std::array<std::uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN> token{};
  ngtcp2_crypto_generate_stateless_reset_token(token.data(), reset_secret_.data(), reset_secret_.size(), &cid);
  const std::size_t length = std::min(size - 1, kLongestReset);  // shorter than its cause: no loop
  Bytes noise(length - token.size());
  random_.fill(noise);
  Bytes out(kLongest);
  const ngtcp2_ssize written =
      ngtcp2_pkt_write_stateless_reset(out.data(), out.size(), token.data(), noise.data(), noise.size());
  return send(carrier, batch, std::move(out), written);
}

bool Stateless::retry(Instant now, CarrierId carrier, const DatagramBatch& batch, const ngtcp2_pkt_hd& initial,
                      ngtcp2_cid id) {
  if (!may(now)) return false;
  ngtcp2_path_storage address;
  write_path({carrier, batch.remote}, address);
  std::array<std::uint8_t, NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN> token{};
  const ngtcp2_ssize token_size = ngtcp2_crypto_generate_retry_token(
      token.data(), token_secret_.data(), token_secret_.size(), initial.version, address.path.remote.addr,
      address.path.remote.addrlen, &id, &initial.dcid, timestamp(now));
  if (token_size < 0) return false;
  Bytes out(kLongest);
  const ngtcp2_ssize size =
      ngtcp2_crypto_write_retry(out.data(), out.size(), initial.version, &initial.scid, &id, &initial.dcid,
                                token.data(), static_cast<std::size_t>(token_size));
  return send(carrier, batch, std::move(out), size);
}

bool Stateless::refuse(Instant now, CarrierId carrier, const DatagramBatch& batch, const ngtcp2_pkt_hd& initial,
                       std::uint64_t error) {
  if (!may(now)) return false;
  Bytes out(kLongest);
  const ngtcp2_ssize size = ngtcp2_crypto_write_connection_close(out.data(), out.size(), initial.version, &initial.scid,
                                                                 &initial.dcid, error, nullptr, 0);
  return send(carrier, batch, std::move(out), size);
}

void Stateless::repeat(const PathBatch& to, ByteView last_words) {
  if (queue_.size() < kMaxStatelessQueue) queue_.push_back({to, copy_of(last_words)});
}

bool Stateless::is_retry_token(const ngtcp2_pkt_hd& initial) {
  return initial.tokenlen > 0 && initial.token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY;
}

std::optional<ngtcp2_cid> Stateless::open_token(Instant now, const turnpike::Endpoint& remote,
                                                const ngtcp2_pkt_hd& initial) const {
  ngtcp2_path_storage address;
  write_path({CarrierId::kSocket, remote}, address);
  ngtcp2_cid out;
  const int result = ngtcp2_crypto_verify_retry_token(&out, initial.token, initial.tokenlen, token_secret_.data(),
                                                      token_secret_.size(), initial.version, address.path.remote.addr,
                                                      address.path.remote.addrlen, &initial.dcid,
                                                      nanoseconds(kRetryTokenLifetime), timestamp(now));
  return result == 0 ? std::optional(out) : std::nullopt;
}

std::optional<PathBatch> Stateless::poll(std::span<std::uint8_t> buffer) {
  if (queue_.empty() || queue_.front().bytes.size() > buffer.size()) return std::nullopt;
  const Answer answer = std::move(queue_.front());
  queue_.pop_front();
  std::ranges::copy(answer.bytes, buffer.begin());
  PathBatch out = answer.to;
  out.datagrams.bytes = buffer.first(answer.bytes.size());
  out.datagrams.segment_size = answer.bytes.size();
  return out;
}

}  // namespace turnpike::quic
