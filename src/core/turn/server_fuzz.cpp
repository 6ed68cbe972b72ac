// Whatever three clients send, signed or not, nothing leaves the server but to one of the three, an unauthenticated
// answer stays small, data reaches only who is its sender's partner, and no table outgrows its limit.
#include <cstdlib>

#include "core/turn/turn_test_support.h"

namespace {

using namespace turnpike;
using namespace turnpike::turn;
using namespace turnpike::turn::testing;

void require(bool holds) {
  if (!holds) std::abort();
}

struct World {
  SeededRandom random{1};
  Server server{config(), random};
  Opened opened = *server.open_session(kNow, peer(1), kExternal, peer(2), IpAddress::Family::kV4);
  std::array<Talker, 3> talkers{Talker(server, udp_client(1), opened.requester),
                                Talker(server, tcp_client(2, 9), opened.responder),
                                Talker(server, udp_client(3), {"alice", "secret"})};
};

void check_outputs(World& world, std::size_t sender) {
  for (std::size_t i = 0; i < world.talkers.size(); ++i) {
    for (const Outgoing& out : world.talkers[i].others) {
      // Only data goes to another than who asked, and only to a partner.
      require(sender == 2 ? out.to == world.talkers[2].at() : out.to == world.talkers[1 - sender].at());
    }
    world.talkers[i].others.clear();
  }
  require(world.server.allocations() <= 3 && world.server.sessions() <= 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World world;
  Duration time{};
  ByteReader in(ByteView(data, size));
  while (in.remaining() > 2) {
    const std::uint8_t verb = in.u8();
    const std::size_t who = in.u8() % 3U;
    Talker& talker = world.talkers[who];
    const Now now = later(time);
    const ByteView raw = in.take(std::min<std::size_t>(in.remaining(), in.u8()));
    const auto fill = [&](MessageWriter& out) {
      // type, size, value: an attribute of the fuzzer's making under a good signature
      for (ByteReader attributes(raw); attributes.remaining() > 3;) {
        const auto type = static_cast<AttributeType>(attributes.u16());
        out.add(type, attributes.take(std::min<std::size_t>(attributes.remaining(), attributes.u8())));
      }
    };
    const Endpoint partner = who == 0 ? world.opened.grant.responder_relayed : world.opened.grant.requester_relayed;
    switch (verb % 10) {
      case 0:
        (void)talker.send(now, raw);
        break;
      case 1:
        (void)talker.ask(now, static_cast<Method>(verb / 10U), fill);
        break;
      case 2:
        (void)talker.allocate(now, fill);
        break;
      case 3:
        (void)talker.refresh(now, std::chrono::seconds(raw.size()));
        break;
      case 4:
        (void)talker.permit(now, partner);
        break;
      case 5:
        (void)talker.bind(now, static_cast<ChannelNumber>(kFirstChannel + verb / 10U), partner);
        break;
      case 6:
        talker.send_channel(now, static_cast<ChannelNumber>(kFirstChannel + verb / 10U), raw);
        break;
      case 7:
        talker.send_indication(now, partner, raw);
        break;
      case 8:
        time += std::chrono::seconds(verb);
        world.server.handle_timeout(later(time));
        break;
      default: {
        MessageWriter out(Class::kRequest, Method::kAllocate, {});
        fill(out);
        const Answer answer = talker.send(now, std::move(out).take());
        require(answer.bytes.size() <= kMaxUnauthenticatedAnswer);
      }
    }
    check_outputs(world, who);
    while (world.server.poll_event()) {
    }
  }
  return 0;
}
