#include "io/turn/turn_channel.h"

#include <utility>

#include "core/stun/message.h"
#include "io/loop/convert.h"
#include "io/loop/deadline.h"
#include "io/tcp/tcp.h"

namespace turnpike::io {
namespace {

std::string words_of(turn::ErrorCode code) {
  return "the relaying peer refuses (" + std::to_string(static_cast<int>(code)) + ")";
}

}  // namespace

TurnChannel::TurnChannel(asio::any_io_executor loop, TurnChannelSettings settings, Random& random, Handlers handlers)
    : loop_(std::move(loop)),
      settings_(std::move(settings)),
      random_(random),
      handlers_(std::move(handlers)),
      changed_(loop_) {}

TurnChannel::~TurnChannel() { close(); }

void TurnChannel::close() {
  if (std::exchange(closed_, true)) return;
  if (client_) client_->release();
  changed_.set();
}

asio::awaitable<std::optional<std::string>> TurnChannel::open() {
  std::vector<std::pair<Endpoint, turn::Transport>> ways;
  for (const Endpoint& each : settings_.udp) ways.emplace_back(each, turn::Transport::kUdp);
  for (const Endpoint& each : settings_.tcp) ways.emplace_back(each, turn::Transport::kTcp);
  for (const auto& [server, transport] : ways) {
    if (closed_) co_return "closed";
    const Endpoint at = server;
    const turn::Transport by = transport;
    co_await attempt(at, by);
    if (stage_ == Stage::kBound) co_return std::nullopt;
    if (refused_) co_return words_of(*refused_);  // another transport would hear the same
  }
  co_return ways.empty() ? "the relaying peer has told no address" : "the relaying peer does not answer";
}

asio::awaitable<void> TurnChannel::attempt(Endpoint server, turn::Transport transport) {
  const bool by_tcp = transport == turn::Transport::kTcp;
  turn::ClientConfig config;
  config.username = settings_.credential.username;
  config.password = settings_.credential.password;
  const TurnClient::Handlers handlers{.on_event = [this](const turn::Client::Event& event) { on_event(event); },
                                      .on_data = {},
                                      .on_batch = [this](const DatagramBatch& batch) { on_batch(batch); }};
  if (client_) given_up_.push_back(std::move(client_));
  stage_ = Stage::kAllocating;
  if (by_tcp) {
    auto pipe = co_await connect(server, kTurnTcpTime);
    if (!pipe || closed_) co_return;
    client_ = std::make_unique<TurnClient>(loop_, *std::move(pipe), config, random_, handlers);
  } else {
    const Endpoint any{{server.address.family, {}}, 0};
    auto socket = UdpSocket::open(loop_, any);
    if (!socket) co_return;
    client_ = std::make_unique<TurnClient>(loop_, *std::move(socket), server, config, random_, handlers);
  }
  over_tcp_ = by_tcp;
  (void)client_->bind(settings_.partner);
  Deadline deadline(loop_, [this] { changed_.set(); });
  deadline.arm(by_tcp ? kTurnTcpTime : kTurnUdpTime);
  while (stage_ == Stage::kAllocating && !deadline.expired() && !closed_) {
    co_await changed_.wait();
    changed_.reset();
  }
  given_up_.clear();
}

void TurnChannel::on_event(const turn::Client::Event& event) {
  const bool was_bound = stage_ == Stage::kBound;
  std::optional<turn::ErrorCode> code;
  if (std::holds_alternative<turn::Client::Bound>(event)) stage_ = Stage::kBound;
  if (const auto* failed = std::get_if<turn::Client::Failed>(&event)) {
    stage_ = Stage::kFailed;
    code = failed->code;
  }
  if (const auto* refused = std::get_if<turn::Client::BindRefused>(&event)) {
    stage_ = Stage::kFailed;
    code = refused->code;
  }
  if (std::holds_alternative<turn::Client::TryAlternate>(event)) stage_ = Stage::kFailed;
  if (stage_ == Stage::kFailed) refused_ = code;
  changed_.set();
  if (was_bound && stage_ == Stage::kFailed && !closed_) {
    handlers_.on_lost(code ? words_of(*code) : "the relaying peer is gone");
  }
}

// The partner may come later than we do, and what is sent before is lost: so both ask until they hear each other.
asio::awaitable<bool> TurnChannel::meet(Duration limit) {
  const Instant end = now() + limit;
  while (!heard_ && !closed_ && stage_ == Stage::kBound && now() < end) {
    ask_partner();
    Deadline deadline(loop_, [this] { changed_.set(); });
    deadline.arm(kMeetPeriod);
    changed_.reset();
    co_await changed_.wait();
  }
  co_return heard_ && !closed_;
}

void TurnChannel::ask_partner() {
  if (!client_) return;
  const Bytes request = stun::MessageWriter(stun::Class::kRequest, stun::Method::kBinding, random_.array<12>()).take();
  (void)client_->send(settings_.partner, request);
}

void TurnChannel::on_batch(const DatagramBatch& batch) {
  if (closed_ || batch.remote != settings_.partner) return;
  if (!std::exchange(heard_, true)) changed_.set();
  if (batch.bytes.front() > 3) return handlers_.on_datagrams(batch);
  for (std::size_t i = 0; i < batch.count(); ++i) take_check(batch.segment(i));
}

void TurnChannel::take_check(ByteView bytes) {
  const auto message = stun::MessageView::parse(bytes);
  if (!message || message->message_class() != stun::Class::kRequest || message->method() != stun::Method::kBinding) {
    return;
  }
  stun::MessageWriter answer(stun::Class::kSuccess, stun::Method::kBinding, message->id());
  (void)client_->send(settings_.partner, std::move(answer).take());
}

void TurnChannel::send(const DatagramBatch& batch) {
  if (client_ && !closed_) client_->send(settings_.partner, batch);
}

}  // namespace turnpike::io
