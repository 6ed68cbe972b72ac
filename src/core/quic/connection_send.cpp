// Sending, time and the end of a connection.
#include <ngtcp2/ngtcp2_crypto.h>

#include <algorithm>
#include <array>

#include "core/quic/connection_state.h"

namespace turnpike::quic {

namespace {

constexpr std::uint64_t kTlsAlerts = 0x100;  ///< CRYPTO_ERROR (RFC 9000, section 20.1): this and the alert.
constexpr std::uint64_t kNoApplicationProtocol = kTlsAlerts + 120;
constexpr std::size_t kMaxPieces = 4;            ///< Of a stream in one packet.
constexpr std::size_t kExpiriesInBlackHole = 2;  ///< Probe time-outs without any progress (RFC 8899, section 4.3).

channel::CloseReason reason_of(int library_error) {
  using channel::CloseReason;
  switch (library_error) {
    case NGTCP2_ERR_IDLE_CLOSE:
      return CloseReason::kLivenessTimeout;
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
      return CloseReason::kHandshakeTimeout;
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
      return CloseReason::kNegotiationRefused;
    case NGTCP2_ERR_DROP_CONN:
      return CloseReason::kConnectionLost;
    case NGTCP2_ERR_FLOW_CONTROL:
      return CloseReason::kWindowExceeded;
    case NGTCP2_ERR_AEAD_LIMIT_REACHED:
      return CloseReason::kNoncesSpent;
    case NGTCP2_ERR_CRYPTO:
    case NGTCP2_ERR_TRANSPORT_PARAM:
    case NGTCP2_ERR_MALFORMED_TRANSPORT_PARAM:
    case NGTCP2_ERR_REQUIRED_TRANSPORT_PARAM:
    case NGTCP2_ERR_CALLBACK_FAILURE:
      return CloseReason::kBadHandshake;
    default:
      return CloseReason::kBadFrame;
  }
}

}  // namespace

void ConnectionState::handle_datagram(Instant at, const Path& from, const IpAddress& to, Ecn ecn, ByteView datagram) {
  now = at;
  if (closed) return;
  counters.received += datagram.size();
  ++counters.datagrams_received;
  ngtcp2_path_storage storage;
  write_path(from, storage);
  ngtcp2_pkt_info info{};
  info.ecn = static_cast<std::uint8_t>(ecn);
  const int result =
      ngtcp2_conn_read_pkt(conn.get(), &storage.path, &info, datagram.data(), datagram.size(), timestamp(now));
  local = to;
  if (result != 0) return fail_with(result);
  // A forged datagram moves no clock: only what the peer's keys opened counts, and the library drops the rest in
  // silence. Before the keys there is nothing to watch.
  last_received = now;
  path = read_path(*ngtcp2_conn_get_path(conn.get()));
  if (std::exchange(window_blocked, ngtcp2_conn_get_max_data_left(conn.get()) == 0) && !window_blocked) {
    for (auto& [id, stream] : streams) want_to_send(stream);
  }
  settle_streams();
  adjust_keepalive();
}

void ConnectionState::handle_timeout(Instant at) {
  now = at;
  if (closed) return;
  end_late_negotiations();
  if (established && is_busy() && now >= silent_at()) {
    return close_with(channel::CloseReason::kLivenessTimeout);
  }
  const ngtcp2_tstamp stamp = timestamp(now);
  if (ngtcp2_conn_get_expiry(conn.get()) <= stamp) {
    const int result = ngtcp2_conn_handle_expiry(conn.get(), stamp);
    if (result != 0) return fail_with(result);
    watch_black_hole();
  }
  if (raise_at && now >= *raise_at) {
    raise_at.reset();
    max_datagram = kMaxDatagram;
  }
  adjust_keepalive();
}

bool ConnectionState::is_busy() const { return last_stream_bytes && now - *last_stream_bytes < shared.limits.busy_for; }

void ConnectionState::note_stream_bytes() {
  if (!is_busy()) busy_since = now;
  last_stream_bytes = now;
}

// While it rested the peer had nothing to say: its silence counts from the end of the rest.
Instant ConnectionState::silent_at() const { return std::max(last_received, busy_since) + silence_limit(); }

Duration ConnectionState::silence_limit() const {
  ngtcp2_conn_info info;
  ngtcp2_conn_get_conn_info(conn.get(), &info);
  const auto round_trip = Duration(static_cast<Duration::rep>(info.smoothed_rtt / 1000));
  return std::max(shared.limits.busy_silence, shared.limits.busy_ping + 4 * round_trip);
}

void ConnectionState::adjust_keepalive() {
  if (!established || closed) return;
  Duration wanted = shared.limits.keepalive;
  const ngtcp2_transport_params* const theirs = ngtcp2_conn_get_remote_transport_params(conn.get());
  Duration idle = shared.limits.idle_timeout;
  if (theirs != nullptr && theirs->max_idle_timeout != 0) {
    idle = std::min(idle, Duration(static_cast<Duration::rep>(theirs->max_idle_timeout / 1000)));
  }
  wanted = std::min(wanted, idle * 2 / 5);
  if (is_busy()) wanted = std::min(wanted, shared.limits.busy_ping);
  if (wanted == keepalive) return;
  keepalive = wanted;
  ngtcp2_conn_set_keep_alive_timeout(conn.get(), nanoseconds(wanted));
}

/// Larger packets have vanished and nothing sent was acknowledged since: the path takes less than it did (RFC 8899,
/// section 4.3). Small ones always pass, so the library's retransmissions go on at that size.
void ConnectionState::watch_black_hole() {
  ngtcp2_conn_info info;
  ngtcp2_conn_get_conn_info(conn.get(), &info);
  if (!established || info.bytes_in_flight == 0) {
    stalled_expiries = 0;
    return;
  }
  const Duration patience = Duration(static_cast<Duration::rep>((info.smoothed_rtt + 4 * info.rttvar) / 1000));
  if (now - last_progress < patience || ++stalled_expiries < kExpiriesInBlackHole) return;
  if (max_datagram == kMinDatagram || ngtcp2_conn_get_path_max_tx_udp_payload_size(conn.get()) <= kMinDatagram) return;
  max_datagram = kMinDatagram;
  raise_at = now + kPathMtuRaise;
  ++counters.black_holes;
}

std::optional<Instant> ConnectionState::poll_timeout() const {
  if (closed) return std::nullopt;
  Instant next = instant(ngtcp2_conn_get_expiry(conn.get()));
  if (!negotiations.empty()) next = std::min(next, negotiations.front().first);
  if (established && last_stream_bytes) {
    if (is_busy()) next = std::min(next, silent_at());
    if (is_busy()) next = std::min(next, *last_stream_bytes + shared.limits.busy_for);  // the pings may rest
  }
  if (raise_at) next = std::min(next, *raise_at);
  return next;
}

Stream* ConnectionState::next_sender() {
  while (!senders.empty()) {
    Stream* const stream = find_library(senders.front());
    if (stream != nullptr && stream->wants_to_send()) return stream;
    if (stream != nullptr) stream->queued = false;
    senders.pop_front();
  }
  return nullptr;
}

/// One packet, of as many streams as fit; 0 when there is none to send now.
ngtcp2_ssize ConnectionState::write_packet(ngtcp2_path_storage& to, ngtcp2_pkt_info& info,
                                           std::span<std::uint8_t> into) {
  const ngtcp2_tstamp stamp = timestamp(now);
  while (true) {
    Stream* const stream = established && ngtcp2_conn_get_max_data_left(conn.get()) > 0 ? next_sender() : nullptr;
    std::array<ngtcp2_vec, kMaxPieces> pieces;
    std::size_t count = 0;
    std::size_t offered = 0;
    std::uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_NONE;
    if (stream != nullptr) {
      std::array<ByteView, kMaxPieces> views;
      count = stream->out.peek(views);
      for (std::size_t i = 0; i < count; ++i) {
        pieces[i] = {const_cast<std::uint8_t*>(views[i].data()), views[i].size()};
        offered += views[i].size();
      }
      flags |= NGTCP2_WRITE_STREAM_FLAG_MORE;
      if (stream->finish_wanted && offered == stream->out.unmarked()) flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
    }
    ngtcp2_ssize taken = -1;
    const ngtcp2_ssize written =
        ngtcp2_conn_writev_stream(conn.get(), &to.path, &info, into.data(), into.size(), &taken, flags,
                                  stream != nullptr ? stream->id : -1, pieces.data(), count, stamp);
    if (stream != nullptr && taken >= 0) {
      stream->out.mark(static_cast<std::size_t>(taken));
      queued -= static_cast<std::size_t>(taken);
      if (taken > 0) note_stream_bytes();
      if ((flags & NGTCP2_WRITE_STREAM_FLAG_FIN) != 0 && static_cast<std::size_t>(taken) == offered) {
        stream->finish_sent = true;
      }
    }
    if (written == NGTCP2_ERR_WRITE_MORE) continue;
    if (written == NGTCP2_ERR_STREAM_DATA_BLOCKED && stream != nullptr) {
      if (ngtcp2_conn_get_max_data_left(conn.get()) > 0) stream->blocked = true;
      continue;
    }
    if ((written == NGTCP2_ERR_STREAM_SHUT_WR || written == NGTCP2_ERR_STREAM_NOT_FOUND) && stream != nullptr) {
      stream->finish_sent = true;  // the peer wants no more of it
      continue;
    }
    if (written > 0 && senders.size() > 1) {  // the next packet is the next stream's
      senders.push_back(senders.front());
      senders.pop_front();
    }
    return written;
  }
}

std::optional<PathBatch> ConnectionState::write(Instant at, std::span<std::uint8_t> into) {
  now = at;
  if (closing && !closed) {
    ngtcp2_ccerr_set_application_error(&error, 0, nullptr, 0);
    close_with(channel::CloseReason::kClosedByUs);
  }
  if (closed && !std::exchange(last_words_due, false)) return std::nullopt;

  PathBatch out{path.carrier, {.remote = path.remote, .local = role == TlsRole::kServer ? local : IpAddress{}}};
  const auto take = [&](const Path& to, Ecn ecn, std::size_t size) {
    out.carrier = to.carrier;
    out.datagrams.remote = to.remote;
    out.datagrams.ecn = ecn;
    out.datagrams.segment_size = size;
  };
  if (closed) {
    if (last_words.empty() || last_words.size() > into.size()) return std::nullopt;
    std::ranges::copy(last_words, into.begin());
    take(path, Ecn::kNotEct, last_words.size());
    out.datagrams.bytes = into.first(last_words.size());
    counters.sent += last_words.size();
    ++counters.datagrams_sent;
    return out;
  }

  std::size_t total = 0;
  std::size_t& segment = out.datagrams.segment_size;
  Path to;
  if (!held.empty()) {
    std::ranges::copy(held, into.begin());
    take(held_path, held_ecn, held.size());
    to = held_path;
    total = held.size();
    held.clear();
  }
  // The library may name a size of its own to keep bursts short: BBR's pacing.
  const std::size_t quantum = std::max<std::size_t>(ngtcp2_conn_get_send_quantum(conn.get()), 2 * kMaxDatagram);
  while (total < quantum) {
    const std::size_t room_left = into.size() - total;
    const std::size_t largest = std::min(max_datagram, kMaxDatagram);
    if (room_left < largest) break;
    ngtcp2_path_storage storage;
    ngtcp2_path_storage_zero(&storage);
    ngtcp2_pkt_info info{};
    const ngtcp2_ssize written = write_packet(storage, info, into.subspan(total, largest));
    if (written < 0) {
      fail_with(static_cast<int>(written));
      break;
    }
    if (written == 0) break;
    const auto size = static_cast<std::size_t>(written);
    const Path now_to = read_path(storage.path);
    const Ecn ecn{info.ecn};
    if (ecn != Ecn::kNotEct) ++counters.marked_sent;
    if (total == 0) {
      take(now_to, ecn, size);
      to = now_to;
    } else if (now_to != to || ecn != out.datagrams.ecn || size > segment) {
      held.assign(into.begin() + static_cast<std::ptrdiff_t>(total),
                  into.begin() + static_cast<std::ptrdiff_t>(total + size));
      held_path = now_to;
      held_ecn = ecn;
      break;
    }
    total += size;
    if (size < segment) break;
  }
  settle_streams();
  if (closed) return write(at, into);  // the last words, for what has failed
  if (total == 0) return std::nullopt;
  ngtcp2_conn_update_pkt_tx_time(conn.get(), timestamp(now));
  tell_room();
  out.datagrams.bytes = into.first(total);
  counters.sent += total;
  counters.datagrams_sent += out.datagrams.count();
  return out;
}

void ConnectionState::fail_with(int library_error) {
  if (closed) return;
  if (library_error == NGTCP2_ERR_DRAINING) {
    draining = true;
    return close_with(reset_by_peer ? channel::CloseReason::kConnectionLost : reason_of_peer());
  }
  if (library_error == NGTCP2_ERR_CRYPTO) {
    ngtcp2_ccerr_set_tls_alert(&error, ngtcp2_conn_get_tls_alert(conn.get()), nullptr, 0);
  } else {
    ngtcp2_ccerr_set_liberr(&error, library_error, nullptr, 0);
  }
  channel::CloseReason reason = reason_of(library_error);
  if (const auto refusal = tls->refusal()) reason = *refusal;
  if (library_error == NGTCP2_ERR_CRYPTO && !tls->refusal() && error.error_code == kNoApplicationProtocol) {
    reason = channel::CloseReason::kNegotiationRefused;
  }
  // Nobody hears them after these.
  draining = library_error == NGTCP2_ERR_IDLE_CLOSE || library_error == NGTCP2_ERR_DROP_CONN ||
             library_error == NGTCP2_ERR_RECV_VERSION_NEGOTIATION;
  close_with(reason);
}

channel::CloseReason ConnectionState::reason_of_peer() const {
  using channel::CloseReason;
  const ngtcp2_ccerr* const theirs = ngtcp2_conn_get_ccerr(conn.get());
  if (theirs->error_code == NGTCP2_NO_ERROR && theirs->type != NGTCP2_CCERR_TYPE_TRANSPORT) {
    return CloseReason::kClosedByPeer;
  }
  if (theirs->type == NGTCP2_CCERR_TYPE_TRANSPORT) {
    if (theirs->error_code == NGTCP2_NO_ERROR) return CloseReason::kClosedByPeer;
    if (theirs->error_code == kNoApplicationProtocol) return CloseReason::kNegotiationRefused;
    if (theirs->error_code >= kTlsAlerts && theirs->error_code < kTlsAlerts + 256) return CloseReason::kBadHandshake;
  }
  return CloseReason::kPeerError;
}

void ConnectionState::close_with(channel::CloseReason reason) {
  if (closed) return;
  if (closing) reason = channel::CloseReason::kClosedByUs;
  if (!draining) write_last_words();
  closed = reason;
  for (auto& [id, stream] : streams) {
    stream.in.clear(shared.pool);
    stream.out.clear(shared.pool);
  }
  streams.clear();
  senders.clear();
  negotiations.clear();
  held.clear();
  queued = 0;
  events.emplace_back(channel::Closed{reason});
}

void ConnectionState::write_last_words() {
  last_words.resize(kMinDatagram);
  ngtcp2_path_storage storage;
  ngtcp2_path_storage_zero(&storage);
  ngtcp2_pkt_info info{};
  const ngtcp2_ssize size = ngtcp2_conn_write_connection_close(conn.get(), &storage.path, &info, last_words.data(),
                                                               last_words.size(), &error, timestamp(now));
  last_words.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  last_words_due = !last_words.empty();
}

}  // namespace turnpike::quic
