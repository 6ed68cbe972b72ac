// A load for a TURN server over UDP, counted where it arrives.
// Usage: turn_load data SERVER:PORT USER PASSWORD FLOWS SIZE MBIT SECONDS client|peer LOCAL
//          Each flow is a client that sends SIZE bytes a packet over a channel, at MBIT a second (0: whole trains, as
//          fast as they go), to a second client of the server, or to a plain UDP socket (peer) at LOCAL.
//        turn_load allocate SERVER:PORT USER PASSWORD SOCKETS SECONDS LOCAL
//          Allocations made and deleted again, each from a socket of its own, SOCKETS at a time. LOCAL is an IPv4
//          address; the third octet counts up, so that no two at a time are of one network.
// Prints "running" when it begins and one line of JSON at its end.
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/turn/client.h"
#include "crypto/random.h"
#include "io/loop/convert.h"
#include "io/udp/wire_message.h"

namespace {

using namespace turnpike;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kReceive = 16;
constexpr std::size_t kTrain = 65'000;  // bytes of one UDP_SEGMENT send
constexpr std::size_t kMaxSegments = 64;
constexpr std::size_t kBurst = 64;    // packets between two looks at what came back
constexpr double kMostBehind = 1000;  // packets that are still sent late

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "turn_load: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

int open_socket(const IpAddress& family_of) {
  const int family = family_of.family == IpAddress::Family::kV4 ? AF_INET : AF_INET6;
  const int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  if (fd < 0) die("socket");
  const int on = 1;
  const int size = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
  return fd;
}

void aim(int fd, const Endpoint& at, int (*call)(int, const sockaddr*, socklen_t), const char* what) {
  sockaddr_storage address{};
  const int family = at.address.family == IpAddress::Family::kV4 ? AF_INET : AF_INET6;
  const socklen_t size = io::write_address(at, family, address);
  if (call(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0) die(what);
}

struct Peer {
  int fd = -1;
  std::unique_ptr<turn::Client> client;
  std::optional<Endpoint> relayed;
  bool bound = false;
  bool over = false;
  bool may_fail = false;

  void take_events() {
    while (const auto event = client->poll_event()) {
      if (const auto* const allocated = std::get_if<turn::Client::Allocated>(&*event)) relayed = allocated->relayed;
      if (std::holds_alternative<turn::Client::Bound>(*event)) bound = true;
      if (std::holds_alternative<turn::Client::Released>(*event)) over = true;
      // coturn keeps a deleted allocation's five-tuple for a while: 437 for who comes to the same port again.
      const auto* const failed = std::get_if<turn::Client::Failed>(&*event);
      if (failed != nullptr && may_fail) {
        over = true;
      } else if (failed != nullptr) {
        std::fprintf(stderr, "turn_load: refused, %d\n", failed->code ? static_cast<int>(*failed->code) : 0);
        std::exit(1);
      }
      if (std::holds_alternative<turn::Client::BindRefused>(*event)) die("no channel");
    }
  }
  void turn() {
    std::array<std::uint8_t, 2048> buffer{};
    for (ssize_t got = 0; (got = recv(fd, buffer.data(), buffer.size(), 0)) > 0;) {
      client->handle_message(io::now(), ByteView(buffer).first(static_cast<std::size_t>(got)));
    }
    client->handle_timeout(io::now());
    take_events();
    while (const auto out = client->poll_transmit()) (void)::send(fd, out->data(), out->size(), 0);
  }
  template <class Done>
  void turn_until(Done done) {
    const auto patience = Clock::now() + 20s;
    for (turn(); !done(); turn()) {
      if (Clock::now() > patience) die("no answer");
      pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
      poll(&wait, 1, 50);
    }
  }
};

struct Flow {
  Peer from;
  Peer to;
  std::vector<std::uint8_t> train;  // whole packets, header and data
};

struct Setup {
  Endpoint server;
  turn::ClientConfig config;
  crypto::SecureRandom random;

  void start(Peer& peer) {
    peer.client = std::make_unique<turn::Client>(io::now(), config, random);
    peer.over = peer.bound = false;
  }
  void connect_and_start(Peer& peer) {
    peer.fd = open_socket(server.address);
    aim(peer.fd, server, connect, "connect");
    start(peer);
  }
};

class DataLoad {
 public:
  DataLoad(Setup& setup, std::size_t flows, std::size_t size, double mbit, bool to_clients, const IpAddress& local)
      : size_(size), mbit_(mbit), flows_(flows), epoll_(epoll_create1(0)), buffers_(kReceive) {
    for (auto& buffer : buffers_) buffer.resize(65'536);
    for (Flow& flow : flows_) {
      setup.connect_and_start(flow.from);
      flow.from.turn_until([&] { return flow.from.relayed.has_value(); });
      const Endpoint target = to_clients ? client_target(setup, flow) : plain_target(flow, local);
      flow.from.client->bind(io::now(), target);
      flow.from.turn_until([&] { return flow.from.bound; });
      fill(flow, *flow.from.client->channel_to(target));
      epoll_event event{.events = EPOLLIN, .data = {.fd = flow.to.fd}};
      epoll_ctl(epoll_, EPOLL_CTL_ADD, flow.to.fd, &event);
    }
  }

  void run(std::chrono::duration<double> time) {
    std::printf("running\n");
    std::fflush(stdout);
    const auto began = Clock::now();
    while (Clock::now() - began < time) {
      if (mbit_ == 0) {
        for (Flow& flow : flows_) send_train(flow);
        receive(0);
      } else {
        send_due(Clock::now() - began);
        receive(0);
      }
    }
    const std::chrono::duration<double> took = Clock::now() - began;
    std::printf("{\"sent\": %zu, \"received\": %zu, \"seconds\": %.3f}\n", sent_, received_, took.count());
  }

 private:
  static Endpoint client_target(Setup& setup, Flow& flow) {
    setup.connect_and_start(flow.to);
    flow.to.turn_until([&] { return flow.to.relayed.has_value(); });
    flow.to.client->bind(io::now(), *flow.from.relayed);
    flow.to.turn_until([&] { return flow.to.bound; });
    return *flow.to.relayed;
  }
  static Endpoint plain_target(Flow& flow, const IpAddress& local) {
    flow.to.fd = open_socket(local);
    aim(flow.to.fd, {local, 0}, bind, "bind");
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    getsockname(flow.to.fd, reinterpret_cast<sockaddr*>(&address), &size);
    return io::read_address(address);
  }
  void fill(Flow& flow, turn::ChannelNumber channel) const {
    const std::size_t packets = mbit_ == 0 ? std::min(kMaxSegments, kTrain / (size_ + turn::kChannelHeaderSize)) : 1;
    for (std::size_t i = 0; i < packets; ++i) {
      const auto header = turn::channel_header(channel, size_);
      flow.train.insert(flow.train.end(), header.begin(), header.end());
      flow.train.resize(flow.train.size() + size_, 'x');
    }
  }

  void send_train(Flow& flow) {
    iovec part{.iov_base = flow.train.data(), .iov_len = flow.train.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint16_t))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = IPPROTO_UDP;
    head->cmsg_type = UDP_SEGMENT;
    head->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
    const auto segment = static_cast<std::uint16_t>(size_ + turn::kChannelHeaderSize);
    std::memcpy(CMSG_DATA(head), &segment, sizeof segment);
    if (sendmsg(flow.from.fd, &message, 0) > 0) sent_ += flow.train.size() / segment;
  }

  void send_due(std::chrono::duration<double> elapsed) {
    const double packets =
        elapsed.count() * static_cast<double>(flows_.size()) * mbit_ * 1e6 / 8 / static_cast<double>(size_);
    // A load that cannot keep up must still hear what comes back: it offers less, and says so by `sent`.
    if (packets - static_cast<double>(attempted_) > kMostBehind)
      attempted_ = static_cast<std::size_t>(packets - kMostBehind);
    for (std::size_t burst = 0; burst < kBurst && static_cast<double>(attempted_) < packets; ++burst) {
      const Flow& flow = flows_[attempted_++ % flows_.size()];
      if (::send(flow.from.fd, flow.train.data(), flow.train.size(), 0) > 0) ++sent_;
    }
  }

  void receive(int wait_ms) {
    std::array<epoll_event, 256> ready{};
    const int count = epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), wait_ms);
    for (int i = 0; i < count; ++i) drain(ready[static_cast<std::size_t>(i)].data.fd);
  }

