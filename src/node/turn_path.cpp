#include "node/turn_path.h"

#include "core/exchange/message.h"
#include "io/log/log.h"
#include "io/loop/convert.h"
#include "io/loop/deadline.h"

namespace turnpike::node {
namespace {

quic::Config quic_config(const crypto::SigningKey& identity) {
  quic::Config out;
  out.identity = &identity;
  out.protocols.emplace_back(exchange::kProtocol);
  return out;
}

}  // namespace

RelayedQuic::RelayedQuic(const asio::any_io_executor& loop, const crypto::SigningKey& identity, Random& random)
    : host_(loop, quic_config(identity), random, [this](std::unique_ptr<io::QuicLink> link) {
        const auto at = waiting_.find(link->path().carrier);
        // Where nobody waits for one it ends here, with its owner.
        return at == waiting_.end() ? io::Link::OnStream() : at->second(std::move(link));
      }) {}

quic::CarrierId RelayedQuic::add(io::DatagramPath& path, OnLink on_link) {
  const quic::CarrierId carrier = host_.add_path(path);
  if (on_link) waiting_[carrier] = std::move(on_link);
  return carrier;
}

void RelayedQuic::remove(quic::CarrierId carrier) {
  waiting_.erase(carrier);
  host_.remove_path(carrier);
}

TurnPath::TurnPath(Report report, Order order, RelayedQuic& quic, io::StoreReader& reader, Random& random)
    : report_(report), order_(std::move(order)), quic_(quic), server_(reader, order_.upload), random_(random) {}

TurnPath::~TurnPath() {
  link_.reset();
  if (carrier_ != quic::CarrierId::kSocket) quic_.remove(carrier_);
}

asio::awaitable<void> TurnPath::run(std::shared_ptr<TurnPath> self) {
  const path::PathFailure failure = co_await self->live();
  self->over_ = true;
  self->channel_->close();
  self->report_.closed(failure);
}

void TurnPath::close() {
  report_.silence();
  end_link();
}

// The goodbye is on its way before the channel is: closing a link puts it on the loop's next turn.
void TurnPath::end_link() {
  if (accepted_) accepted_->set();
  if (link_) {
    link_->close();
  } else if (channel_) {
    channel_->close();
  }
}

asio::awaitable<path::PathFailure> TurnPath::live() {
  const auto loop = co_await asio::this_coro::executor;
  const path::PeerRelayTarget& target = order_.target;
  accepted_.emplace(loop);
  io::TurnChannel::Handlers handlers;
  handlers.on_datagrams = [this](const DatagramBatch& batch) { quic_.host().receive(carrier_, batch); };
  handlers.on_lost = [this](const std::string& why) {
    lost_ = why;
    end_link();
  };
  io::TurnChannelSettings settings;
  settings.udp = target.udp;
  settings.tcp = target.tcp;
  settings.credential = target.credential;
  settings.partner = target.theirs;
  channel_.emplace(loop, std::move(settings), random_, std::move(handlers));

  RelayedQuic::OnLink on_link;
  if (target.role == path::Role::kResponder) {
    on_link = [this](std::unique_ptr<io::QuicLink> link) -> io::Link::OnStream {
      if (link_) return {};
      link_ = std::move(link);
      accepted_->set();
      return [this](std::unique_ptr<io::LinkStream> stream) { return server_.serve(std::move(stream)); };
    };
  }
  carrier_ = quic_.add(*this, std::move(on_link));

  const auto failed = co_await channel_->open();
  if (failed) co_return path::PathFailure{path::PathEnd::kUnreachable, *failed};
  if (report_.is_over()) co_return path::PathFailure();
  io::log_debug("path at {}: allocated over {}", target.server.to_string(), channel_->over_tcp() ? "TCP" : "UDP");
  const bool is_there = co_await channel_->meet(kMeetTime);
  if (!is_there) co_return path::PathFailure{path::PathEnd::kTimeout, "the partner did not come to the relaying peer"};

  std::optional<path::PathFailure> failure;
  if (target.role == path::Role::kInitiator) {
    failure = co_await connect();
  } else {
    failure = co_await accept();
  }
  if (failure) co_return *failure;
  report_.open(link_->round_trip().value_or(Duration()));
  const channel::CloseReason why = co_await link_->closed();
  over_ = true;
  if (!lost_.empty()) co_return path::PathFailure{path::PathEnd::kClosed, lost_};
  co_return failure_of_link(why);
}

asio::awaitable<std::optional<path::PathFailure>> TurnPath::connect() {
  const quic::Path path{carrier_, order_.target.theirs};
  link_ = quic_.host().connect(path, order_.peer);
  if (!link_) co_return path::PathFailure{path::PathEnd::kLocal, "too many connections here"};
  const auto peer = co_await link_->established();
  if (!peer) {
    const channel::CloseReason why = co_await link_->closed();
    co_return failure_of_link(why);
  }
  source_.emplace(*link_, exchange::PatienceLimits(), order_.download);
  co_return std::nullopt;
}

asio::awaitable<std::optional<path::PathFailure>> TurnPath::accept() {
  const auto loop = co_await asio::this_coro::executor;
  io::Deadline deadline(loop, [this] { accepted_->set(); });
  deadline.arm(kAcceptTime);
  co_await accepted_->wait();
  deadline.disarm();
  if (!link_) co_return path::PathFailure{path::PathEnd::kTimeout, "the partner did not connect"};
  const auto peer = co_await link_->established();
  const bool is_right = peer && *peer == order_.peer;
  if (!is_right) {
    link_->close();
    (void)co_await link_->closed();  // what answers its streams uses us
    co_return path::PathFailure{path::PathEnd::kWrongPeer, "somebody else came to the relaying peer"};
  }
  co_return std::nullopt;
}

}  // namespace turnpike::node
