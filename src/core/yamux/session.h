// Many streams over one ordered byte pipe, each with its own window (yamux).
#pragma once

#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "core/yamux/buffer_pool.h"
#include "core/yamux/frame.h"
#include "core/yamux/keep_alive.h"
#include "core/yamux/receive_buffer.h"
#include "core/yamux/receive_window.h"
#include "core/yamux/send_queue.h"

namespace turnpike::yamux {

/// Streams we opened and the peer has not acknowledged: more are not opened (libp2p, "ACK backlog").
inline constexpr std::size_t kAckBacklog = 256;
/// Small frames that wait to be sent. A peer that makes us want to send more of them is not reading.
inline constexpr std::size_t kMaxControlFrames = 2048;

enum class Side : std::uint8_t { kDialer, kListener };

struct SessionConfig {
  Side side = Side::kDialer;
  Framing framing = {};
  std::size_t inbound_streams = 256;
  std::size_t outbound_streams = 256;
  std::uint32_t max_window = 16U << 20U;
  std::size_t receive_cap = 64U << 20U;
  std::size_t max_queued = 4U << 20U;
  std::size_t max_queued_per_stream = 1U << 20U;
  Duration keepalive = std::chrono::seconds(30);
  Duration patience = std::chrono::seconds(20);
};

enum class Failure : std::uint8_t {
  kBadFrame,        ///< Against the rules of yamux.
  kWindowExceeded,  ///< More than we allowed.
  kFlooded,         ///< kMaxControlFrames wait because of the peer.
  kSilent,          ///< No byte within the patience after a ping.
  kPeerClosed,      ///< The peer said go away, normal.
  kPeerError,       ///< The peer said go away, and blames us or itself.
};

struct Event {
  enum class Kind : std::uint8_t {
    kOpened,    ///< By the peer.
    kReadable,  ///< Nothing was unread, and now something is.
    kWritable,  ///< write() fell short, and would take more now.
    kFinished,  ///< The peer will send no more.
    kReset,     ///< By the peer. Gone.
    kEnded,     ///< Both ways finished and all was read. Gone.
  };
  Kind kind;
  std::uint32_t stream;

  friend bool operator==(const Event&, const Event&) = default;
};

/// A machine in the sense of base/machine.h; its bytes are the plaintext between a secure channel's two ends. After a
/// failure all streams are gone, and poll_frame() may have a last go-away to send.
class Session {
 public:
  Session(Instant now, const SessionConfig& config);

  // handle_*
  /// Bytes [begin, end) of `storage`, which the session keeps as long as it needs, and then hands out again.
  void handle_bytes(Instant now, Bytes storage, std::size_t begin, std::size_t end);
  void handle_timeout(Instant now);

  // verbs; an unknown stream is ordinary, and ignored
  /// Nothing when a limit is reached. `window` is what the peer may send at once, as far as the receive cap goes.
  [[nodiscard]] std::optional<std::uint32_t> open(std::uint32_t window = kInitialWindow);
  void widen(std::uint32_t stream, std::uint32_t window);
  /// What it writes is sent before any other stream's, and is not refused because they have filled the queue: for small
  /// answers that somebody waits for.
  void set_urgent(std::uint32_t stream);
  /// Copies what fits within the peer's window and the limits of the queue, and says how much that was.
  std::size_t write(std::uint32_t stream, ByteView bytes);
  /// Whatever is queued already, within the peer's window, and before what is: for the few bytes that agree on a
  /// stream's protocol.
  [[nodiscard]] bool write_first(std::uint32_t stream, ByteView bytes);
  /// What was written so far shares no frame with what is written next: for readers who take a frame for a message.
  void end_frame(std::uint32_t stream);
  void finish(std::uint32_t stream);
  void reset(std::uint32_t stream);
  void consume(Instant now, std::uint32_t stream, std::size_t size);
  /// Ends all streams and says so.
  void go_away();
  /// A buffer poll_frame() returned.
  void recycle(Bytes buffer) { send_pool_.give(std::move(buffer)); }
  /// A buffer for handle_bytes(); at least `size` bytes.
  [[nodiscard]] Bytes receive_buffer(std::size_t size);

