#include "bootstrap/source_links.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <optional>
#include <utility>

#include "core/exchange/message.h"
#include "core/signal/message.h"
#include "io/channel/channel_link.h"
#include "io/channel/exchange_source.h"
#include "io/channel/memory_pipe.h"
#include "io/channel/wake.h"
#include "io/log/log.h"
#include "io/loop/convert.h"
#include "io/loop/deadline.h"

namespace turnpike::bootstrap {
namespace {

// What one source can make us hold: fewer than a node allows, since there may be many, and none is our own want.
constexpr std::uint32_t kWindow = 2U << 20U;
constexpr std::uint32_t kMaxWindow = 4U << 20U;
constexpr std::size_t kReceiveCap = 32U << 20U;

channel::Config channel_config(const crypto::SigningKey& identity, const identity::PeerId& source) {
  channel::Config config;
  config.role = channel::Role::kInitiator;
  config.identity = &identity;
  config.expected_peer = source;
  config.wide_protocols.emplace_back(exchange::kProtocol);
  config.limits.wide_window = kWindow;
  config.limits.max_window = kMaxWindow;
  config.limits.receive_cap = kReceiveCap;
  return config;
}

SourceLinkFailure failure_of(const relay::Refusal& refusal) {
  SourceLinkFailure out{.error = SourceLinkError::kRefused, .retry_after = refusal.retry_after, .text = {}};
  switch (refusal.reason) {
    case relay::RefusalReason::kSelf:
      out.text = "this is the bootstrap itself";
      break;
    case relay::RefusalReason::kNetworkLimit:
      out.text = "your network has all the relay sessions it may have";
      break;
    case relay::RefusalReason::kSpent:
      out.text = budget::words_of(budget::Refused::kSpent);
      break;
    case relay::RefusalReason::kLedger:
      out.text = budget::words_of(budget::Refused::kLedger);
      break;
    default:
      out.text = "the relay is full";
      break;
  }
  return out;
}

}  // namespace

struct SourceLinks::Link {
  Link(const asio::any_io_executor& loop, identity::PeerId of) : peer(of), idle(loop, [this] { expire(); }) {}

  void expire() {
    over = true;  // whoever comes now gets a new one
    if (channel) channel->close();
  }

  identity::PeerId peer;
  std::optional<io::ChannelLink> channel;
  std::optional<io::ExchangeSource> source;  ///< Once the channel is secure.
  std::optional<SourceLinkFailure> failure;
  io::Wake changed;
  io::Deadline idle;
  std::size_t users = 0;
  bool over = false;
};

struct SourceLinks::Lease {
  explicit Lease(std::shared_ptr<Link> held) : link(std::move(held)) {
    ++link->users;
    link->idle.disarm();
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    if (--link->users == 0 && !link->over) link->idle.arm(kSourceLinger);
  }

  std::shared_ptr<Link> link;
};

SourceLinks::SourceLinks(asio::any_io_executor loop, Brain& brain, RelaySwitch& relays,
                         const crypto::SigningKey& identity, Random& random)
    : loop_(std::move(loop)), brain_(brain), relays_(relays), identity_(identity), random_(random) {}

SourceLinks::~SourceLinks() = default;

asio::awaitable<Result<std::shared_ptr<io::StoreSource>, SourceLinkFailure>> SourceLinks::take(identity::PeerId peer,
                                                                                               IpAddress asker) {
  const auto known = links_.find(peer);
  std::shared_ptr<Link> link = known == links_.end() ? nullptr : known->second;
  if (!link || link->over || link->channel->reason()) {
    auto opened = open(peer, asker);
    if (!opened) co_return fail(opened.error());
    link = *std::move(opened);
  }
  const auto lease = std::make_shared<Lease>(link);  // from here on it is not idle
  while (!link->source && !link->over) co_await link->changed.wait();
  if (link->over) {
    const SourceLinkFailure broke{.error = SourceLinkError::kNoAnswer, .retry_after = {}, .text = "it broke"};
    co_return fail(link->failure.value_or(broke));
  }
  co_return std::shared_ptr<io::StoreSource>(lease, &*link->source);
}

Result<std::shared_ptr<SourceLinks::Link>, SourceLinkFailure> SourceLinks::open(const identity::PeerId& peer,
                                                                                const IpAddress& asker) {
  const Now now = io::both_now();
  rendezvous::Server& server = brain_.server();
  const SourceLinkFailure offline{.error = SourceLinkError::kOffline, .retry_after = {}, .text = "it is not connected"};
  if (closed_ || !server.is_connected(peer)) return fail(offline);
  const auto grant = server.relay().open(now, server.id(), asker, peer, true);
  brain_.pump();
  if (!grant) return fail(failure_of(grant.error()));
  const signal::RelayOffer offer{.bootstrap = server.id(),
                                 .bootstrap_url = {},
                                 .session = grant->session,
                                 .credential = grant->responder,
                                 .quote = grant->quote};
  Bytes sealed = signal::seal_message(random_, identity_, peer, sequence_.next(now.wall), now.wall, offer);
  const bool told = !sealed.empty() && server.signal(peer, std::move(sealed));
  brain_.pump();
  auto [near, far] = io::make_memory_pipes();
  if (!told || !relays_.sit_down(grant->session, grant->initiator, std::move(far))) {
    server.relay().leave(now, grant->session);
    brain_.pump();
    return fail(offline);
  }
  auto link = std::make_shared<Link>(loop_, peer);
  link->channel.emplace(loop_, std::move(near), channel_config(identity_, peer), random_);
  links_[peer] = link;
  asio::co_spawn(loop_, live(link), asio::detached);
  return link;
}

asio::awaitable<void> SourceLinks::live(std::shared_ptr<Link> link) {
  const auto established = co_await link->channel->established();
  if (established) {
    link->source.emplace(*link->channel);
    link->changed.notify_all();
  }
  const channel::CloseReason why = co_await link->channel->closed();
  if (!established) {
    link->failure = SourceLinkFailure{
        .error = SourceLinkError::kNoAnswer, .retry_after = {}, .text = std::string(channel::text_of(why))};
  }
  io::log_debug("link to source {} over: {}", link->peer.to_string(), channel::text_of(why));
  link->over = true;
  link->idle.disarm();
  forget(*link);
  link->changed.notify_all();
}

void SourceLinks::forget(const Link& link) {
  const auto at = links_.find(link.peer);
  if (at != links_.end() && at->second.get() == &link) links_.erase(at);  // it may have been replaced
}

void SourceLinks::close_all() {
  closed_ = true;
  const auto links = links_;
  for (const auto& [peer, link] : links) link->expire();
}

}  // namespace turnpike::bootstrap
