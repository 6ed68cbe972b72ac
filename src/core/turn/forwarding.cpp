#include "core/turn/forwarding.h"

#include <utility>

namespace turnpike::turn {

std::uint64_t Forwarding::hash_of(const FiveTuple& from, ChannelNumber channel) const {
  const std::uint64_t rest = std::uint64_t{from.client.port} << 48U |
                             static_cast<std::uint64_t>(channel & 0xfffU) << 36U |
                             static_cast<std::uint64_t>(from.transport) << 34U |
                             static_cast<std::uint64_t>(from.client.address.family) << 33U | from.link;
  return hash_(from.client.address.octets, rest);
}

std::optional<std::uint32_t> Forwarding::number_of(const FiveTuple& from, ChannelNumber channel) const {
  return index_.find(hash_of(from, channel), [&](std::uint32_t number) {
    return entries_[number].channel == channel && entries_[number].from == from;
  });
}

const Route* Forwarding::find(Instant now, const FiveTuple& from, ChannelNumber channel) const {
  const auto number = number_of(from, channel);
  if (!number || entries_[*number].route.valid_until <= now) return nullptr;
  return &entries_[*number].route;
}

void Forwarding::publish(const FiveTuple& from, ChannelNumber channel, const Route& route) {
  withdraw(from, channel);
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(entries_.size()));
    entries_.emplace_back();
  }
  const std::uint32_t number = free_.back();
  free_.pop_back();
  if (first_to_.size() <= route.to_slot) first_to_.resize(route.to_slot + std::size_t{1}, kNone);
  entries_[number] = {from, channel, route, std::exchange(first_to_[route.to_slot], number)};
  index_.insert(hash_of(from, channel), number,
                [this](std::uint32_t each) { return hash_of(entries_[each].from, entries_[each].channel); });
}

void Forwarding::withdraw(const FiveTuple& from, ChannelNumber channel) {
  const auto number = number_of(from, channel);
  if (!number) return;
  unlink(*number);
  erase(*number);
}

void Forwarding::withdraw_to(std::uint32_t slot) {
  if (slot >= first_to_.size()) return;
  for (std::uint32_t number = std::exchange(first_to_[slot], kNone); number != kNone;) {
    const std::uint32_t next = entries_[number].next_to_same;
    erase(number);
    number = next;
  }
}

void Forwarding::unlink(std::uint32_t number) {
  std::uint32_t* link = &first_to_[entries_[number].route.to_slot];
  while (*link != number) link = &entries_[*link].next_to_same;
  *link = entries_[number].next_to_same;
}

void Forwarding::erase(std::uint32_t number) {
  index_.erase(hash_of(entries_[number].from, entries_[number].channel), number,
               [this](std::uint32_t each) { return hash_of(entries_[each].from, entries_[each].channel); });
  free_.push_back(number);
}

}  // namespace turnpike::turn
