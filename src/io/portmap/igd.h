// Speaks UPnP to the gateway device: finds it, and does what core/portmap's UpnpClient commands, one command at a time.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/portmap/upnp_client.h"
#include "io/disk/worker_pool.h"
#include "io/http/client.h"
#include "io/portmap/default_route.h"
#include "io/portmap/description.h"
#include "io/portmap/soap.h"

namespace turnpike::io {

/// One command, discovery included, is over by then, whatever the device sends and however slowly; below the machine's
/// own patience.
constexpr Duration kIgdCommandTime = std::chrono::seconds(12);
/// First a short look, for devices answer at once; then one as long as the protocol lets them wait.
constexpr int kFirstSsdpWaitMs = 1000;
constexpr int kSecondSsdpWaitMs = 2000;
/// Descriptions that are read until one is a gateway's.
constexpr std::size_t kMaxDescriptionsRead = 4;

/// For one address family on one network. SSDP waits on `pool`, the rest on the loop. Both outlive it, and it outlives
/// its coroutines.
class Igd {
 public:
  Igd(WorkerPool& pool, Surroundings here, Duration command_time = kIgdCommandTime)
      : pool_(pool), here_(std::move(here)), command_time_(command_time) {}

  /// Never later than kIgdCommandTime. A device that fails is looked for anew at the next Find.
  [[nodiscard]] asio::awaitable<portmap::upnp::Answer> run(portmap::upnp::Command command);

  /// Looks there instead of by SSDP: for tests.
  void use_descriptions(std::vector<std::string> urls) { known_urls_ = std::move(urls); }

 private:
  using What = decltype(portmap::upnp::Answer::what);
  struct Call {
    const IgdService* service = nullptr;
    std::string_view action;
    SoapArguments arguments;
  };

  [[nodiscard]] asio::awaitable<What> dispatch(portmap::upnp::Command command);
  [[nodiscard]] asio::awaitable<What> find(IpAddress own);
  [[nodiscard]] asio::awaitable<What> check(portmap::upnp::Check about, IpAddress own);
  [[nodiscard]] asio::awaitable<What> check_firewall(std::optional<std::uint16_t> pinhole);
  [[nodiscard]] asio::awaitable<What> query(portmap::upnp::Query query, IpAddress own);
  [[nodiscard]] asio::awaitable<What> add_mapping(portmap::upnp::Add add, IpAddress own);
  [[nodiscard]] asio::awaitable<What> add_pinhole(portmap::upnp::Add add, IpAddress own);
  [[nodiscard]] asio::awaitable<What> remove(portmap::upnp::Remove remove, IpAddress own);
  [[nodiscard]] asio::awaitable<std::optional<IgdDescription>> look(IpAddress own);
  [[nodiscard]] asio::awaitable<std::vector<std::string>> candidates(bool v6, int wait_ms);
  [[nodiscard]] asio::awaitable<std::optional<Bytes>> exchange(Url url, http::ClientRequest request, std::size_t limit);
  /// None: no answer in SOAP at all.
  [[nodiscard]] asio::awaitable<std::optional<SoapAnswer>> call(Call call);
  [[nodiscard]] const IpAddress& gateway_of(const IpAddress& own) const;

  WorkerPool& pool_;
  Surroundings here_;
  Duration command_time_;
  std::optional<IgdDescription> device_;
  std::vector<std::string> known_urls_;
  http::Client* talking_ = nullptr;  // what is closed when the command's time is over
  bool is_late_ = false;
};

}  // namespace turnpike::io
