// A node's link against a bootstrap that says anything at any time: what it asks stays well-formed and bounded, it
// wakes no later than it must, and a failed link stays quiet until the next one.
#include <cstdlib>

#include "core/rendezvous/client.h"

namespace turnpike::rendezvous {
namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

const crypto::SigningKey& key() {
  static const crypto::SigningKey kept{Digest{5}};
  return kept;
}

// An answer in good form to what was asked last, for what random bytes would not reach.
ServerMessage answer(ByteReader& in, std::uint64_t request, WallTime time) {
  const std::uint8_t kind = in.u8();
  const std::uint8_t a = in.u8();
  switch (kind % 11) {
    case 0:
      return Hello{.bootstrap = {{1}}, .nonce = {a}, .time = time};
    case 1:
      return Welcome{IpAddress::v4(198, 51, 100, a)};
    case 2:
      return RegisterOk{request, std::chrono::seconds(a)};
    case 3:
      return HeartbeatAck{a % 2 == 0};
    case 4:
      return Found{request, {{{{static_cast<std::uint8_t>(a % 3)}}, {}}}};
    case 5:
      return Inventory{request, std::vector<Entry>(a % 3, Entry{{}, {1, {}}}), {1, a}, a % 2 == 0};
    case 6:
      return InventoryChanged{};
    case 7:
      return RelayGrant{request, {}};
    case 8:
      return RelayRefused{request, relay::RefusalReason::kFull, std::chrono::milliseconds(a), "later"};
    case 9:
      return Signal{{{a}}, Bytes(a)};
    default:
      return Error{a % 4 == 0 ? 0 : request, static_cast<ErrorCode>(1 + a % 11), std::chrono::milliseconds(a), "no"};
  }
}

}  // namespace
}  // namespace turnpike::rendezvous

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  using namespace turnpike::rendezvous;
  SeededRandom random(3);
  identity::SequenceSource sequence;
  identity::ReplayWindow seen(16);
  Client client({.key = &key(),
                 .sequence = &sequence,
                 .seen_signals = &seen,
                 .expected = std::nullopt,
                 .url = "",
                 .follow_inventory = true},
                random);
  Now now{Instant{std::chrono::hours(1)}, WallTime{1'795'000'000'000}};
  std::uint64_t request = 0;
  bool up = false;

  ByteReader in(ByteView(data, std::min<std::size_t>(size, 512)));
  while (in.remaining() >= 2) {
    const std::uint8_t action = in.u8();
    const std::uint8_t a = in.u8();
    switch (action % 8) {
      case 0:
        up = a % 4 != 0;
        up ? client.handle_link_up(now) : client.handle_link_down(now);
        break;
      case 1: {
        now.mono += std::chrono::milliseconds(a) * a;
        now.wall.unix_ms += std::uint64_t{a} * a;
        client.handle_timeout(now);
        const auto next = client.poll_timeout();
        must(!next || *next > now.mono);
        break;
      }
      case 2:
        client.handle_message(now, in.take(std::min<std::size_t>(in.remaining(), a)));
        break;
      case 3:
        client.set_registration(now, {{ServiceKind::kHttp, {IpAddress::v4(198, 51, 100, a), a}}},
                                {{{{a}}, {a, {}}, a % 2 == 0}});
        break;
      case 4:
        if (client.lookup(now, std::vector<store::StoreId>(a, store::StoreId{{a}}))) must(client.is_welcomed());
        break;
      case 5:
        if (client.open_relay(now, {{a}})) must(client.is_welcomed());
        break;
      default:
        client.handle_message(now, encode(answer(in, request, now.wall)));
    }
    while (const auto frame = client.poll_send()) {
      must(up);
      const auto message = decode_client_message(*frame);
      must(static_cast<bool>(message));
      std::visit(
          [&](const auto& each) {
            if constexpr (requires { each.request; }) request = each.request != 0 ? each.request : request;
          },
          *message);
    }
    while (const auto event = client.poll_event()) {
      const auto* failed = std::get_if<Failed>(&*event);
      if (failed == nullptr || failed->reason == FailureReason::kRegistration) continue;
      must(!client.is_welcomed() && !client.poll_timeout());
    }
    must(!client.is_registered() || client.is_welcomed());
  }
  return 0;
}
