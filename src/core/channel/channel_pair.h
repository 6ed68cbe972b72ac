// Two channels and the pipe between them, for tests, fuzzers and benchmarks: virtual time, bytes in pieces of any size.
#pragma once

#include <utility>
#include <vector>

#include "base/random.h"
#include "core/channel/secure_channel.h"

namespace turnpike::channel {

/// One way of the pipe. Holds what was written and not delivered.
class PipeHalf {
 public:
  void write(ByteView bytes) { held_.insert(held_.end(), bytes.begin(), bytes.end()); }
  /// At most `size` bytes of the front.
  [[nodiscard]] Bytes read(std::size_t size) {
    size = std::min(size, held_.size() - read_);
    const auto begin = held_.begin() + static_cast<std::ptrdiff_t>(read_);
    Bytes out(begin, begin + static_cast<std::ptrdiff_t>(size));
    read_ += size;
    if (read_ == held_.size()) {
      held_.clear();
      read_ = 0;
    }
    return out;
  }
  [[nodiscard]] std::size_t size() const { return held_.size() - read_; }
  /// What is under way, to be changed by a test.
  [[nodiscard]] std::span<std::uint8_t> held() { return std::span(held_).subspan(read_); }

 private:
  Bytes held_;
  std::size_t read_ = 0;
};

/// `alice` dials, `bob` listens. Nothing moves but by move() and settle().
class ChannelPair {
 public:
  ChannelPair(Config alice_config, Config bob_config, Random& random, Instant start)
      : now(start),
        alice(start, std::move(alice_config), random),
        bob(start, std::move(bob_config), random),
        random_(random) {}

  /// Takes what both want to send, then delivers one piece of a random size, up to `max_piece`, each way.
  bool move(std::size_t max_piece = 100000) {
    collect(alice, to_bob);
    collect(bob, to_alice);
    const bool forth = deliver(to_bob, bob, max_piece);
    const bool back = deliver(to_alice, alice, max_piece);
    return forth || back;
  }
  /// Until nothing is under way.
  void settle(std::size_t max_piece = 100000) {
    while (move(max_piece)) {
    }
  }
  /// Both reach `then`, and what they do about it settles.
  void wait_until(Instant then) {
    now = then;
    alice.handle_timeout(now);
    bob.handle_timeout(now);
    settle();
  }

  Instant now;
  SecureChannel alice;
  SecureChannel bob;
  PipeHalf to_alice;
  PipeHalf to_bob;

 private:
  static void collect(SecureChannel& channel, PipeHalf& pipe) {
    while (auto bytes = channel.poll_write()) {
      pipe.write(*bytes);
      channel.recycle(std::move(*bytes));
    }
  }
  bool deliver(PipeHalf& pipe, SecureChannel& channel, std::size_t max_piece) {
    if (pipe.size() == 0) return false;
    channel.handle_bytes(now, pipe.read(1 + static_cast<std::size_t>(random_.below(max_piece))));
    return true;
  }

  Random& random_;
};

/// All events there are.
inline std::vector<SecureChannel::Event> events_of(SecureChannel& channel) {
  std::vector<SecureChannel::Event> events;
  while (auto event = channel.poll_event()) events.push_back(std::move(*event));
  return events;
}

/// The events of one kind, in order; the others are dropped.
template <class E>
std::vector<E> events_of(SecureChannel& channel) {
  std::vector<E> found;
  for (SecureChannel::Event& event : events_of(channel)) {
    if (E* const wanted = std::get_if<E>(&event)) found.push_back(std::move(*wanted));
  }
  return found;
}

/// Everything unread of one stream, consumed.
inline Bytes read_all(SecureChannel& channel, StreamId id, Instant now) {
  Bytes out;
  while (channel.unread(id) > 0) {
    const ByteView piece = channel.readable(id);
    out.insert(out.end(), piece.begin(), piece.end());
    channel.consume(now, id, piece.size());
  }
  return out;
}

}  // namespace turnpike::channel
