#include "io/udp/wire_message.h"

#include <netinet/in.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cstring>

namespace turnpike::io {

namespace {

constexpr int kUdpLevel = IPPROTO_UDP;
#ifndef UDP_SEGMENT
constexpr int kUdpSegment = 103;
#else
constexpr int kUdpSegment = UDP_SEGMENT;
#endif
#ifndef UDP_GRO
constexpr int kUdpGro = 104;
#else
constexpr int kUdpGro = UDP_GRO;
#endif

bool is_v4(const IpAddress& address) { return address.family == IpAddress::Family::kV4; }

std::array<std::uint8_t, 16> mapped(const IpAddress& address) {
  if (!is_v4(address)) return address.octets;
  std::array<std::uint8_t, 16> out{};
  out[10] = out[11] = 0xff;
  std::copy_n(address.octets.begin(), 4, out.begin() + 12);
  return out;
}

/// Puts control messages one behind the other.
class ControlWriter {
 public:
  ControlWriter(msghdr& message, Control& control) : message_(message), control_(control) {
    message_.msg_control = control_.bytes.data();
    message_.msg_controllen = 0;
  }

  template <class T>
  void put(int level, int type, const T& value) {
    auto* header = reinterpret_cast<cmsghdr*>(control_.bytes.data() + message_.msg_controllen);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(CMSG_DATA(header), &value, sizeof value);
    message_.msg_controllen += CMSG_SPACE(sizeof value);
  }

  void finish() {
    if (message_.msg_controllen == 0) message_.msg_control = nullptr;
  }

 private:
  msghdr& message_;
  Control& control_;
};

template <class T>
T value_of(const cmsghdr& header) {
  T value{};
  std::memcpy(&value, CMSG_DATA(&header), std::min<std::size_t>(sizeof value, header.cmsg_len - CMSG_LEN(0)));
  return value;
}

Ecn ecn_of(int traffic_class) { return static_cast<Ecn>(traffic_class & 3); }

IpAddress address_of(const in_addr& address) {
  IpAddress out;
  std::memcpy(out.octets.data(), &address, 4);
  return out;
}

IpAddress address_of(const in6_addr& address) {
  IpAddress out;
  out.family = IpAddress::Family::kV6;
  std::memcpy(out.octets.data(), &address, 16);
  return out.unmapped();
}

}  // namespace

socklen_t write_address(const Endpoint& endpoint, int family, sockaddr_storage& out) {
  if (family == AF_INET) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    v4 = {};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, endpoint.address.octets.data(), 4);
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
  v6 = {};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(endpoint.port);
  const auto octets = mapped(endpoint.address);
  std::memcpy(&v6.sin6_addr, octets.data(), octets.size());
  return sizeof v6;
}

Endpoint read_address(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return {address_of(v4.sin_addr), ntohs(v4.sin_port)};
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  return {address_of(v6.sin6_addr), ntohs(v6.sin6_port)};
}

void write_control(msghdr& message, Control& control, const Endpoint& remote, int family, const IpAddress& local,
                   Ecn ecn, std::size_t segment_size) {
  ControlWriter out(message, control);
  const bool v4 = is_v4(remote.address);
  if (!local.is_unspecified() && is_v4(local) == v4) {
    if (family == AF_INET) {
      in_pktinfo info{};
      std::memcpy(&info.ipi_spec_dst, local.octets.data(), 4);
      out.put(IPPROTO_IP, IP_PKTINFO, info);
    } else {
      in6_pktinfo info{};
      const auto octets = mapped(local);
      std::memcpy(&info.ipi6_addr, octets.data(), octets.size());
      out.put(IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
  }
  if (ecn != Ecn::kNotEct) {
    const int mark = static_cast<int>(ecn);
    if (v4) {
      out.put(IPPROTO_IP, IP_TOS, mark);
    } else {
      out.put(IPPROTO_IPV6, IPV6_TCLASS, mark);
    }
  }
  if (segment_size != 0) out.put(kUdpLevel, kUdpSegment, static_cast<std::uint16_t>(segment_size));
  out.finish();
}

Received read_control(const msghdr& message) {
  Received out;
  auto& headers = const_cast<msghdr&>(message);  // CMSG_NXTHDR is not const-correct
  for (cmsghdr* header = CMSG_FIRSTHDR(&headers); header != nullptr; header = CMSG_NXTHDR(&headers, header)) {
    const auto is = [header](int level, int type) { return header->cmsg_level == level && header->cmsg_type == type; };
    if (is(IPPROTO_IP, IP_TOS)) out.ecn = ecn_of(value_of<std::uint8_t>(*header));
    if (is(IPPROTO_IPV6, IPV6_TCLASS)) out.ecn = ecn_of(value_of<int>(*header));
    if (is(IPPROTO_IP, IP_PKTINFO)) out.local = address_of(value_of<in_pktinfo>(*header).ipi_addr);
    if (is(IPPROTO_IPV6, IPV6_PKTINFO)) out.local = address_of(value_of<in6_pktinfo>(*header).ipi6_addr);
    if (is(kUdpLevel, kUdpGro)) out.segment_size = static_cast<std::size_t>(value_of<int>(*header));
  }
  return out;
}

std::optional<std::size_t> PartCutter::take(std::size_t size, std::span<iovec> out) {
  std::size_t used = 0;
  while (size > 0 && index_ < parts_.size()) {
    const ByteView rest = parts_[index_].subspan(offset_);
    const std::size_t now = std::min(size, rest.size());
    if (now > 0) {
      if (used == out.size()) return std::nullopt;
      out[used++] = {const_cast<std::uint8_t*>(rest.data()), now};  // sendmsg only reads
    }
    taken_ += now;
    size -= now;
    offset_ += now;
    if (offset_ == parts_[index_].size()) {
      ++index_;
      offset_ = 0;
    }
  }
  return used;
}

std::size_t PartCutter::remaining() const {
  std::size_t out = 0;
  for (std::size_t i = index_; i < parts_.size(); ++i) out += parts_[i].size();
  return out - offset_;
}

}  // namespace turnpike::io
