// A mapper whose router, and whoever else sends to it, do whatever the input says: it always knows when it wants to be
// woken, asks no more than its limits allow, never holds more than five ports of a family, and is closed in time.
#include <cstdlib>

#include "core/portmap/fake_gateway.h"

using namespace turnpike;
using namespace turnpike::portmap;

namespace {

constexpr std::size_t kMaxSteps = 400;

class Play {
 public:
  Play(ByteView input) : in_(input), mapper_({}, random_) {}

  void run() {
    gateway_.started = now_;
    mapper_.handle_network(now_, {.v4 = Uplink{gateway_.address, Home::kOwn}, .v6 = Uplink{kGateway6, kOwn6}});
    for (std::size_t step = 0; step < kMaxSteps && in_.remaining() > 0; ++step) {
      act(in_.u8());
      drain();
      check();
    }
    mapper_.close(now_);
    drain();
    for (int i = 0; i < 100 && !mapper_.is_closed(); ++i) {
      const auto next = mapper_.poll_timeout();
      if (!next) std::abort();  // not closed, and nothing to wait for
      now_ = std::max(now_, *next);
      mapper_.handle_timeout(now_);
      drain();
    }
    if (!mapper_.is_closed() || !mapper_.mappings().empty()) std::abort();
  }

 private:
  void act(std::uint8_t what) {
    switch (what % 16) {
      case 0:
        return deliver(true);
      case 1:
        return deliver(false);  // and keep it, to come again
      case 2:
        now_ += Duration(std::chrono::milliseconds(in_.u16()));
        break;
      case 3:
        now_ += Duration(std::chrono::seconds(in_.u16()));
        break;
      case 4:
        gateway_.restart(now_);
        break;
      case 5:
        gateway_.external = IpAddress::v4(in_.u8(), in_.u8(), 1, in_.u8());
        break;
      case 6:
        return raw(Endpoint{gateway_.address, 5351});
      case 7:
        return raw(Endpoint{kGateway6, 5351});
      case 8:
        gateway_.odd_lease = in_.u32();
        break;
      case 9:
        gateway_.taken.insert({in_.u8() % 2 == 0 ? Transport::kTcp : Transport::kUdp, in_.u16()});
        break;
      case 10:
        gateway_.pcp = in_.u8() % 2 == 0;
        break;
      case 11:
        gateway_.nat_pmp = in_.u8() % 2 == 0;
        break;
      case 12:
        return odd_upnp();
      case 13:
        gateway_.pcp_refusal = static_cast<pcp::Code>(in_.u8() % 16);
        break;
      case 14:
        mapper_.handle_wake_up(now_);
        break;
      default:
        gateway_.upnp_refusal = 400 + in_.u8();
        break;
    }
    mapper_.handle_timeout(now_);
  }
  void deliver(bool once) {
    if (waiting_.empty()) return;
    const auto [from, bytes] = waiting_.front();
    if (once) waiting_.erase(waiting_.begin());
    mapper_.handle_datagram(now_, from, bytes);
  }
  void raw(const Endpoint& from) {
    const std::size_t size = std::min<std::size_t>(in_.u8(), in_.remaining());
    mapper_.handle_datagram(now_, from, in_.take(size));
  }
  void odd_upnp() {
    if (gateway_.commands.empty()) return;
    const auto& command = gateway_.commands[in_.u8() % gateway_.commands.size()];
    upnp::Answer answer{command.id, upnp::Removed{}};
    switch (in_.u8() % 4) {
      case 0:
        answer.what = upnp::Found{IpAddress::v4(in_.u8(), 2, 3, 4), in_.u8() % 2 == 0, in_.u8() % 2 == 0};
        break;
      case 1:
        answer.what = upnp::Added{in_.u16(), in_.u16()};
        break;
      case 2:
        answer.what = upnp::Failed{in_.u16(), "x"};
        break;
      default:
        break;
    }
    mapper_.handle_upnp(now_, answer);
  }
  void drain() {
    for (std::size_t i = 0;; ++i) {
      if (i > 200) std::abort();  // it talks to itself
      bool busy = false;
      while (auto out = mapper_.poll_transmit()) {
        busy = true;
        auto answer = gateway_.answer(now_, out->payload);
        if (answer && waiting_.size() < 64) waiting_.emplace_back(out->to, *std::move(answer));
      }
      while (auto command = mapper_.poll_upnp()) {
        busy = true;
        if (const auto answer = gateway_.answer(*command)) mapper_.handle_upnp(now_, *answer);
      }
      if (!busy) break;
    }
    if (gateway_.commands.size() > 64) gateway_.commands.erase(gateway_.commands.begin(), gateway_.commands.end() - 64);
    while (mapper_.poll_event()) {
    }
  }
  void check() {
    if (mapper_.mappings().size() > 10) std::abort();
    for (const RouterView& view : mapper_.view()) {
      if (view.reason.empty() || view.mappings.size() > 5) std::abort();
      if (view.is_group && view.family == IpAddress::Family::kV4) check_group(view);
    }
    const auto next = mapper_.poll_timeout();
    if (!next) std::abort();  // there is always something to look at again
  }
  static void check_group(const RouterView& view) {
    if (view.mappings.size() != 5) std::abort();
    const int base = view.mappings[0].external.port;
    for (const Mapping& mapping : view.mappings) {
      if (mapping.external.port != base + offset_of(mapping.purpose) || !mapping.in_group) std::abort();
    }
  }

  inline static const IpAddress kGateway6 = *IpAddress::parse("fe80::1");
  inline static const IpAddress kOwn6 = *IpAddress::parse("2001:db8:1::2");
  ByteReader in_;
  SeededRandom random_{1};
  FakeGateway gateway_;
  Mapper mapper_;
  Instant now_{std::chrono::seconds(1000)};
  std::vector<std::pair<Endpoint, Bytes>> waiting_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Play(ByteView(data, size)).run();
  return 0;
}
