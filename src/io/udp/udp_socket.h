// A UDP socket that moves whole batches: UDP_GRO in, UDP_SEGMENT out where the path takes it, ECN marks both ways.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/datagram.h"
#include "base/result.h"
#include "io/tcp/byte_pipe.h"

namespace turnpike::io {

/// Messages that one recvmmsg may bring, each up to 64 KiB of equal segments (UDP_GRO).
inline constexpr std::size_t kReceiveMessages = 16;
/// recvmmsg calls at one wake-up; then whatever else waits on the loop has its turn.
inline constexpr std::size_t kReceivesPerWake = 4;
/// Segments of one sendmsg with UDP_SEGMENT: what every kernel that knows it takes.
inline constexpr std::size_t kMaxSegments = 64;
/// Payload of one sendmsg: what fits into an IP packet behind the longest headers.
inline constexpr std::size_t kMaxSendSize = 65'487;
/// Parts one send may be gathered from.
inline constexpr std::size_t kMaxSendParts = 1024;
/// Remote addresses remembered to refuse UDP_SEGMENT; when full all are forgotten, and found out again.
inline constexpr std::size_t kMaxPlainPaths = 1024;

struct UdpOptions {
  bool reuse_port = false;       ///< SO_REUSEPORT: one such socket on each shard's loop.
  bool dont_fragment = true;     ///< DF set, and no kernel path MTU in the way of probes (IP_PMTUDISC_PROBE).
  int buffer_size = 4 << 20;     ///< Asked of the kernel for either direction; it may grant less.
  bool use_segmentation = true;  ///< False: as if UDP_GRO and UDP_SEGMENT were unknown here.
};

enum class SendStatus : std::uint8_t {
  kSent,
  kBlocked,      ///< The socket's buffer is full: the rest later, after on_writable().
  kTooBig,       ///< A datagram is larger than the interface or, with DF, the path takes.
  kUnreachable,  ///< No route, or forbidden here.
  kFailed,       ///< Closed, or the system is out of something.
};

struct SendOutcome {
  SendStatus status = SendStatus::kSent;
  std::size_t sent = 0;  ///< Bytes off the front that are gone, whole segments only.
};

/// A batch to send whose bytes do not stand together: `parts`, one behind the other, are cut every segment_size bytes.
struct GatheredBatch {
  Endpoint remote;
  IpAddress local;                  ///< Unspecified: the route chooses.
  std::span<const ByteView> parts;  ///< At most kMaxSendParts.
  std::size_t segment_size = 0;
  Ecn ecn = Ecn::kNotEct;
};

/// Told what the socket does. Called on the loop; may send, and may close or destroy the socket.
class UdpReceiver {
 public:
  UdpReceiver() = default;
  UdpReceiver(const UdpReceiver&) = delete;
  UdpReceiver& operator=(const UdpReceiver&) = delete;
  virtual ~UdpReceiver() = default;

  /// Borrowed until it returns. IPv4 peers of a dual-stack socket have IPv4 addresses. Never empty.
  virtual void on_datagrams(const DatagramBatch& batch) = 0;
  /// After the last on_datagrams of a wake-up: the moment to answer them together.
  virtual void on_drained() {}
  /// Once after each kBlocked.
  virtual void on_writable() {}
};

/// Everything on the loop's one thread. Receiving takes no memory of its own between wake-ups: the buffers belong to
/// the thread. Sending copies nothing in user space.
class UdpSocket {
 public:
  /// Port 0 takes any free port. The unspecified IPv6 address takes IPv4 too. A taken port is kRefused, one we may not
  /// have is kOther.
  [[nodiscard]] static Result<std::unique_ptr<UdpSocket>, IoError> open(const asio::any_io_executor& loop, Endpoint at,
                                                                        UdpOptions options = {});
  ~UdpSocket();  ///< Closes; the receiver is not called any more.
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  [[nodiscard]] Endpoint local() const;
  /// From now on datagrams go to `receiver`, which must live as long as the socket or until close().
  void start(UdpReceiver& receiver);
  void close();

  /// One sendmsg with UDP_SEGMENT where that is possible, else sendmmsg, else sendto. Which, is found out per remote
  /// address and remembered.
  [[nodiscard]] SendOutcome send(const DatagramBatch& batch);
  [[nodiscard]] SendOutcome send(const GatheredBatch& batch);

  /// What the system has been asked for: for tests, `status` and benchmarks.
  struct Counters {
    std::uint64_t received = 0;          ///< Datagrams.
    std::uint64_t received_batches = 0;  ///< Messages they came in.
    std::uint64_t sent = 0;
    std::uint64_t sent_batches = 0;
    std::uint64_t truncated = 0;        ///< Messages larger than the buffer: dropped.
    std::uint64_t plain_fallbacks = 0;  ///< Batches that were refused as one and went one by one.
  };
  [[nodiscard]] const Counters& counters() const;
  [[nodiscard]] int native_handle() const;

 private:
  struct State;
  explicit UdpSocket(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;  // shared with the handlers of readiness, which asio may still call after a cancel
};

}  // namespace turnpike::io
