// The kernel's side of a datagram batch: addresses, control messages, and how batches are cut into messages.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include "base/datagram.h"

namespace turnpike::io {

/// Room for IPV6_PKTINFO, IP_PKTINFO, IP_TOS or IPV6_TCLASS and UDP_GRO together.
inline constexpr std::size_t kControlSize = 160;

struct Control {
  alignas(cmsghdr) std::array<std::uint8_t, kControlSize> bytes{};
};

/// `family` is the socket's: an IPv4 address becomes mapped for an AF_INET6 socket. The length of `out` that is used.
socklen_t write_address(const Endpoint& endpoint, int family, sockaddr_storage& out);
[[nodiscard]] Endpoint read_address(const sockaddr_storage& address);

/// Asks for a source address, an ECN mark and, if `segment_size` is not 0, for segmentation. Sets msg_control.
void write_control(msghdr& message, Control& control, const Endpoint& remote, int family, const IpAddress& local,
                   Ecn ecn, std::size_t segment_size);

struct Received {
  IpAddress local;
  Ecn ecn = Ecn::kNotEct;
  std::size_t segment_size = 0;  ///< 0: one datagram.
};
[[nodiscard]] Received read_control(const msghdr& message);

/// Cuts gathered parts into runs of bytes, as iovecs.
class PartCutter {
 public:
  explicit PartCutter(std::span<const ByteView> parts) : parts_(parts) {}

  /// Appends the next `size` bytes (fewer at the end) to `out`; how many iovecs that took, or nothing if they do not
  /// fit. `out` is overwritten from its front.
  [[nodiscard]] std::optional<std::size_t> take(std::size_t size, std::span<iovec> out);
  [[nodiscard]] std::size_t taken() const { return taken_; }
  [[nodiscard]] std::size_t remaining() const;

 private:
  std::span<const ByteView> parts_;
  std::size_t index_ = 0;
  std::size_t offset_ = 0;  ///< Into parts_[index_].
  std::size_t taken_ = 0;
};

}  // namespace turnpike::io