  void drain(int fd) {
    std::array<mmsghdr, kReceive> messages{};
    std::array<iovec, kReceive> parts{};
    std::array<io::Control, kReceive> controls;
    for (std::size_t i = 0; i < kReceive; ++i) {
      parts[i] = {buffers_[i].data(), buffers_[i].size()};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_control = controls[i].bytes.data();
      messages[i].msg_hdr.msg_controllen = controls[i].bytes.size();
    }
    const int got = recvmmsg(fd, messages.data(), kReceive, 0, nullptr);
    for (int i = 0; i < got; ++i) {
      const mmsghdr& message = messages[static_cast<std::size_t>(i)];
      const std::size_t segment = io::read_control(message.msg_hdr).segment_size;
      received_ += segment == 0 ? 1 : (message.msg_len + segment - 1) / segment;
    }
  }

  std::size_t size_;
  double mbit_;
  std::vector<Flow> flows_;
  int epoll_;
  std::vector<std::vector<std::uint8_t>> buffers_;
  std::size_t attempted_ = 0;
  std::size_t sent_ = 0;
  std::size_t received_ = 0;
};

void allocate_for(Setup& setup, std::size_t sockets, std::chrono::duration<double> time, const IpAddress& local) {
  std::vector<Peer> peers(sockets);
  const auto begin = [&](std::size_t i) {
    Peer& peer = peers[i];
    peer.may_fail = true;
    IpAddress from = local;
    from.octets[2] = static_cast<std::uint8_t>(local.octets[2] + i);
    if (peer.fd >= 0) close(peer.fd);
    peer.fd = open_socket(local);
    aim(peer.fd, {from, 0}, bind, "bind");
    aim(peer.fd, setup.server, connect, "connect");
    setup.start(peer);
    peer.turn();
  };
  for (std::size_t i = 0; i < sockets; ++i) begin(i);
  std::printf("running\n");
  std::fflush(stdout);
  std::size_t made = 0;
  std::vector<pollfd> waits(sockets);
  const auto began = Clock::now();
  while (Clock::now() - began < time) {
    for (std::size_t i = 0; i < sockets; ++i) waits[i] = {.fd = peers[i].fd, .events = POLLIN, .revents = 0};
    poll(waits.data(), waits.size(), 50);
    for (std::size_t i = 0; i < peers.size(); ++i) {
      Peer& peer = peers[i];
      peer.turn();
      if (peer.relayed) {
        ++made;
        peer.relayed.reset();
        peer.client->release(io::now());
        peer.turn();
      } else if (peer.over) {
        begin(i);
      }
    }
  }
  const std::chrono::duration<double> took = Clock::now() - began;
  std::printf("{\"allocations\": %zu, \"seconds\": %.3f}\n", made, took.count());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if ((what != "data" || argc != 11) && (what != "allocate" || argc != 8)) {
    std::fprintf(stderr, "usage: see the head of turn_load.cpp\n");
    return 2;
  }
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  Setup setup;
  setup.server = Endpoint::parse(argv[2]).value();
  setup.config.username = argv[3];
  setup.config.password = argv[4];
  const auto number = [&](int at) { return std::strtoul(argv[at], nullptr, 10); };
  if (what == "allocate") {
    allocate_for(setup, number(5), std::chrono::duration<double>(std::atof(argv[6])),
                 IpAddress::parse(argv[7]).value());
    return 0;
  }
  DataLoad load(setup, number(5), number(6), std::atof(argv[7]), std::string_view(argv[9]) == "client",
                IpAddress::parse(argv[10]).value());
  load.run(std::chrono::duration<double>(std::atof(argv[8])));
  return 0;
}
