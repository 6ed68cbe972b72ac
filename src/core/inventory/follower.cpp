#include "core/inventory/follower.h"

#include <algorithm>

namespace turnpike::inventory {

Bytes Follower::start(Instant now, bool follow) {
  if (listing_) {  // cut short: what was not heard of may still be there, and the listing begins anew
    listing_ = false;
    unheard_.clear();
    epoch_ = 0;
    at_ = 0;
  }
  frames_ = exchange::FrameReader(kMaxPageSize);
  error_.reset();
  up_to_date_ = false;
  tokens_ = kMaxPageBurst;
  refilled_ = now;
  return encode(Request{.epoch = epoch_, .since = at_, .follow = follow});
}

void Follower::handle_bytes(Now now, ByteView bytes) {
  while (!bytes.empty() && !error_) {
    const auto message = frames_.take(bytes);
    if (!message) {
      error_ =
          message.error() == exchange::ProtocolError::kTooLong ? ProtocolError::kTooLong : ProtocolError::kMalformed;
      return;
    }
    if (message->empty()) return;
    take(now, *message);
  }
}

void Follower::handle_end() {
  if (!error_ && (frames_.is_inside() || !up_to_date_)) error_ = ProtocolError::kTruncated;
}

bool Follower::is_too_fast(Instant now) {
  const auto earned = static_cast<std::size_t>((now - refilled_) / kPagePeriod);
  refilled_ += earned * kPagePeriod;
  tokens_ = std::min(kMaxPageBurst, tokens_ + earned);
  if (tokens_ == 0) return true;
  --tokens_;
  return false;
}

void Follower::take(Now now, ByteView message) {
  if (is_too_fast(now.mono)) {
    error_ = ProtocolError::kTooFast;
    return;
  }
  auto opened = open_page(message, peer_, self_, now.wall);
  if (!opened) {
    error_ = opened.error();
    return;
  }
  Page& page = opened->page;
  const bool is_whole = page.from == 0;
  if (!is_whole && (page.epoch != epoch_ || page.from != at_)) {
    error_ = ProtocolError::kOutOfOrder;
    return;
  }
  if (is_whole) {
    listing_ = true;
    unheard_ = held_;
  }
  epoch_ = page.epoch;
  at_ = page.to;
  up_to_date_ = !page.more;
  Change change{.seq = opened->seq, .stores = {}, .gone = {}};
  for (const store::StoreId& gone : page.gone) {
    unheard_.erase(gone);
    if (held_.erase(gone) > 0) change.gone.push_back(gone);
  }
  for (const store::Manifest& each : page.stores) {
    unheard_.erase(each.id);
    if (!held_.contains(each.id) && held_.size() - unheard_.size() >= kMaxStores) {
      error_ = ProtocolError::kTooMany;
      break;
    }
    held_.insert(each.id);
  }
  if (!error_) change.stores = std::move(page.stores);
  if (listing_ && up_to_date_) {
    listing_ = false;
    for (const store::StoreId& id : unheard_) held_.erase(id);
    change.gone.insert(change.gone.end(), unheard_.begin(), unheard_.end());
    unheard_.clear();
  }
  if (!change.stores.empty() || !change.gone.empty()) changes_.push_back(std::move(change));
}

std::optional<Change> Follower::poll_event() {
  if (changes_.empty()) return std::nullopt;
  Change out = std::move(changes_.front());
  changes_.pop_front();
  return out;
}

}  // namespace turnpike::inventory
