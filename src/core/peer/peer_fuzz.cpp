// A bootstrap and a shell that say anything at any time: the brain stays within its limits and always comes to rest.
#include <cstdlib>

#include "core/peer/peer.h"
#include "core/rendezvous/control.h"

namespace turnpike::peer {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxOperations = 200;
constexpr int kMaxCommands = 20'000;

void require(bool holds) {
  if (!holds) std::abort();
}

class Play {
 public:
  explicit Play(ByteView input) : in_(input), brain_(now(), config(), random_) { brain_.handle_catalogue_ready(now()); }

  void run() {
    for (std::size_t i = 0; i < kMaxOperations && in_.remaining() > 0; ++i) {
      operate(in_.u8());
      drain();
    }
    for (int i = 0; i < 30; ++i) {
      const std::optional<Instant> next = brain_.poll_timeout();
      if (!next) break;
      elapsed_ = std::max(elapsed_ + 1us, Duration(*next - Instant(1000s)));
      brain_.handle_timeout(now());
      drain();
    }
    (void)brain_.peers();
    (void)brain_.stores();
  }

 private:
  Config config() {
    Config out;
    out.identity = &key_;
    out.bootstraps = {"wss://one", "wss://two"};
    return out;
  }
  Now now() const {
    return {Instant(1000s) + elapsed_, {1'700'000'000'000 + static_cast<std::uint64_t>(elapsed_ / 1ms)}};
  }
  store::StoreId store() {
    store::StoreId id;
    id.bytes[0] = static_cast<std::uint8_t>(in_.u8() % 5);
    return id;
  }
  store::Content content() {
    store::Content out{.size = 1 + (in_.u8() % 3) * store::kPieceSize, .root = {}};
    out.root[0] = static_cast<std::uint8_t>(in_.u8() % 2);
    return out;
  }
  identity::PeerId peer() {
    identity::PeerId id;
    id.public_key[0] = static_cast<std::uint8_t>(in_.u8() % 4);
    return id;
  }

  rendezvous::ServerMessage message() {
    switch (in_.u8() % 10) {
      case 0:
        return rendezvous::Hello{.bootstrap = peer(), .nonce = {}, .time = now().wall};
      case 1:
        return rendezvous::Welcome{.observed = IpAddress::v4(198, 51, 100, 1)};
      case 2:
        return rendezvous::RegisterOk{.request = in_.u8(), .ttl = 600s};
      case 3:
        return rendezvous::HeartbeatAck{.registered = in_.u8() % 2 == 0};
      case 4: {
        rendezvous::Found found{.request = in_.u8(), .stores = {}};
        rendezvous::FoundStore one{.id = store(), .announcers = {}};
        for (std::size_t i = in_.u8() % 4; i > 0; --i) {
          one.announcers.push_back({.peer = peer(),
                                    .observed = IpAddress::v4(203, 0, in_.u8(), 1),
                                    .http = {{IpAddress::v4(203, 0, 113, in_.u8()), 5001}},
                                    .content = content(),
                                    .seq = in_.u8(),
                                    .connected = in_.u8() % 2 == 0});
        }
        found.stores.push_back(one);
        return found;
      }
      case 5:
        return rendezvous::Inventory{
            .request = in_.u8(), .entries = {{store(), content()}}, .cursor = {1, in_.u8()}, .more = in_.u8() % 4 == 0};
      case 6:
        return rendezvous::InventoryChanged{};
      case 7: {
        rendezvous::RelayGrant grant{.request = in_.u8(), .grant = {}};
        grant.grant.quote.bytes = in_.u8() * store::kPieceSize;
        grant.grant.quote.until.unix_ms = now().wall.unix_ms + 3'600'000;
        return grant;
      }
      case 8:
        return rendezvous::RelayRefused{
            .request = in_.u8(), .reason = {}, .retry_after = 1ms * in_.u8(), .suggestion = {}};
      default:
        return rendezvous::Error{.request = in_.u8(),
                                 .code = static_cast<rendezvous::ErrorCode>(1 + in_.u8() % 11),
                                 .retry_after = 1ms * in_.u8(),
                                 .text = "x"};
    }
  }

  void operate(std::uint8_t what) {
    const std::size_t link = in_.u8() % 3;
    switch (what % 16) {
      case 0:
        brain_.handle_link_up(now(), link);
        break;
      case 1:
        brain_.handle_link_down(now(), link, "because");
        break;
      case 2:
      case 3:
      case 4:
      case 5:
        brain_.handle_link_message(now(), link, rendezvous::encode(message()));
        break;
      case 6:
        brain_.handle_link_message(now(), link, in_.take(std::min<std::size_t>(in_.u8(), in_.remaining())));
        break;
      case 7:
        brain_.handle_path_open(now(), path::PathId{in_.u8()}, 5ms);
        break;
      case 8:
        brain_.handle_path_closed(now(), path::PathId{in_.u8()},
                                  {.end = static_cast<path::PathEnd>(in_.u8() % 8), .detail = {}});
        break;
      case 9: {
        const sync::Target target{store(), content()};
        brain_.handle_partial_open(now(), target, std::vector<bool>(target.content.piece_count()));
        break;
      }
      case 10:
        brain_.handle_piece(now(), sync::FetchId{in_.u8()}, in_.u8() % 4, 1000);
        break;
      case 11: {
        const sync::FetchOutcome outcome{
            .end = static_cast<sync::FetchEnd>(in_.u8() % 11), .retry_after = 1s * in_.u8(), .disk = {}, .detail = {}};
        brain_.handle_fetch_ended(now(), sync::FetchId{in_.u8()}, outcome);
        break;
      }
      case 12:
        brain_.handle_committed(now(), {store(), content()});
        break;
      case 13:
        brain_.want(now(), store());
        break;
      case 14:
        brain_.handle_network_changed(now());
        break;
      default:
        elapsed_ += 1ms * (1 + in_.u8() * in_.u8());
        brain_.handle_timeout(now());
        break;
    }
  }

  void drain() {
    for (int commands = 0; const auto command = brain_.poll_command(); ++commands) {
      require(commands < kMaxCommands);
      if (const auto* send = std::get_if<SendToBootstrap>(&*command)) {
        require(send->message.size() <= rendezvous::kMaxMessageSize);
        require(send->index < 2);
      }
    }
    std::size_t active = 0;
    for (const TransferView& view : brain_.transfers()) active += view.state != "complete";
    require(active <= 4);
  }

  ByteReader in_;
  SeededRandom random_{1};
  crypto::SigningKey key_ = crypto::SigningKey(Digest{5});
  Duration elapsed_{};
  Peer brain_;
};

}  // namespace
}  // namespace turnpike::peer

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  turnpike::peer::Play({data, size}).run();
  return 0;
}
