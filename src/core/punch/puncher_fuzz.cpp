// Whatever arrives, from wherever, whenever: no victim gets more than its share, tables stay bounded, and time goes on.
#include <cstdlib>
#include <map>

#include "core/punch/puncher.h"

using namespace turnpike;
using namespace turnpike::punch;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader in(ByteView(data, size));
  SeededRandom random(in.u8());
  Governor governor;
  const Credentials ours = Credentials::draw(random);
  const Credentials theirs = Credentials::draw(random);
  const auto behaviour = [&in] {
    return Behaviour{.mapping = static_cast<Mapping>(in.u8() % 5),
                     .allocation = static_cast<PortAllocation>(in.u8() % 4),
                     .stride = static_cast<std::int8_t>(in.u8()),
                     .last_port = in.u16()};
  };
  const auto endpoint = [&in] { return Endpoint{IpAddress::v4(in.u8(), in.u8(), in.u8(), in.u8() % 4), in.u16()}; };
  Puncher puncher(random, governor,
                  {.role = in.u8() % 2 == 0 ? Role::kControlling : Role::kControlled,
                   .credentials = ours,
                   .behaviour = behaviour()});
  Instant now{std::chrono::hours(1)};
  std::map<IpAddress, std::size_t> checks;
  std::map<IpAddress, bool> answered;
  std::optional<stun::TransactionId> last;
  std::optional<Endpoint> asked;
  while (in.remaining() > 0 && !in.failed()) {
    switch (in.u8() % 7) {
      case 0: {
        RemoteEnd remote{.credentials = theirs, .behaviour = behaviour()};
        for (unsigned i = in.u8() % 20; i > 0; --i) {
          remote.candidates.push_back({endpoint(), static_cast<CandidateKind>(in.u8() % 5)});
        }
        puncher.start(now, remote);
        break;
      }
      case 1:
        now += Duration(in.u16());
        puncher.handle_timeout(now);
        break;
      case 2: {
        const Endpoint from = endpoint();
        const CheckRequest request{.id = random.array<12>(),
                                   .priority = in.u32(),
                                   .role = in.u8() % 2 == 0 ? Role::kControlling : Role::kControlled,
                                   .tie_breaker = in.u64(),
                                   .use_candidate = in.u8() % 2 == 0};
        (void)puncher.handle_datagram(now, in.u8() % 3, from, encode(request, theirs, ours));
        break;
      }
      case 3:
        if (last && asked) {
          answered[asked->address] = true;
          (void)puncher.handle_datagram(now, 0, *asked, encode_success(*last, *asked, theirs));
        }
        break;
      case 4:
        if (last && asked) {
          (void)puncher.handle_datagram(now, 0, *asked, encode_error(*last, stun::ErrorCode::kRoleConflict, theirs));
        }
        break;
      case 5:
        puncher.add_sockets(now, in.u8(), in.u16());
        break;
      default: {
        const std::size_t length = std::min<std::size_t>(in.u8(), in.remaining());
        Bytes raw(length);
        for (std::uint8_t& byte : raw) byte = in.u8();
        (void)puncher.handle_datagram(now, 0, endpoint(), raw);
      }
    }
    while (const auto sent = puncher.poll_transmit()) {
      const auto message = stun::MessageView::parse(sent->payload);
      if (!message) std::abort();
      if (message->message_class() != stun::Class::kRequest) continue;
      last = message->id();
      asked = sent->to;
      if (++checks[sent->to.address] > 64 && !answered[sent->to.address]) std::abort();
    }
    while (puncher.poll_event()) {
    }
    if (puncher.pairs() > kMaxPairs) std::abort();
    if (puncher.is_over() && puncher.poll_timeout()) std::abort();
  }
  return 0;
}
