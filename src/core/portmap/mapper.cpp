#include "core/portmap/mapper.h"

#include <algorithm>
#include <utility>

namespace turnpike::portmap {
namespace {

// Of one client's commands; the ids of clients that came before are never used again.
constexpr std::uint64_t kIdsPerClient = std::uint64_t{1} << 32U;

bool are_same_roads(const std::vector<Mapping>& a, const std::vector<Mapping>& b) {
  return std::ranges::equal(a, b, is_same_road);
}

}  // namespace

void Mapper::handle_network(Instant now, const Network& network) {
  if (closing_) return;
  connect(now, sides_[0], network.v4);
  connect(now, sides_[1], network.v6);
  tell_all();
}

void Mapper::connect(Instant now, Side& side, const std::optional<Uplink>& uplink) {
  if (side.uplink == uplink) return;
  side.uplink = uplink;
  side.router.reset();
  if (!uplink) return;
  upnp_ids_ += kIdsPerClient;
  side.router.emplace(now,
                      RouterConfig{.gateway = uplink->gateway,
                                   .own = uplink->own,
                                   .port = config_.port,
                                   .protocols = config_.protocols,
                                   .secret = config_.secret,
                                   .first_upnp_id = upnp_ids_},
                      *random_);
}

void Mapper::handle_wake_up(Instant now) {
  if (closing_) return;
  for (Side& side : sides_) {
    const auto uplink = std::exchange(side.uplink, std::nullopt);
    connect(now, side, uplink);
  }
}

void Mapper::handle_datagram(Instant now, const Endpoint& from, ByteView datagram) {
  for (Side& side : sides_) {
    if (side.router && from.address.family == side.family) side.router->handle_datagram(now, from, datagram);
  }
  tell_all();
}

void Mapper::handle_upnp(Instant now, const upnp::Answer& answer) {
  for (Side& side : sides_) {
    if (side.router) side.router->handle_upnp(now, answer);
  }
  tell_all();
}

void Mapper::handle_timeout(Instant now) {
  for (Side& side : sides_) {
    if (side.router) side.router->handle_timeout(now);
  }
  tell_all();
}

void Mapper::close(Instant now) {
  closing_ = true;
  for (Side& side : sides_) {
    if (side.router) side.router->close(now);
  }
  tell_all();
}

// After a wake-up, or in the middle of a move to other ports, the old mappings stay told until it is known what has
// become of them.
void Mapper::tell(Side& side) {
  if (side.router && !side.router->is_settled()) return;
  std::vector<Mapping> mappings = side.router ? side.router->mappings() : std::vector<Mapping>{};
  if (are_same_roads(mappings, side.told)) return;
  Change change{.kind = side.told.empty() ? Change::Kind::kMapped : Change::Kind::kChanged,
                .family = side.family,
                .mappings = mappings,
                .verdict = side.router ? side.router->verdict() : Verdict::kNoGateway,
                .reason = side.router ? side.router->reason() : std::string(words_of(Verdict::kNoGateway))};
  if (mappings.empty()) change.kind = Change::Kind::kLost;
  side.told = std::move(mappings);
  events_.push_back(std::move(change));
}

void Mapper::tell_all() {
  for (Side& side : sides_) tell(side);
}

std::optional<Transmit> Mapper::poll_transmit() {
  for (Side& side : sides_) {
    if (!side.router) continue;
    if (auto out = side.router->poll_transmit()) return out;
  }
  return std::nullopt;
}

std::optional<upnp::Command> Mapper::poll_upnp() {
  for (Side& side : sides_) {
    if (!side.router) continue;
    if (auto out = side.router->poll_upnp()) return out;
  }
  return std::nullopt;
}

std::optional<Change> Mapper::poll_event() {
  if (events_.empty()) return std::nullopt;
  Change event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::optional<Instant> Mapper::poll_timeout() const {
  std::optional<Instant> out;
  for (const Side& side : sides_) {
    const auto when = side.router ? side.router->poll_timeout() : std::nullopt;
    if (when) out = std::min(out.value_or(*when), *when);
  }
  return out;
}

bool Mapper::is_closed() const {
  return closing_ &&
         std::ranges::all_of(sides_, [](const Side& side) { return !side.router || side.router->is_closed(); });
}

std::vector<Mapping> Mapper::mappings() const {
  std::vector<Mapping> out;
  for (const Side& side : sides_) {
    if (!side.router) continue;
    const auto some = side.router->mappings();
    out.insert(out.end(), some.begin(), some.end());
  }
  return out;
}

std::vector<RouterView> Mapper::view() const {
  std::vector<RouterView> out;
  for (const Side& side : sides_) {
    if (side.router) {
      out.push_back(side.router->view());
      continue;
    }
    out.push_back({.family = side.family,
                   .gateway = {},
                   .verdict = Verdict::kNoGateway,
                   .reason = std::string(words_of(Verdict::kNoGateway)),
                   .protocol = {},
                   .external = {},
                   .mappings = {},
                   .lanes = {},
                   .next_action = {}});
  }
  return out;
}

}  // namespace turnpike::portmap
