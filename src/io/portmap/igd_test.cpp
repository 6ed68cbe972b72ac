#include "io/portmap/igd.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <map>
#include <string>

#include "io/http/server.h"
#include "io/loop/convert.h"
#include "io/loop/deadline.h"
#include "io/loop/run.h"
#include "io/tcp/tcp.h"

namespace turnpike::io {
namespace {

using namespace std::chrono_literals;
namespace upnp = portmap::upnp;
using portmap::Ask;
using portmap::Transport;

const IpAddress kLoopback = IpAddress::v4(127, 0, 0, 1);
const IpAddress kOwn = IpAddress::v4(127, 0, 0, 2);
const Ask kAsk{.transport = Transport::kTcp, .internal_port = 5001, .external_port = 5001};

/// A device that answers each action with what the test says, on the loopback.
struct World {
  asio::io_context loop;
  WorkerPool pool{loop.get_executor(), 1};
  http::Server server{loop.get_executor(), http::ServerLimits()};
  std::string description_services =
      "<service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:2</serviceType>"
      "<controlURL>/ctl</controlURL></service>";
  std::map<std::string, std::string> answers{
      {"GetExternalIPAddress", "<NewExternalIPAddress>203.0.113.7</NewExternalIPAddress>"}};
  std::map<std::string, std::string> asked;  // action: the request's body
  Igd igd;
  std::uint64_t id = 1;

  explicit World(Duration command_time = kIgdCommandTime) : igd(pool, surroundings(), command_time) {
    auto listener = TcpListener::open(loop.get_executor(), {kLoopback, 0});
    igd.use_descriptions({"http://" + (*listener)->local().to_string() + "/desc"});
    server.listen(*std::move(listener));
    server.route(http::Method::kGet, "/desc", [this](http::Request) { return describe(); });
    server.route(http::Method::kPost, "/ctl", [this](http::Request request) { return act(std::move(request)); });
  }
  static Surroundings surroundings() {
    Surroundings out;
    out.network.v4 = portmap::Uplink{.gateway = kLoopback, .own = kOwn};
    return out;
  }
  asio::awaitable<http::Response> describe() {
    const std::string xml =
        "<root><device><deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType>"
        "<serviceList>" +
        description_services + "</serviceList></device></root>";
    co_return http::Response::text(200, xml);
  }
  asio::awaitable<http::Response> act(http::Request request) {
    std::string action(request.headers.find("SOAPAction").value_or(""));
    action = action.substr(action.find('#') + 1);
    action.pop_back();
    asked[action] = std::string(text_of(request.body));
    const auto found = answers.find(action);
    const std::string values = found == answers.end() ? "" : found->second;
    const unsigned status = values.find("errorCode") == std::string::npos ? 200 : 500;
    co_return http::Response::text(status, "<s:Envelope><s:Body><u:x>" + values + "</u:x></s:Body></s:Envelope>");
  }
  template <class T>
  std::optional<T> ask(decltype(upnp::Command::what) what) {
    const upnp::Answer answer = run(loop, igd.run({.id = ++id, .own = kOwn, .what = std::move(what)}));
    EXPECT_EQ(answer.id, id);
    if (!std::holds_alternative<T>(answer.what)) return std::nullopt;
    return std::get<T>(answer.what);
  }
};

std::string fault(int code, const std::string& words) {
  return "<UPnPError><errorCode>" + std::to_string(code) + "</errorCode><errorDescription>" + words +
         "</errorDescription></UPnPError>";
}

TEST(Igd, FindsTheDeviceAndItsExternalAddress) {
  World world;
  const auto found = world.ask<upnp::Found>(upnp::Find{});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->external, IpAddress::v4(203, 0, 113, 7));
  EXPECT_TRUE(found->is_v2);
}

TEST(Igd, AsksForAPortWithItsLeaseAndTakesTheOneThatWasReserved) {
  World world;
  (void)world.ask<upnp::Found>(upnp::Find{});
  world.answers["AddAnyPortMapping"] = "<NewReservedPort>6001</NewReservedPort>";
  const auto added = world.ask<upnp::Added>(upnp::Add{.ask = kAsk, .lease = 7200s, .any = true, .pinhole = {}});
  ASSERT_TRUE(added);
  EXPECT_EQ(added->external_port, 6001);
  const std::string& body = world.asked["AddAnyPortMapping"];
  for (const char* part : {"<NewExternalPort>5001<", "<NewInternalPort>5001<", "<NewProtocol>TCP<",
                           "<NewInternalClient>127.0.0.2<", "<NewLeaseDuration>7200<", "<NewEnabled>1<"}) {
    EXPECT_NE(body.find(part), std::string::npos) << part << " in " << body;
  }
}

TEST(Igd, AsksInTheOldWayForExactlyThatPort) {
  World world;
  (void)world.ask<upnp::Found>(upnp::Find{});
  const auto added = world.ask<upnp::Added>(upnp::Add{.ask = kAsk, .lease = 0s, .any = false, .pinhole = {}});
  EXPECT_EQ(added->external_port, 5001);
  EXPECT_NE(world.asked["AddPortMapping"].find("<NewLeaseDuration>0<"), std::string::npos);
}

TEST(Igd, PassesTheDevicesErrorsOn) {
  World world;
  (void)world.ask<upnp::Found>(upnp::Find{});
  world.answers["AddPortMapping"] = fault(725, "OnlyPermanentLeasesSupported");
  const auto failed = world.ask<upnp::Failed>(upnp::Add{.ask = kAsk, .lease = 7200s, .any = false, .pinhole = {}});
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->code, upnp::kOnlyPermanentLeases);
  EXPECT_EQ(failed->text, "UPnP error 725 OnlyPermanentLeasesSupported");
}