  // poll_*
  /// Framing::headroom bytes, then whole frames, at most Framing::max_plain bytes of them, then Framing::tailroom
  /// bytes. Small frames first, and together; then urgent streams; then one frame of each stream in turn.
  [[nodiscard]] std::optional<Bytes> poll_frames();
  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  // getters
  [[nodiscard]] const std::optional<Failure>& failure() const { return failure_; }
  [[nodiscard]] ByteView readable(std::uint32_t stream) const;
  [[nodiscard]] std::size_t unread(std::uint32_t stream) const;
  [[nodiscard]] bool at_end(std::uint32_t stream) const;
  [[nodiscard]] std::size_t writable(std::uint32_t stream) const;
  [[nodiscard]] bool has(std::uint32_t stream) const { return streams_.contains(stream); }
  [[nodiscard]] std::size_t streams() const { return streams_.size(); }
  [[nodiscard]] std::size_t queued() const { return queued_; }
  /// Of all streams.
  [[nodiscard]] std::size_t unread() const { return unread_; }
  /// Buffers kept for use again.
  [[nodiscard]] std::size_t kept_buffers() const { return send_pool_.kept() + receive_pool_.kept(); }
  [[nodiscard]] const std::optional<Duration>& round_trip() const { return keep_alive_.round_trip(); }

 private:
  struct Stream {
    explicit Stream(Instant now) : receive_window(now) {}

    ReceiveBuffer received;
    ReceiveWindow receive_window;
    std::uint32_t credit_due = 0;  ///< Granted, not yet told.
    std::uint64_t send_window = kInitialWindow;
    SendQueue queue;
    bool inbound = false;
    bool urgent = false;
    bool acknowledged = false;
    bool in_turn = false;  ///< Stands in turns_ or urgent_turns_.
    bool wants_room = false;
    bool finishing = false;  ///< finish() was called.
    bool fin_sent = false;   ///< The FIN is handed out, or stands in control_.
    bool peer_finished = false;
  };

  Stream* find(std::uint32_t id);
  [[nodiscard]] const Stream* find(std::uint32_t id) const;
  Stream* add(std::uint32_t id, bool inbound);
  void remove(std::uint32_t id);
  void remove_if_ended(std::uint32_t id);
  void emit(Event::Kind kind, std::uint32_t stream) { events_.push_back({kind, stream}); }
  void fail_with(Failure failure);
  void end_streams();

  // receiving
  void handle_header(const FrameHeader& header);
  void handle_ping(const FrameHeader& header);
  void handle_go_away(const FrameHeader& header);
  void handle_stream_frame(const FrameHeader& header);
  void handle_syn(const FrameHeader& header);
  void handle_credit(Stream& stream, std::uint32_t credit);
  void handle_fin(std::uint32_t id);
  void answer(const FrameHeader& header);
  void read_header_part(ByteView& in);
  void deliver(ByteView body);
  void deliver_in_place(Bytes storage, std::size_t begin, std::size_t size);
  void end_body();

  // sending
  void ping_if_due();
  void enqueue(std::uint32_t id, Stream& stream, ByteView bytes, bool urgent);
  void append_control(Bytes& out);
  void append_small_data(Bytes& out);
  [[nodiscard]] Stream* next_in_turn();
  Bytes pop_chunk();
  void wake_writers();
  [[nodiscard]] static std::size_t window_of(const Stream& stream);
  [[nodiscard]] std::size_t room_of(const Stream& stream) const;
  void send_fin(std::uint32_t id, Stream& stream);

  SessionConfig config_;
  Instant now_;  ///< The last we were told.
  KeepAlive keep_alive_;
  std::unordered_map<std::uint32_t, Stream> streams_;
  std::size_t inbound_ = 0;
  std::size_t unacknowledged_ = 0;
  std::uint32_t next_id_;
  WindowBudget budget_;
  std::size_t unread_ = 0;
  std::size_t queued_ = 0;

  std::array<std::uint8_t, kHeaderSize> header_{};
  std::size_t header_size_ = 0;
  std::uint32_t body_left_ = 0;
  std::uint32_t body_stream_ = 0;  ///< Zero: nobody's, to be skipped.
  bool body_ends_stream_ = false;

  std::deque<FrameHeader> control_;
  std::deque<std::uint32_t> credits_;  ///< Streams with credit_due.
  std::deque<std::uint32_t> turns_;    ///< Streams with something queued.
  std::deque<std::uint32_t> urgent_turns_;
  std::vector<std::uint32_t> wanting_room_;
  std::deque<Event> events_;
  std::optional<Failure> failure_;
  bool gone_ = false;  ///< go_away() was called.

  BufferPool send_pool_;
  BufferPool receive_pool_;
};

}  // namespace turnpike::yamux
