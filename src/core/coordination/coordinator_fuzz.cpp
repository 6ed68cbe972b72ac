// Any order of signals, lists, measurements and timeouts: what is wanted is bounded, every request ends, and nothing is
// granted that no server signed.
#include <cstdlib>

#include "core/coordination/coordinator.h"

namespace {

using namespace turnpike;
using namespace turnpike::coordination;

PeerId peer(std::uint8_t number) {
  Digest seed{};
  seed[0] = number;
  return {crypto::SigningKey(seed).public_key()};
}

signal::Message message_of(std::uint8_t kind, std::uint8_t number, ByteView rest) {
  switch (kind % 7) {
    case 0:
      return signal::TurnQuery{number};
    case 1:
      return signal::TurnDistances{number, {{peer(4), std::chrono::milliseconds(number)}}};
    case 2:
      return signal::TurnRequest{number, peer(static_cast<std::uint8_t>(number % 6))};
    case 3:
      return signal::TurnGranted{number, copy_of(rest), {"u", "p"}, copy_of(rest)};
    case 4:
      return signal::TurnRefused{number, turn::RefusalReason::kFull, std::chrono::milliseconds(number)};
    case 5:
      return signal::TurnOffer{copy_of(rest)};
    default:
      return signal::DialMe{{{IpAddress::v4(192, 0, 2, number), 1}}, {}};
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const crypto::SigningKey key{Digest{9}};
  SeededRandom random(1);
  identity::SequenceSource sequence;
  identity::ReplayWindow seen(16);
  Coordinator coordinator({.key = &key, .sequence = &sequence, .seen_signals = &seen}, random);
  Now now{Instant{std::chrono::hours(1)}, {1'795'000'000'000}};
  ByteReader in(ByteView(data, size));
  std::size_t asked = 0;
  std::size_t ended = 0;
  const auto drain = [&] {
    while (const auto action = coordinator.poll_action()) {
      if (std::holds_alternative<Granted>(*action)) std::abort();
      ended += std::holds_alternative<Denied>(*action) ? 1U : 0U;
    }
  };
  for (int i = 0; i < 400 && in.remaining() >= 3; ++i) {
    const std::uint8_t what = in.u8();
    const std::uint8_t who = in.u8();
    const std::uint8_t number = in.u8();
    switch (what % 6) {
      case 0:
        coordinator.request(now, peer(static_cast<std::uint8_t>(who % 8)), who % 2, {peer(4)});
        ++asked;
        break;
      case 1:
        coordinator.handle_signal(now, who % 2, peer(static_cast<std::uint8_t>(who % 8)),
                                  IpAddress::v4(192, 0, 2, number),
                                  message_of(what / 6, number, in.take(std::min<std::size_t>(in.remaining(), number))));
        break;
      case 2:
        coordinator.handle_servers(
            now, who % 2, std::nullopt,
            {{peer(static_cast<std::uint8_t>(number % 8)),
              {{rendezvous::ServiceKind::kTurnUdp, {IpAddress::v4(198, 51, 100, number), 6001}}}}});
        break;
      case 3:
        coordinator.handle_measured(now, peer(static_cast<std::uint8_t>(who % 8)), std::chrono::milliseconds(number));
        break;
      case 4:
        now.mono += std::chrono::milliseconds(number * 8);
        coordinator.handle_timeout(now);
        break;
      default:
        coordinator.handle_decided(now, number, fail(turn::RefusalReason::kSpent));
    }
    drain();
  }
  for (int i = 0; i < 20 && coordinator.poll_timeout(); ++i) {
    now.mono = std::max(now.mono, *coordinator.poll_timeout());
    coordinator.handle_timeout(now);
    drain();
  }
  if (coordinator.poll_timeout() || ended > asked) std::abort();
  return 0;
}
