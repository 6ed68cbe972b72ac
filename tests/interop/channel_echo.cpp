// The secure channel on a plain TCP socket, to be held against another implementation of the same protocols.
//   channel_echo listen               prints its port, answers one connection: every stream is sent back as it came
//   channel_echo dial PORT MEGABYTES  sends so much over one stream, and compares what comes back
// Both end with a line of JSON. Exit code 1 when anything differs from what it should be.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "base/hex.h"
#include "core/channel/secure_channel.h"
#include "crypto/hash.h"
#include "crypto/random.h"

namespace turnpike::channel {
namespace {

constexpr std::string_view kProtocol = "/turnpike/echo/1";
constexpr std::size_t kBlock = 256U << 10U;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "channel_echo: %s\n", what);
  std::exit(1);
}

Instant now() {
  return Instant(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int dialled(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = loopback(port);
  require(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "cannot connect");
  return fd;
}

int accepted() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  require(bind(listener, reinterpret_cast<const sockaddr*>(&address), size) == 0, "cannot bind");
  require(listen(listener, 1) == 0, "cannot listen");
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::printf("%u\n", ntohs(address.sin_port));
  std::fflush(stdout);
  const int fd = accept(listener, nullptr, nullptr);
  close(listener);
  return fd;
}

/// What either role does with its streams.
class Task {
 public:
  virtual ~Task() = default;
  virtual void handle(SecureChannel& channel, const SecureChannel::Event& event) = 0;
  /// After every turn of the loop: whatever can be written or read now.
  virtual void work(SecureChannel& channel) = 0;
};

/// Sends every stream's bytes back. Reads only what it can write, so a slow peer slows itself down.
class Echo final : public Task {
 public:
  void handle(SecureChannel&, const SecureChannel::Event& event) override {
    if (const auto* opened = std::get_if<StreamOpened>(&event)) streams_.push_back(opened->id);
  }
  void work(SecureChannel& channel) override {
    for (const StreamId id : streams_) {
      for (std::size_t taken = 1; taken > 0 && channel.unread(id) > 0;) {
        taken = channel.write(id, channel.readable(id));
        channel.consume(now(), id, taken);
        total_ += taken;
      }
      if (channel.at_end(id)) channel.finish(id);
    }
  }
  [[nodiscard]] std::size_t total() const { return total_; }

 private:
  std::vector<StreamId> streams_;
  std::size_t total_ = 0;
};

/// Sends pseudo-random bytes over one stream, and hashes both directions.
class Ask final : public Task {
 public:
  explicit Ask(std::size_t total) : left_(total), expected_(total) {}

  void handle(SecureChannel& channel, const SecureChannel::Event& event) override {
    require(!std::holds_alternative<StreamReset>(event), "the stream was reset");
    require(!std::holds_alternative<StreamRefused>(event), "the stream was refused");
    if (std::holds_alternative<Established>(event)) id_ = channel.open_stream(kProtocol);
  }
  void work(SecureChannel& channel) override {
    if (!id_) return;
    send(channel);
    while (channel.unread(*id_) > 0) {
      const ByteView front = channel.readable(*id_);
      received_.update(front);
      came_ += front.size();
      channel.consume(now(), *id_, front.size());
    }
    if (left_ == 0 && block_.empty() && !std::exchange(finished_, true)) channel.finish(*id_);
    if (finished_ && !channel.is_open(*id_)) channel.close();
  }
  void report() {
    require(came_ == expected_, "not all came back");
    require(sent_.finish() == received_.finish(), "what came back is not what was sent");
    std::printf("{\"bytes\": %zu}\n", came_);
  }

 private:
  void send(SecureChannel& channel) {
    while (left_ > 0 || !block_.empty()) {
      if (block_.empty()) {
        block_.resize(std::min(kBlock, left_));
        left_ -= block_.size();
        random_.fill(block_);
        sent_.update(block_);
      }
      const std::size_t taken = channel.write(*id_, block_);
      block_.erase(block_.begin(), block_.begin() + static_cast<std::ptrdiff_t>(taken));
      if (taken == 0) return;
    }
  }

  std::optional<StreamId> id_;
  SeededRandom random_{4};
  Bytes block_;
  std::size_t left_;
  std::size_t expected_;
  std::size_t came_ = 0;
  bool finished_ = false;
  crypto::Sha256 sent_;
  crypto::Sha256 received_;
};

/// Until the channel is closed. Asks it for more to send only when the socket has taken the last of it.
CloseReason run(int fd, SecureChannel& channel, Task& task) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  Bytes buffer(kBlock);
  Bytes out;
  std::size_t out_at = 0;
  while (true) {
    task.work(channel);
    while (const auto event = channel.poll_event()) {
      if (const auto* closed = std::get_if<Closed>(&*event)) return closed->reason;
      task.handle(channel, *event);
      task.work(channel);
    }
    if (out_at == out.size()) {
      out_at = 0;
      out = channel.poll_write().value_or(Bytes());
      if (channel.closed()) continue;
    }
    pollfd waiting{.fd = fd, .events = static_cast<short>(POLLIN | (out.empty() ? 0 : POLLOUT)), .revents = 0};
    const auto deadline = channel.poll_timeout();
    const auto wait = deadline ? std::chrono::ceil<std::chrono::milliseconds>(*deadline - now()).count() : -1;
    poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(wait, -1)));
    if (deadline && now() >= *deadline) channel.handle_timeout(now());
    if ((waiting.revents & POLLOUT) != 0) {
      const ssize_t sent = send(fd, out.data() + out_at, out.size() - out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) out_at += static_cast<std::size_t>(sent);
    }
    if ((waiting.revents & ~POLLOUT) == 0) continue;
    const ssize_t came = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (came > 0) channel.handle_bytes(now(), ByteView(buffer).first(static_cast<std::size_t>(came)));
    if (came == 0 || (came < 0 && errno != EAGAIN)) channel.handle_closed(now());
  }
}

int main(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  const bool dials = verb == "dial" && argc == 4;
  require(dials || verb == "listen", "usage: channel_echo listen | dial PORT MEGABYTES");
  crypto::SecureRandom random;
  const crypto::SigningKey identity = crypto::SigningKey::generate(random);
  Config config;
  config.role = dials ? Role::kInitiator : Role::kResponder;
  config.identity = &identity;
  config.protocols = {std::string(kProtocol)};

  const int fd = dials ? dialled(static_cast<std::uint16_t>(std::atoi(argv[2]))) : accepted();
  SecureChannel channel(now(), std::move(config), random);
  if (dials) {
    Ask ask(static_cast<std::size_t>(std::atoll(argv[3])) << 20U);
    const CloseReason reason = run(fd, channel, ask);
    require(reason == CloseReason::kClosedByUs, std::string(text_of(reason)).c_str());
    ask.report();
  } else {
    Echo echo;
    const CloseReason reason = run(fd, channel, echo);
    require(blame_of(reason) != Blame::kPeer && channel.peer().has_value(), std::string(text_of(reason)).c_str());
    std::printf("{\"bytes\": %zu, \"reason\": \"%s\"}\n", echo.total(), std::string(text_of(reason)).c_str());
  }
  close(fd);
  return 0;
}

}  // namespace
}  // namespace turnpike::channel

int main(int argc, char** argv) { return turnpike::channel::main(argc, argv); }
