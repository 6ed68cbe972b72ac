#include "core/reach/sent_to.h"

#include <algorithm>

namespace turnpike::reach {

void SentTo::note(Instant now, rendezvous::ServiceKind from, const IpAddress& to) {
  Book& book = books_[from];
  const auto [at, fresh] = book.last.try_emplace(to.unmapped(), now);
  // Called for every datagram: one entry a second for an address is enough.
  if (!fresh && now - at->second < std::chrono::seconds(1)) return;
  at->second = now;
  book.order.emplace_back(now, to.unmapped());
  while (!book.order.empty()) {
    const auto& [when, address] = book.order.front();
    const auto known = book.last.find(address);
    const bool replaced = known == book.last.end() || known->second != when;
    if (!replaced && book.last.size() <= kMaxSentTo && when + kSentToMemory > now) break;
    if (!replaced) book.last.erase(known);
    book.order.pop_front();
  }
  // A few addresses in turn would make the order grow without end.
  if (book.order.size() > 4 * kMaxSentTo) {
    std::erase_if(book.order, [&](const auto& each) { return book.last.at(each.second) != each.first; });
  }
}

bool SentTo::contains(Instant now, rendezvous::ServiceKind from, const IpAddress& to) const {
  const auto book = books_.find(from);
  if (book == books_.end()) return false;
  const auto at = book->second.last.find(to.unmapped());
  return at != book->second.last.end() && at->second + kSentToMemory > now;
}

std::vector<IpAddress> SentTo::latest(Instant now, rendezvous::ServiceKind from, std::size_t limit) const {
  std::vector<IpAddress> out;
  const auto book = books_.find(from);
  if (book == books_.end()) return out;
  for (auto at = book->second.order.rbegin(); at != book->second.order.rend() && out.size() < limit; ++at) {
    if (at->first + kSentToMemory <= now) break;
    if (std::ranges::find(out, at->second) == out.end()) out.push_back(at->second);
  }
  return out;
}

std::size_t SentTo::size(rendezvous::ServiceKind from) const {
  const auto book = books_.find(from);
  return book == books_.end() ? 0 : book->second.last.size();
}

}  // namespace turnpike::reach
