// The inside of a connection, shared by the .cpp files of this module: it holds the library's types.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/random.h"
#include "core/channel/streams.h"
#include "core/quic/connection_counters.h"
#include "core/quic/limits.h"
#include "core/quic/path.h"
#include "core/quic/stream.h"
#include "core/quic/tls.h"
#include "core/quic/tls_owner.h"

namespace turnpike::quic {

using ResetSecret = std::array<std::uint8_t, 32>;

/// What an endpoint lends its connections; it outlives them.
struct Shared {
  const Credentials& credentials;
  const Limits& limits;
  const std::vector<std::string>& protocols;
  Random& random;
  ChunkPool& pool;
  ResetSecret reset_secret;
  std::uint8_t shard;
};

/// A connection id that began or ceased to be ours: for the endpoint's routing table.
struct IdChange {
  ngtcp2_cid id;
  bool added;
};

using ResetToken = std::array<std::uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN>;

/// A token with which the peer would end the connection if it lost its state, or one it has taken back.
struct TokenChange {
  ResetToken token;
  bool added;
};

struct ConnectionSetup {
  TlsRole role;
  Path path;
  std::optional<identity::PeerId> expected;
  // A server's:
  ngtcp2_cid client_source{};
  ngtcp2_cid client_destination{};
  std::optional<ngtcp2_cid> original_destination;  ///< Set after a Retry.
  ByteView token;
};

[[nodiscard]] inline ngtcp2_tstamp timestamp(Instant now) {
  return static_cast<ngtcp2_tstamp>(now.time_since_epoch().count()) * 1000 + 1;
}
/// The first microsecond that is not before it.
[[nodiscard]] inline Instant instant(ngtcp2_tstamp stamp) {
  return Instant(Duration(static_cast<Duration::rep>(std::min<ngtcp2_tstamp>(stamp, UINT64_MAX / 4) + 999) / 1000));
}
[[nodiscard]] inline ngtcp2_duration nanoseconds(Duration duration) {
  return static_cast<ngtcp2_duration>(duration.count()) * 1000;
}
/// A path as the library wants it: the carrier is the port of a local address that nobody has.
void write_path(const Path& path, ngtcp2_path_storage& out);
[[nodiscard]] Path read_path(const ngtcp2_path& path);
[[nodiscard]] ngtcp2_cid random_id(const Shared& shared);

struct FreeConnection {
  void operator()(ngtcp2_conn* conn) const { ngtcp2_conn_del(conn); }
};

struct ConnectionState {
  ConnectionState(const Shared& shared, Now now, const ConnectionSetup& setup);
  ConnectionState(const ConnectionState&) = delete;
  ConnectionState& operator=(const ConnectionState&) = delete;

  // From the endpoint
  void handle_datagram(Instant now, const Path& path, const IpAddress& local, Ecn ecn, ByteView datagram);
  void handle_timeout(Instant now);
  /// Fills `into` with datagrams of one size for one path.
  [[nodiscard]] std::optional<PathBatch> write(Instant now, std::span<std::uint8_t> into);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  // connection_streams.cpp
  Stream* find(channel::StreamId id);
  Stream* find_library(std::int64_t id);
  void accept(std::int64_t id);
  void receive(Stream& stream, ByteView bytes, bool last);
  void negotiate(Stream& stream);
  void tell_finished(Stream& stream);
  void stop(Stream& stream);
  void end_stream(Stream& stream, bool tell);
  void want_to_send(Stream& stream);
  void erase_if_over(std::int64_t id);
  void give_window_back(Stream& stream, std::size_t size);
  [[nodiscard]] std::size_t room(const Stream& stream) const;
  void tell_room();
  void settle_streams();
  void end_late_negotiations();

  // connection_send.cpp
  [[nodiscard]] Stream* next_sender();
  [[nodiscard]] ngtcp2_ssize write_packet(ngtcp2_path_storage& path, ngtcp2_pkt_info& info,
                                          std::span<std::uint8_t> into);
  void write_last_words();
  void close_with(channel::CloseReason reason);
  void fail_with(int library_error);
  [[nodiscard]] channel::CloseReason reason_of_peer() const;
  [[nodiscard]] bool is_live() const { return established && !closed && !closing; }
  [[nodiscard]] bool is_busy() const;
  void note_stream_bytes();
  /// When a busy connection that hears nothing is over.
  [[nodiscard]] Instant silent_at() const;
  [[nodiscard]] Duration silence_limit() const;
  void watch_black_hole();
  void adjust_keepalive();

  const Shared& shared;
  Instant now;
  TlsRole role;
  ConnRef ref;
  std::unique_ptr<TlsSession> tls;
  std::unique_ptr<ngtcp2_conn, FreeConnection> conn;

  std::map<std::int64_t, Stream> streams;
  std::deque<std::int64_t> senders;                           ///< Streams with something to send, in turn.
  std::deque<std::pair<Instant, std::int64_t>> negotiations;  ///< By deadline; those over are skipped.
  std::vector<std::int64_t> to_stop;                          ///< Ended by the peer in a callback: ended here after it.
  std::vector<std::int64_t> to_erase;
  std::size_t outbound = 0;
  std::size_t queued = 0;  ///< Bytes accepted and not sent once, over all streams.
  bool window_blocked = false;

  std::deque<channel::Event> events;
  std::vector<IdChange> ids;
  std::vector<TokenChange> tokens;
  std::size_t issued_ids = 0;
  bool established = false;
  bool half_open_counted = false;
  bool closing = false;
  bool draining = false;  ///< The peer has ended it: nothing more is said.
  bool reset_by_peer = false;
  std::optional<channel::CloseReason> closed;
  std::optional<identity::PeerId> peer;
  ngtcp2_ccerr error{};
  Bytes last_words;
  bool last_words_due = false;

  Path path;
  IpAddress local;  ///< Where the last datagram came to; a server answers from there.
  Bytes held;       ///< A packet that did not fit into the batch before it.
  Path held_path;
  Ecn held_ecn = Ecn::kNotEct;

  Instant last_received;
  std::optional<Instant> last_stream_bytes;
  Instant busy_since;  ///< The first of them after a rest.
  Duration keepalive{0};
  std::size_t max_datagram = kMaxDatagram;  ///< kMinDatagram in a black hole.
  Instant last_progress;
  std::size_t stalled_expiries = 0;
  std::optional<Instant> raise_at;
  ConnectionCounters counters;
};

}  // namespace turnpike::quic
