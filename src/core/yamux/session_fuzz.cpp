// A session under arbitrary frames and verbs: windows are kept in both directions and memory stays within its limits.
#include <cstdlib>
#include <map>

#include "core/yamux/session.h"

namespace {

using namespace turnpike;
using namespace turnpike::yamux;

constexpr std::size_t kReceiveCap = 4 * kInitialWindow;
constexpr std::size_t kMaxQueued = 300000;
constexpr Framing kFraming{.headroom = 2, .tailroom = 16, .max_plain = 65519};

void require(bool holds) {
  if (!holds) std::abort();
}

/// What the peer granted each live stream of ours, as the specification counts it.
class Ledger {
 public:
  void granted(std::uint32_t stream, std::uint64_t credit) { credit_[stream] += credit; }
  void handle_frames(ByteView plain) {
    require(plain.size() <= kFraming.max_plain);
    ByteReader in(plain);
    while (in.remaining() > 0) {
      const auto header = read_header(in.take(kHeaderSize));
      require(header && !in.failed());
      if ((header->flags & (kSyn | kAck | kRst)) != 0) sent_[header->stream] = 0;
      if (header->type != FrameType::kData) continue;
      in.take(header->length);
      require(!in.failed());
      sent_[header->stream] += header->length;
      require(sent_[header->stream] <= kInitialWindow + credit_[header->stream]);
    }
  }

 private:
  std::map<std::uint32_t, std::uint64_t> credit_;
  std::map<std::uint32_t, std::uint64_t> sent_;
};

void drain(Session& session, Ledger& ledger) {
  while (auto out = session.poll_frames()) {
    ledger.handle_frames(
        ByteView(*out).subspan(kFraming.headroom, out->size() - kFraming.headroom - kFraming.tailroom));
    session.recycle(std::move(*out));
  }
}

void feed(Session& session, Instant now, const FrameHeader& header, std::size_t body) {
  Bytes bytes;
  append_header(bytes, header);
  bytes.resize(kHeaderSize + body);
  session.handle_bytes(now, std::move(bytes), 0, kHeaderSize + body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Instant now{std::chrono::hours(1)};
  SessionConfig config{.side = Side::kListener, .framing = kFraming, .inbound_streams = 6, .outbound_streams = 6};
  config.receive_cap = kReceiveCap;
  config.max_queued = kMaxQueued;
  config.max_queued_per_stream = 200000;
  Session session(now, config);
  Ledger ledger;
  static const Bytes kPayload(70000, 0x61);

  ByteReader script(ByteView(data, size));
  for (int step = 0; step < 512 && script.remaining() > 0; ++step) {
    const std::uint8_t verb = script.u8();
    const std::uint32_t stream = script.u8() % 16U;
    const std::size_t amount = static_cast<std::size_t>(script.u16()) << (verb >> 6U);
    switch (verb % 10) {
      case 0:
      case 1: {
        const FrameHeader header{static_cast<FrameType>(script.u8() % 4), static_cast<std::uint16_t>(script.u8() % 16),
                                 stream, static_cast<std::uint32_t>(amount)};
        const bool is_data = header.type == FrameType::kData;
        if (header.type == FrameType::kWindowUpdate) ledger.granted(stream, amount);
        feed(session, now, header, is_data ? amount : 0);
        break;
      }
      case 2: {
        const ByteView raw = script.take(std::min<std::size_t>(script.remaining(), amount % 40));
        for (std::uint32_t id = 0; id < 16; ++id) ledger.granted(id, std::uint64_t{1} << 40U);  // whatever it says
        session.handle_bytes(now, copy_of(raw), 0, raw.size());
        break;
      }
      case 3:
        (void)session.open(static_cast<std::uint32_t>(amount) << 4U);
        break;
      case 4:
        session.write(stream, ByteView(kPayload).first(std::min(amount, kPayload.size())));
        break;
      case 5:
        session.finish(stream);
        break;
      case 6:
        session.reset(stream);
        break;
      case 7:
        session.consume(now, stream, amount);
        break;
      case 8:
        now += std::chrono::milliseconds(amount);
        session.handle_timeout(now);
        break;
      default:
        drain(session, ledger);
        break;
    }
    std::size_t unread = 0;
    for (std::uint32_t id = 0; id < 16; ++id) {
      unread += session.unread(id);
      require(session.readable(id).empty() == (session.unread(id) == 0));
    }
    require(unread <= session.unread() && session.unread() <= kReceiveCap);
    require(session.queued() <= kMaxQueued);
    require(session.streams() <= 12);
    while (session.poll_event()) {
    }
  }
  drain(session, ledger);
  require(!session.failure() || session.streams() == 0);
  return 0;
}
