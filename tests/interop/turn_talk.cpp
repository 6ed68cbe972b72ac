// Two TURN clients of ours at anybody's server: each allocates, binds a channel to the other, and what one sends the
// other must get, both ways. Usage: turn_talk udp|tcp|tls SERVER:PORT USER PASSWORD [PACKETS]. Prints how many arrived.
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "crypto/random.h"
#include "io/loop/run.h"
#include "io/tcp/tcp.h"
#include "io/tcp/tls.h"
#include "io/turn/turn_client.h"

namespace {

using namespace turnpike;
using namespace std::chrono_literals;

constexpr std::size_t kPacketSize = 1000;
constexpr std::size_t kWindow = 4;  // packets under way: what does not fit into a queue somewhere is dropped

struct End {
  std::unique_ptr<io::TurnClient> client;
  std::optional<Endpoint> relayed;
  bool bound = false;
  bool failed = false;
  std::set<std::uint32_t> received;
};

struct Arguments {
  std::string_view transport;
  Endpoint server;
  turn::ClientConfig config;
  std::uint32_t packets = 1000;
};

class Talk {
 public:
  explicit Talk(const Arguments& arguments) : arguments_(arguments) {
    start(one_);
    start(two_);
  }

  int run() {
    if (!run_until([this] { return one_.relayed && two_.relayed; })) return fail("no allocation");
    std::printf("relayed %s and %s\n", one_.relayed->to_string().c_str(), two_.relayed->to_string().c_str());
    one_.client->bind(*two_.relayed);
    two_.client->bind(*one_.relayed);
    if (!run_until([this] { return one_.bound && two_.bound; })) return fail("no channel");
    if (!talk(one_, two_) || !talk(two_, one_)) {
      std::fprintf(stderr, "%zu and %zu arrived\n", two_.received.size(), one_.received.size());
      return fail("packets lost");
    }
    one_.client->release();
    two_.client->release();
    (void)run_until([this] { return one_.client->core().is_over() && two_.client->core().is_over(); });
    std::printf("arrived %zu and %zu of %u\n", two_.received.size(), one_.received.size(), arguments_.packets);
    return 0;
  }

 private:
  void start(End& end) {
    io::TurnClient::Handlers handlers{
        .on_event = [&end](const turn::Client::Event& event) { take(end, event); },
        .on_data = [&end](const Endpoint&, ByteView data) { end.received.insert(ByteReader(data).u32()); }};
    const auto executor = loop_.get_executor();
    if (arguments_.transport == "udp") {
      const bool v4 = arguments_.server.address.family == IpAddress::Family::kV4;
      const Endpoint any{v4 ? IpAddress{} : IpAddress{IpAddress::Family::kV6, {}}, 0};
      auto socket = io::UdpSocket::open(executor, any);
      end.client = std::make_unique<io::TurnClient>(executor, std::move(*socket), arguments_.server, arguments_.config,
                                                    random_, std::move(handlers));
      return;
    }
    auto connected = io::run(loop_, io::connect(arguments_.server, 5s));
    if (!connected) std::exit(fail("no connection"));
    std::unique_ptr<io::BytePipe> pipe = std::move(*connected);
    if (arguments_.transport == "tls") {
      auto secured =
          io::run(loop_, io::tls_connect(std::move(pipe), trusting_, arguments_.server.address.to_string(), 5s));
      if (!secured) std::exit(fail("no TLS"));
      pipe = std::move(*secured);
    }
    end.client =
        std::make_unique<io::TurnClient>(executor, std::move(pipe), arguments_.config, random_, std::move(handlers));
  }

  static void take(End& end, const turn::Client::Event& event) {
    if (const auto* const allocated = std::get_if<turn::Client::Allocated>(&event)) end.relayed = allocated->relayed;
    if (std::holds_alternative<turn::Client::Bound>(event)) end.bound = true;
    if (std::holds_alternative<turn::Client::Failed>(event) ||
        std::holds_alternative<turn::Client::BindRefused>(event)) {
      end.failed = true;
    }
  }

  template <class Done>
  bool run_until(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!done() && !one_.failed && !two_.failed && std::chrono::steady_clock::now() < deadline)
      loop_.run_one_for(1s);
    return done();
  }

  bool talk(End& from, End& to) {
    for (std::uint32_t sent = 0; sent < arguments_.packets; ++sent) {
      Bytes packet;
      ByteWriter(packet).u32(sent);
      packet.resize(kPacketSize, 'x');
      if (!run_until([&] { return sent < to.received.size() + kWindow; })) return false;
      if (!run_until([&] { return from.client->send(*to.relayed, packet); })) return false;
    }
    return run_until([&] { return to.received.size() == arguments_.packets; });
  }

  static int fail(const char* why) {
    std::fprintf(stderr, "turn_talk: %s\n", why);
    return 1;
  }

  const Arguments& arguments_;
  boost::asio::io_context loop_;
  crypto::SecureRandom random_;
  io::TlsClientContext trusting_ =
      io::TlsClientContext::pinned({std::getenv("TURN_PIN") ? std::getenv("TURN_PIN") : ""}).for_turn();
  End one_;
  End two_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: turn_talk udp|tcp|tls SERVER:PORT USER PASSWORD [PACKETS]\n");
    return 2;
  }
  Arguments arguments{.transport = argv[1], .server = {}, .config = {.username = argv[3], .password = argv[4]}};
  const auto server = Endpoint::parse(argv[2]);
  if (!server) return 2;
  arguments.server = *server;
  if (argc > 5) arguments.packets = static_cast<std::uint32_t>(std::strtoul(argv[5], nullptr, 10));
  return Talk(arguments).run();
}
