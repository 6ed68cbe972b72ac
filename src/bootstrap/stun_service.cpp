#include "bootstrap/stun_service.h"

#include <algorithm>

#include "io/loop/convert.h"

namespace turnpike::bootstrap {

class StunService::Door final : public io::UdpReceiver {
 public:
  Door(StunService& service, std::unique_ptr<io::UdpSocket> socket) : service_(service), socket_(std::move(socket)) {
    socket_->start(*this);
  }

  void on_datagrams(const DatagramBatch& batch) override { service_.answer(*this, batch); }
  [[nodiscard]] io::UdpSocket& socket() { return *socket_; }
  [[nodiscard]] Endpoint local() const { return socket_->local(); }

 private:
  StunService& service_;
  std::unique_ptr<io::UdpSocket> socket_;
};

StunService::StunService(asio::any_io_executor loop, Random& random) : loop_(std::move(loop)), random_(random) {}
StunService::~StunService() = default;
void StunService::close() { doors_.clear(); }

std::optional<std::string> StunService::open(const std::vector<Endpoint>& at) {
  const bool has_two = at.size() == 2;
  if (has_two && (at[0].address == at[1].address || at[0].port == at[1].port)) {
    return "two STUN addresses must differ in both address and port";
  }
  std::vector<Endpoint> wanted = at;
  if (has_two) wanted = {at[0], {at[0].address, at[1].port}, {at[1].address, at[0].port}, at[1]};
  std::optional<stun::DiscoveryAddresses> discovery;
  if (has_two) discovery = stun::DiscoveryAddresses{.primary = at[0], .alternate = at[1]};
  server_.emplace(random_, discovery);
  for (const Endpoint& each : wanted) {
    if (bind(each)) continue;
    close();
    return "cannot listen on UDP " + each.to_string() +
           ": another program has that port, or it is no address of this "
           "machine; choose another --stun, or none";
  }
  return std::nullopt;
}

bool StunService::bind(const Endpoint& at) {
  auto socket = io::UdpSocket::open(loop_, at);
  const bool any_v6 = at.address.family == IpAddress::Family::kV6 && at.address.is_unspecified();
  if (!socket && any_v6) socket = io::UdpSocket::open(loop_, {IpAddress{}, at.port});  // a machine without IPv6
  if (!socket) return false;
  doors_.push_back(std::make_unique<Door>(*this, *std::move(socket)));
  return true;
}

std::vector<Endpoint> StunService::local() const {
  std::vector<Endpoint> out;
  for (const auto& door : doors_) out.push_back(door->local());
  return out;
}

void StunService::answer(Door& door, const DatagramBatch& batch) {
  const Endpoint local = door.local();
  for (std::size_t i = 0; i < batch.count(); ++i) {
    const auto answer = server_->answer(io::now(), batch.remote, local, batch.segment(i));
    if (!answer) continue;
    const auto by = std::ranges::find(doors_, answer->from, [](const auto& each) { return each->local(); });
    if (by == doors_.end()) continue;
    const bool same = answer->from == local;
    // From the very address that was asked, where the socket has several.
    const DatagramBatch out{.remote = answer->to,
                            .local = same ? batch.local : answer->from.address,
                            .bytes = answer->payload,
                            .segment_size = answer->payload.size()};
    (void)(*by)->socket().send(out);  // one that cannot be sent now is asked for again
  }
}

}  // namespace turnpike::bootstrap
