// One end of a punch, for the laboratory: what the two tell each other goes through its input and output, everything
// else is what a node does.
//   punch_peer PORT controlling|controlled STORE_SIZE SERVER..
// Prints its own end as a line of JSON, takes the other's from its input, and begins. The controlling end then fetches
// the other's store over QUIC through the hole. Prints {"opened_ms", "rtt_ms", "kind", "probes", "entries", "sockets",
// "sha256"} or {"failed", "probes", "entries"}.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "base/hex.h"
#include "core/exchange/message.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "io/channel/channel_test_support.h"
#include "io/channel/exchange_source.h"
#include "io/channel/store_server.h"
#include "io/interfaces/interfaces.h"
#include "io/loop/convert.h"
#include "io/loop/deadline.h"
#include "io/loop/run.h"
#include "io/punch/punch_host.h"

using namespace turnpike;
using namespace turnpike::io;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr Duration kMeasureLimit = 2s;

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "punch_peer: %s\n", why.c_str());
  std::_Exit(1);
}

json json_of(const punch::Behaviour& behaviour) {
  return {{"mapping", static_cast<int>(behaviour.mapping)},
          {"allocation", static_cast<int>(behaviour.allocation)},
          {"stride", behaviour.stride},
          {"last_port", behaviour.last_port}};
}
punch::Behaviour behaviour_of(const json& from) {
  return {.mapping = static_cast<punch::Mapping>(from.at("mapping").get<int>()),
          .allocation = static_cast<punch::PortAllocation>(from.at("allocation").get<int>()),
          .stride = from.at("stride"),
          .last_port = from.at("last_port")};
}

struct Program final : PunchEvents {
  Program(std::uint16_t port, punch::Role role_, std::uint64_t store_size)
      : role(role_), store(store_size), reader(store), server(reader) {
    auto opened_socket = UdpSocket::open(loop.get_executor(), {{IpAddress::Family::kV6, {}}, port});
    if (!opened_socket) opened_socket = UdpSocket::open(loop.get_executor(), {IpAddress{}, port});
    if (!opened_socket) die("no socket");
    socket = std::move(*opened_socket);
    quic::Config config;
    config.identity = &key;
    config.protocols = {std::string(exchange::kProtocol)};
    quic.emplace(loop.get_executor(), *socket, std::move(config), random, [this](std::unique_ptr<QuicLink> link) {
      links.push_back(std::move(link));
      return [this](std::unique_ptr<LinkStream> stream) { return server.serve(std::move(stream)); };
    });
    host.emplace(loop.get_executor(), *quic, random, *this);
    quic->on_stun([this](const DatagramBatch& batch) { host->handle_stun(batch, [](const DatagramBatch&) {}); });
  }

  void punch_opened(PunchId, const quic::Path& path, Duration time) override {
    opened = path;
    rtt = time;
    opened_at = now();
  }
  void punch_failed(PunchId, punch::PunchFailure why) override { failed = why; }
  void punch_lost(PunchId) override { std::_Exit(0); }

  void run_until(const std::function<bool()>& done) {
    loop.restart();
    while (!done()) loop.run_one();
  }

  /// What this end tells the other.
  json describe(const std::vector<Endpoint>& servers) {
    const auto seen = run(loop, host->measure(servers, kMeasureLimit));
    local.role = role;
    local.credentials = credentials;
    local.behaviour = punch::classify(seen);
    for (const IpAddress& address : own_addresses()) {
      local.candidates.push_back({{address, socket->local().port}, punch::CandidateKind::kHost});
    }
    for (const punch::Sighting& each : seen) {
      const punch::Candidate candidate{each.mapped, punch::CandidateKind::kReflexive};
      std::erase(local.candidates, candidate);
      local.candidates.push_back(candidate);  // the newest last: its port is what the next ones are counted from
    }
    std::ranges::reverse(local.candidates);
    json told = {{"ufrag", credentials.ufrag},
                 {"password", credentials.password},
                 {"behaviour", json_of(local.behaviour)},
                 {"mapping", std::string(name_of(local.behaviour.mapping))},
                 {"allocation", std::string(name_of(local.behaviour.allocation))},
                 {"peer", identity::PeerId{key.public_key()}.to_string()},
                 {"store", store.id.to_string()},
                 {"size", store.content().size},
                 {"root", to_hex(store.content().root)},
                 {"candidates", json::array()}};
    for (const punch::Candidate& each : local.candidates) {
      told["candidates"].push_back({each.endpoint.to_string(), static_cast<int>(each.kind)});
    }
    return told;
  }

