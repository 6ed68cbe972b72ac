// One encrypted, authenticated, multiplexed connection over any ordered byte pipe: multistream-select, Noise XX, Yamux.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/machine.h"
#include "base/random.h"
#include "base/time.h"
#include "core/channel/close_reason.h"
#include "core/channel/streams.h"
#include "core/identity/peer_id.h"
#include "crypto/sign.h"

namespace turnpike::channel {

enum class Role : std::uint8_t { kInitiator, kResponder };

/// What a peer can make us hold, and how long we wait for it.
struct Limits {
  Duration handshake_timeout = std::chrono::seconds(10);
  Duration negotiation_timeout = std::chrono::seconds(10);  ///< For a stream's protocol to be agreed.
  Duration keepalive = std::chrono::seconds(30);            ///< A ping at least this often.
  Duration liveness_timeout = std::chrono::seconds(20);     ///< After a ping, for any byte at all to come.
  std::size_t inbound_streams = 256;                        ///< More are reset, one by one.
  std::size_t outbound_streams = 256;                       ///< open_stream() fails beyond it.
  std::uint32_t wide_window =
      4U << 20U;  ///< Opened at once on streams of Config::wide_protocols, where the cap allows.
  std::uint32_t max_window = 16U << 20U;  ///< A window grows to this where the reader keeps up; 256 KiB at least.
  std::size_t receive_cap =
      64U << 20U;  ///< The sum of all receive windows: the most unread bytes a peer can make us hold.
  std::size_t max_queued = 4U << 20U;  ///< Bytes accepted by write() and not yet handed out, over all streams.
  std::size_t max_queued_per_stream = 1U << 20U;
};

struct Config {
  Role role = Role::kInitiator;
  const crypto::SigningKey* identity = nullptr;   ///< Borrowed; outlives the channel.
  std::optional<identity::PeerId> expected_peer;  ///< Anybody else ends the channel with kWrongPeer.
  std::vector<std::string> protocols;             ///< Accepted on inbound streams; everything else is answered `na`.
  std::vector<std::string> wide_protocols;        ///< Those that open with Limits::wide_window, either way.
  std::vector<std::string> urgent_protocols;      ///< Those whose bytes go before all others', either way.
  Limits limits;
};

/// A StreamMachine (base/machine.h). Drain poll_write, poll_event and poll_timeout after every handle_* and every verb.
///
/// poll_write() frames and encrypts on demand, about 64 KiB a call, so call it only when the pipe has room: then pings
/// and window updates never wait behind bulk, and streams take turns fairly.
class SecureChannel final : public Streams {
 public:
  using Event = channel::Event;

  /// `random` outlives the channel.
  SecureChannel(Instant now, Config config, Random& random);
  ~SecureChannel() override;
  SecureChannel(SecureChannel&&) noexcept;
  SecureChannel& operator=(SecureChannel&&) noexcept;

  // handle_*
  void handle_bytes(Instant now, ByteView bytes);
  void handle_closed(Instant now);
  void handle_timeout(Instant now);

  // verbs
  /// Optimistic: write() may follow at once, the peer's agreement comes as StreamOpened or StreamRefused. Nothing when
  /// the channel is not established or is closing, or when Limits::outbound_streams or Limits::receive_cap is reached.
  std::optional<StreamId> open_stream(std::string_view protocol) override;
  /// Copies what fits within the peer's window and our queue, and says how much that was.
  std::size_t write(StreamId id, ByteView bytes) override;
  /// What was written so far shares no yamux frame with what is written next.
  void end_frame(StreamId id) override;
  /// Ends our direction, after everything written. The peer may still send.
  void finish(StreamId id) override;
  /// Ends both directions now; what was written and not handed out is dropped, and so is what is unread. No event
  /// follows.
  void reset(StreamId id) override;
  /// Gives the peer's window back: flow control is by consumption. At most readable().size() bytes of the front.
  void consume(Instant now, StreamId id, std::size_t size) override;
  /// Says goodbye: streams end now, with what they have queued and unread. Closed{kClosedByUs} follows when
  /// poll_write() has handed out the goodbye. To lose nothing, finish() the streams and wait for them to end first.
  void close() override;
  /// Gives back a buffer that poll_write() returned, once sent, so that the next need not be allocated. Optional.
  void recycle(Bytes buffer);

  // poll_*
  std::optional<Bytes> poll_write();
  std::optional<Event> poll_event() override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  // getters
  /// The front of what has come and was not consumed; contiguous, so not always all of it: ask again after consume().
  /// Valid until the next call that is not const.
  [[nodiscard]] ByteView readable(StreamId id) const override;
  /// All unread bytes, also those behind the front.
  [[nodiscard]] std::size_t unread(StreamId id) const;
  /// The peer has finished and everything was consumed.
  [[nodiscard]] bool at_end(StreamId id) const;
  /// What write() would take now.
  [[nodiscard]] std::size_t writable(StreamId id) const;
  /// False once a stream has ended both ways and everything was consumed, or was reset or refused.
  [[nodiscard]] bool is_open(StreamId id) const override;
  [[nodiscard]] bool is_established() const override;
  /// Set with Closed, whether or not the event was polled already.
  [[nodiscard]] std::optional<CloseReason> closed() const override;
  /// Known from Established on.
  [[nodiscard]] const std::optional<identity::PeerId>& peer() const override;
  [[nodiscard]] std::size_t streams() const override;
  /// Bytes accepted by write() and not yet handed out.
  [[nodiscard]] std::size_t queued() const;
  /// The last ping's, if one has come back.
  [[nodiscard]] std::optional<Duration> round_trip() const override;
  /// The last security protocol the peer proposed that was answered `na`, also once closed. Empty: none.
  [[nodiscard]] const std::string& refused_security() const;
  /// When anything came last.
  [[nodiscard]] Instant heard() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace turnpike::channel
