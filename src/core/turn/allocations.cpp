#include "core/turn/allocations.h"

#include <algorithm>
#include <functional>

namespace turnpike::turn {

std::uint64_t Allocations::hash_of(const FiveTuple& client) const {
  const std::uint64_t rest = std::uint64_t{client.client.port} << 48U |
                             static_cast<std::uint64_t>(client.transport) << 40U |
                             static_cast<std::uint64_t>(client.client.address.family) << 36U | client.link;
  return hash_(client.client.address.octets, rest);
}

Allocations::Slot Allocations::add(Allocation allocation) {
  if (free_.empty()) {
    free_.push_back(static_cast<Slot>(slots_.size()));
    slots_.emplace_back();
  }
  const Slot slot = free_.back();
  free_.pop_back();
  Entry& entry = slots_[slot];
  entry.allocation = std::move(allocation);
  entry.live = true;
  by_client_.insert(hash_of(entry.allocation.client), slot,
                    [this](Slot each) { return hash_of(slots_[each].allocation.client); });
  push({entry.allocation.expires, slot, entry.generation});
  return slot;
}

void Allocations::remove(Slot slot) {
  Entry& entry = slots_[slot];
  by_client_.erase(hash_of(entry.allocation.client), slot,
                   [this](Slot each) { return hash_of(slots_[each].allocation.client); });
  entry.allocation = {};
  entry.live = false;
  ++entry.generation;
  free_.push_back(slot);
  // What short-lived allocations leave in the heap must not outgrow the table.
  if (due_.size() > 64 && due_.size() > 2 * size()) {
    std::erase_if(due_, [this](const Due& due) { return slots_[due.slot].generation != due.generation; });
    std::ranges::make_heap(due_, std::greater<>());
  }
}

std::optional<Allocations::Slot> Allocations::find(const FiveTuple& client) const {
  return by_client_.find(hash_of(client), [&](Slot each) { return slots_[each].allocation.client == client; });
}

void Allocations::set_expiry(Slot slot, Instant expires) {
  Entry& entry = slots_[slot];
  const bool sooner = expires < entry.allocation.expires;
  entry.allocation.expires = expires;
  if (sooner) push({expires, slot, entry.generation});
}

std::optional<Allocations::Slot> Allocations::expired(Instant now) {
  while (!due_.empty() && due_.front().at <= now) {
    const Due due = pop();
    const Entry& entry = slots_[due.slot];
    if (!entry.live || entry.generation != due.generation) continue;
    if (entry.allocation.expires <= now) return due.slot;
    push({entry.allocation.expires, due.slot, due.generation});
  }
  return std::nullopt;
}

std::optional<Instant> Allocations::poll_timeout() const {
  return due_.empty() ? std::nullopt : std::optional(due_.front().at);
}

void Allocations::push(Due due) {
  due_.push_back(due);
  std::ranges::push_heap(due_, std::greater<>());
}

Allocations::Due Allocations::pop() {
  std::ranges::pop_heap(due_, std::greater<>());
  const Due out = due_.back();
  due_.pop_back();
  return out;
}

}  // namespace turnpike::turn