  punch::RemoteEnd remote_of(const json& told) {
    punch::RemoteEnd remote;
    remote.credentials = {told.at("ufrag"), told.at("password")};
    remote.behaviour = behaviour_of(told.at("behaviour"));
    for (const json& each : told.at("candidates")) {
      const auto endpoint = Endpoint::parse(each.at(0).get<std::string>());
      if (!endpoint) die("a candidate");
      const punch::Candidate candidate{*endpoint, static_cast<punch::CandidateKind>(each.at(1).get<int>())};
      remote.candidates.push_back(candidate);
      // In a node a bootstrap that both are linked to is the witness.
      if (candidate.kind == punch::CandidateKind::kReflexive) remote.witnessed.push_back(endpoint->address);
    }
    return remote;
  }

  [[nodiscard]] json counted() const {
    return {{"probes", host->governor().probes_sent()}, {"entries", host->governor().entries_made()}};
  }

  /// SHA-256 of what came through the hole.
  std::string fetch(const json& told) {
    const auto peer = identity::PeerId::parse(told.at("peer").get<std::string>());
    const auto id = store::StoreId::parse(told.at("store").get<std::string>());
    const auto root = digest_from_hex(told.at("root").get<std::string>());
    if (!peer || !id || !root) die("the other end's words");
    auto link = quic->connect(*opened, *peer);
    const auto up = io::run(loop, link->established());
    if (!up) die("no QUIC through the hole");
    const store::Content content{.size = told.at("size"), .root = *root};
    Collected sink;
    Stop stop;
    ExchangeSource source(*link);
    const auto got = io::run(loop, source.range(*id, content, 0, content.size, sink, stop));
    if (!got) die("the store did not come");
    link->close();
    (void)io::run(loop, link->closed());
    return to_hex(crypto::sha256(sink.bytes));
  }

  asio::io_context loop;
  crypto::SecureRandom random;
  punch::Role role;
  crypto::SigningKey key = crypto::SigningKey::generate(random);
  punch::Credentials credentials = punch::Credentials::draw(random);
  TestStore store;
  MemoryReader reader;
  StoreServer server;
  std::unique_ptr<UdpSocket> socket;
  std::vector<std::unique_ptr<QuicLink>> links;
  std::optional<QuicHost> quic;
  std::optional<PunchHost> host;
  punch::LocalEnd local;
  std::optional<quic::Path> opened;
  std::optional<punch::PunchFailure> failed;
  Duration rtt{};
  Instant opened_at;
};

void say(const json& line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) die("usage: punch_peer PORT controlling|controlled STORE_SIZE SERVER..");
  const punch::Role role =
      std::string_view(argv[2]) == "controlling" ? punch::Role::kControlling : punch::Role::kControlled;
  std::vector<Endpoint> servers;
  for (int i = 4; i < argc; ++i) {
    const auto server = Endpoint::parse(argv[i]);
    if (!server) die("not an endpoint: " + std::string(argv[i]));
    servers.push_back(*server);
  }
  Program program(static_cast<std::uint16_t>(std::atoi(argv[1])), role, std::strtoull(argv[3], nullptr, 10));
  say(program.describe(servers));
  std::string line;
  if (!std::getline(std::cin, line)) die("the other end was not told");
  const json told = json::parse(line);
  const Instant began = now();
  const auto id = program.host->begin(program.local);
  program.host->start(*id, program.remote_of(told));
  program.run_until([&] { return program.opened || program.failed; });
  json result = program.counted();
  if (program.failed) {
    result["failed"] = std::string(punch::words_of(*program.failed));
    say(result);
    std::_Exit(0);
  }
  result["opened_ms"] = static_cast<double>((program.opened_at - began).count()) / 1000;
  result["rtt_ms"] = static_cast<double>(program.rtt.count()) / 1000;
  result["extra_socket"] = program.opened->carrier != quic::CarrierId::kSocket;
  if (role == punch::Role::kControlling) result["sha256"] = program.fetch(told);
  say(result);
  if (role == punch::Role::kControlled) {
    // Serves until whoever started it has what it wanted.
    std::thread([] {
      while (std::cin.get() != EOF) {
      }
      std::_Exit(0);
    }).detach();
    const auto work = asio::make_work_guard(program.loop);
    program.loop.restart();
    program.loop.run();
  }
  std::_Exit(0);
}
