// What an endpoint answers without a connection: version negotiation, Retry, refusals, stateless resets. Bounded in
// number and rate, and never longer than what it answers (RFC 9000, sections 6, 8.1, 10.3).
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <deque>
#include <optional>
#include <span>

#include "base/random.h"
#include "core/quic/connection_state.h"
#include "core/quic/path.h"

namespace turnpike::quic {

/// The verbs are false, and nothing will be sent, above a limit.
class Stateless {
 public:
  /// `random` outlives it.
  Stateless(Random& random, const ResetSecret& reset_secret);

  bool negotiate_version(Instant now, CarrierId carrier, const DatagramBatch& batch, const ngtcp2_version_cid& asked);
  /// `id` is the unknown destination of a datagram of `size` bytes.
  bool reset(Instant now, CarrierId carrier, const DatagramBatch& batch, std::size_t size,
             const std::array<std::uint8_t, NGTCP2_MAX_CIDLEN>& id);
  bool retry(Instant now, CarrierId carrier, const DatagramBatch& batch, const ngtcp2_pkt_hd& initial, ngtcp2_cid id);
  bool refuse(Instant now, CarrierId carrier, const DatagramBatch& batch, const ngtcp2_pkt_hd& initial,
              std::uint64_t error);
  /// A connection's last words.
  void repeat(const PathBatch& to, ByteView last_words);

  [[nodiscard]] static bool is_retry_token(const ngtcp2_pkt_hd& initial);
  /// The first id the client chose, if we gave it this token, for this address, lately.
  [[nodiscard]] std::optional<ngtcp2_cid> open_token(Instant now, const turnpike::Endpoint& remote,
                                                     const ngtcp2_pkt_hd& initial) const;

  std::optional<PathBatch> poll(std::span<std::uint8_t> buffer);

 private:
  struct Answer {
    PathBatch to;
    Bytes bytes;
  };

  [[nodiscard]] bool may(Instant now);
  bool send(CarrierId carrier, const DatagramBatch& batch, Bytes bytes, ngtcp2_ssize size);

  Random& random_;
  ResetSecret reset_secret_;
  ResetSecret token_secret_;
  std::deque<Answer> queue_;
  Instant second_;
  std::size_t in_second_ = 0;
};

}  // namespace turnpike::quic
