#include "core/pace/pacer.h"

#include <algorithm>

namespace turnpike::pace {
namespace {

constexpr std::uint64_t kMillion = 1'000'000;  // microseconds a second, and parts of a byte
constexpr std::uint64_t kTurnsPerSecond = 50;
constexpr std::uint64_t kBurstsPerSecond = 20;

}  // namespace

FlowKey flow_of(const IpAddress& address) {
  FlowKey key{};
  key[0] = address.family == IpAddress::Family::kV4 ? 4 : 6;
  std::copy_n(address.octets.begin(), address.family == IpAddress::Family::kV4 ? 4 : 8, key.begin() + 1);
  return key;
}

FlowKey flow_of(const identity::PeerId& peer) {
  FlowKey key{};
  std::ranges::copy(peer.public_key, key.begin() + 1);
  return key;
}

Pacer::Pacer(std::uint64_t bytes_per_second)
    : rate_(std::clamp(bytes_per_second, kMinRate, kMaxRate)),
      max_turn_(std::clamp(rate_ / kTurnsPerSecond, kSmallestTurn, kLargestTurn)),
      burst_(std::max(2 * max_turn_, rate_ / kBurstsPerSecond)),
      credit_(burst_ * kMillion) {}

void Pacer::pass(Instant now) {
  if (!told_) told_ = now;
  if (now <= *told_) return;
  const auto elapsed = static_cast<std::uint64_t>((now - *told_).count());
  told_ = now;
  const std::uint64_t missing = burst_ * kMillion - credit_;
  credit_ += elapsed > missing / rate_ ? missing : elapsed * rate_;
}

void Pacer::handle_timeout(Instant now) {
  pass(now);
  settle();
}

AskId Pacer::ask(Instant now, const FlowKey& flow, std::uint64_t bytes) {
  pass(now);
  const AskId id{++last_ask_};
  asks_[id] = {.flow = flow, .bytes = std::clamp<std::uint64_t>(bytes, 1, max_turn_), .granted = false};
  Flow& asking = flows_[flow];
  asking.asks.push_back(id);
  if (asking.asks.size() == 1) {
    asking.turn = std::max(asking.turn, scale_);
    enqueue(flow, asking);
  }
  settle();
  return id;
}

void Pacer::enqueue(const FlowKey& key, Flow& flow) { in_turn_.emplace(flow.turn, key); }

void Pacer::settle() {
  while (!in_turn_.empty()) {
    const auto [turn, key] = *in_turn_.begin();
    Flow& flow = flows_.at(key);
    Ask& next = asks_.at(flow.asks.front());
    if (credit_ < next.bytes * kMillion) return;
    credit_ -= next.bytes * kMillion;
    next.granted = true;
    events_.push_back({flow.asks.front(), next.bytes});
    in_turn_.erase(in_turn_.begin());
    scale_ = turn;
    flow.turn = turn + next.bytes;
    flow.asks.pop_front();
    if (!flow.asks.empty()) enqueue(key, flow);
    forget_the_past();
  }
}

// A flow that does not ask and stands behind the scale would enter where everybody enters. With nobody asking, all do.
void Pacer::forget_the_past() {
  if (in_turn_.empty()) {
    flows_.clear();
    scale_ = 0;
    return;
  }
  std::erase_if(flows_, [this](const auto& item) { return item.second.asks.empty() && item.second.turn <= scale_; });
}

void Pacer::cancel(Instant now, AskId ask) {
  const auto found = asks_.find(ask);
  if (found == asks_.end()) return;
  const Ask gone = found->second;
  asks_.erase(found);
  if (gone.granted) {
    std::erase_if(events_, [ask](const Event& event) { return event.ask == ask; });
    give_back(now, gone.flow, gone.bytes);
    return;
  }
  Flow& flow = flows_.at(gone.flow);
  std::erase(flow.asks, ask);
  if (flow.asks.empty()) in_turn_.erase({flow.turn, gone.flow});
  forget_the_past();
  handle_timeout(now);
}

void Pacer::give_back(Instant now, const FlowKey& flow, std::uint64_t bytes) {
  pass(now);
  credit_ = std::min(burst_ * kMillion, credit_ + std::min(bytes, burst_) * kMillion);
  // Its turn moves back only while it does not ask: otherwise it would have to move in the queue, for less than a turn.
  if (const auto found = flows_.find(flow); found != flows_.end() && found->second.asks.empty()) {
    found->second.turn -= std::min(bytes, found->second.turn);
  }
  settle();
}

std::optional<Pacer::Event> Pacer::poll_event() {
  if (events_.empty()) return std::nullopt;
  const Event event = events_.front();
  events_.pop_front();
  asks_.erase(event.ask);
  return event;
}

std::optional<Instant> Pacer::poll_timeout() const {
  if (in_turn_.empty() || !told_) return std::nullopt;
  const Ask& next = asks_.at(flows_.at(in_turn_.begin()->second).asks.front());
  const std::uint64_t missing = next.bytes * kMillion - std::min(credit_, next.bytes * kMillion);
  return *told_ + Duration{static_cast<std::int64_t>((missing + rate_ - 1) / rate_)};
}

}  // namespace turnpike::pace