TEST(Igd, SaysWhoHasAPort) {
  World world;
  (void)world.ask<upnp::Found>(upnp::Find{});
  world.answers["GetSpecificPortMappingEntry"] = "<NewInternalClient>192.168.1.9</NewInternalClient>";
  EXPECT_FALSE(world.ask<upnp::Owner>(upnp::Query{Transport::kTcp, 5001})->is_ours);
  world.answers["GetSpecificPortMappingEntry"] = "<NewInternalClient>127.0.0.2</NewInternalClient>";
  EXPECT_TRUE(world.ask<upnp::Owner>(upnp::Query{Transport::kTcp, 5001})->is_ours);
  world.answers["GetSpecificPortMappingEntry"] = fault(714, "NoSuchEntryInArray");
  EXPECT_FALSE(world.ask<upnp::Owner>(upnp::Query{Transport::kTcp, 5001})->internal);
}

TEST(Igd, SeesThatAMappingIsGone) {
  World world;
  (void)world.ask<upnp::Found>(upnp::Find{});
  world.answers["GetSpecificPortMappingEntry"] = "<NewInternalClient>127.0.0.2</NewInternalClient>";
  EXPECT_TRUE(world.ask<upnp::Found>(upnp::Check{kAsk, {}})->witness_stands);
  world.answers["GetSpecificPortMappingEntry"] = fault(714, "NoSuchEntryInArray");
  EXPECT_FALSE(world.ask<upnp::Found>(upnp::Check{kAsk, {}})->witness_stands);
}

TEST(Igd, TakesAMappingAway) {
  World world;
  (void)world.ask<upnp::Found>(upnp::Find{});
  EXPECT_TRUE(world.ask<upnp::Removed>(upnp::Remove{kAsk, {}}));
  EXPECT_NE(world.asked["DeletePortMapping"].find("<NewExternalPort>5001<"), std::string::npos);
}

TEST(Igd, KnowsOfNoDeviceBeforeItHasFoundOne) {
  World world;
  EXPECT_TRUE(world.ask<upnp::Failed>(upnp::Check{}));
}

TEST(Igd, HasNoExternalAddressWhereTheDeviceSaysNonsense) {
  for (const char* address : {"", "0.0.0.0.0", "router.example", "999.1.1.1"}) {
    World world;
    world.answers["GetExternalIPAddress"] = "<NewExternalIPAddress>" + std::string(address) + "</NewExternalIPAddress>";
    const auto found = world.ask<upnp::Found>(upnp::Find{});
    ASSERT_TRUE(found);
    EXPECT_FALSE(found->external) << address;
  }
}

TEST(Igd, DoesNotReadADescriptionWithoutEnd) {
  World world;
  world.description_services = std::string(2 * kMaxDescription, ' ') + world.description_services;
  const auto failed = world.ask<upnp::Failed>(upnp::Find{});
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->text, "no UPnP gateway answered");
}

TEST(Igd, DoesNotReadAnAnswerWithoutEnd) {
  World world;
  (void)world.ask<upnp::Found>(upnp::Find{});
  world.answers["AddPortMapping"] = std::string(2 * kMaxSoapAnswer, ' ');
  EXPECT_EQ(world.ask<upnp::Failed>(upnp::Add{.ask = kAsk, .lease = 7200s, .any = false, .pinhole = {}})->code, 0);
}

TEST(Igd, GoesToNoAddressWhereARouterCannotBe) {
  World world;
  world.igd.use_descriptions(
      {"http://203.0.113.9/desc", "ftp://127.0.0.1/x", "nonsense", "http://router.example/desc"});
  EXPECT_TRUE(world.ask<upnp::Failed>(upnp::Find{}));
}

/// Accepts, and then sends one byte of an endless answer whenever it may.
asio::awaitable<void> trickle(TcpListener& listener) {
  auto accepted = co_await listener.accept();
  if (!accepted) co_return;
  const auto pipe = std::move(*accepted);
  const auto head = co_await pipe->write(bytes_of("HTTP/1.1 200 OK\r\n\r\n"));
  bool going = static_cast<bool>(head);
  while (going) {
    co_await pause(10ms);
    const auto more = co_await pipe->write(bytes_of("<"));
    going = static_cast<bool>(more);
  }
}

TEST(Igd, IsDoneInTimeWithADeviceThatTricklesForEver) {
  World world(100ms);
  auto listener = TcpListener::open(world.loop.get_executor(), {kLoopback, 0});
  world.igd.use_descriptions({"http://" + (*listener)->local().to_string() + "/desc"});
  asio::co_spawn(world.loop, trickle(**listener), asio::detached);
  const Instant began = now();
  EXPECT_TRUE(world.ask<upnp::Failed>(upnp::Find{}));
  EXPECT_LT(now() - began, kIgdCommandTime / 2);
}

}  // namespace
}  // namespace turnpike::io
