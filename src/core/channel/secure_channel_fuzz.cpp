// Two channels over a pipe that a fuzzer cuts, delays and mangles: what arrives is a prefix of what was sent, no limit
// is passed, and an untouched pipe never ends a channel.
#include <cstdlib>
#include <map>

#include "core/channel/channel_pair.h"

namespace {

using namespace turnpike;
using namespace turnpike::channel;

constexpr std::string_view kProtocol = "/fuzz/1";

void require(bool holds) {
  if (!holds) std::abort();
}

/// The byte that stands at `at` of any stream: what arrives can be checked without being kept.
std::uint8_t byte_at(std::size_t at) { return static_cast<std::uint8_t>(at * 37 >> 2U); }

class End {
 public:
  explicit End(SecureChannel& channel) : channel_(channel) {}

  void open() {
    if (const auto id = channel_.open_stream(kProtocol)) note(*id);
  }
  void write(std::size_t which, std::size_t size) {
    if (ids_.empty()) return;
    const StreamId id = ids_[which % ids_.size()];
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = byte_at(sent_[id] + i);
    sent_[id] += channel_.write(id, bytes);
  }
  void read(Instant now, std::size_t which, std::size_t size) {
    if (ids_.empty()) return;
    const StreamId id = ids_[which % ids_.size()];
    const ByteView front = channel_.readable(id).first(std::min(size, channel_.readable(id).size()));
    for (std::size_t i = 0; i < front.size(); ++i) require(front[i] == byte_at(read_[id] + i));
    read_[id] += front.size();
    channel_.consume(now, id, front.size());
  }
  void finish(std::size_t which) {
    if (!ids_.empty()) channel_.finish(ids_[which % ids_.size()]);
  }
  void reset(std::size_t which) {
    if (!ids_.empty()) channel_.reset(ids_[which % ids_.size()]);
  }
  void drain_events() {
    for (const auto& event : events_of(channel_)) {
      require(!ended_);
      if (const auto* opened = std::get_if<StreamOpened>(&event); opened != nullptr && opened->inbound)
        note(opened->id);
      if (std::holds_alternative<Closed>(event)) ended_ = true;
    }
    require(channel_.queued() <= 400000 + 16 * 64);
  }
  [[nodiscard]] SecureChannel& channel() { return channel_; }

 private:
  void note(StreamId id) {
    if (std::find(ids_.begin(), ids_.end(), id) == ids_.end()) ids_.push_back(id);
  }

  SecureChannel& channel_;
  std::vector<StreamId> ids_;
  std::map<StreamId, std::size_t> sent_;
  std::map<StreamId, std::size_t> read_;
  bool ended_ = false;
};

Config make_config(Role role, const crypto::SigningKey& key) {
  Config config;
  config.role = role;
  config.identity = &key;
  config.protocols = {std::string(kProtocol)};
  config.wide_protocols = config.protocols;
  config.limits.inbound_streams = 8;
  config.limits.outbound_streams = 8;
  config.limits.receive_cap = 3U << 20U;
  config.limits.max_queued = 400000;
  return config;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const crypto::SigningKey kAlice{Digest{1}};
  static const crypto::SigningKey kBob{Digest{2}};
  SeededRandom random(7);
  ChannelPair both(make_config(Role::kInitiator, kAlice), make_config(Role::kResponder, kBob), random,
                   Instant{std::chrono::hours(1)});
  End ends[2] = {End(both.alice), End(both.bob)};
  bool mangled = false;
  bool waited = false;

  ByteReader script(ByteView(data, size));
  for (int step = 0; step < 256 && script.remaining() > 0; ++step) {
    const std::uint8_t verb = script.u8();
    const std::size_t which = script.u8();
    const std::size_t amount = script.u16();
    End& end = ends[verb >> 7U];
    PipeHalf& pipe = (verb & 0x80U) != 0 ? both.to_alice : both.to_bob;
    switch (verb % 11) {
      case 0:
        end.open();
        break;
      case 1:
        end.write(which, amount * 2);
        break;
      case 2:
        end.read(both.now, which, amount * 4);
        break;
      case 3:
        end.finish(which);
        break;
      case 4:
        end.reset(which);
        break;
      case 5:
        both.now += std::chrono::milliseconds(amount);
        both.alice.handle_timeout(both.now);
        both.bob.handle_timeout(both.now);
        waited = true;
        break;
      case 6:
        if (pipe.size() > 0) {
          pipe.held()[amount % pipe.size()] ^= static_cast<std::uint8_t>(which | 1U);
          mangled = true;
        }
        break;
      case 7:
        (void)pipe.read(amount % 64);
        mangled = true;
        break;
      case 8:
        pipe.write(Bytes(which, static_cast<std::uint8_t>(amount)));
        mangled = mangled || which > 0;
        break;
      default:
        both.move(amount + 1);
        break;
    }
    for (End& each : ends) each.drain_events();
  }
  both.settle();
  for (End& each : ends) {
    each.drain_events();
    require(mangled || waited || !each.channel().closed());
  }
  return 0;
}
