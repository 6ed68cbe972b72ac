#include "core/contacts/contacts.h"

#include <algorithm>
#include <tuple>

namespace turnpike::contacts {

bool Contacts::may_be_dialled(const Contact& contact) {
  return !contact.connected && !contact.dialling && !contact.tcp.empty();
}

// When there is no room, whoever was heard of in the least sure way goes, if that is less sure than this one.
Contacts::Contact* Contacts::open(const PeerId& peer, path::Found found) {
  if (peer == self_) return nullptr;
  const auto known = contacts_.find(peer);
  if (known != contacts_.end()) return &known->second;
  if (contacts_.size() >= kMaxContacts) {
    auto worst = contacts_.end();
    for (auto at = contacts_.begin(); at != contacts_.end(); ++at) {
      const Contact& each = at->second;
      if (each.connected || each.dialling) continue;
      const auto rank = [](const Contact& of) { return std::tuple(of.found, of.failures); };
      if (worst == contacts_.end() || rank(each) > rank(worst->second)) worst = at;
    }
    if (worst == contacts_.end() || (worst->second.found <= found && worst->second.failures == 0)) return nullptr;
    contacts_.erase(worst);
  }
  Contact& contact = contacts_[peer];
  contact.found = found;
  contact.salt = random_.below(std::uint64_t{1} << 32U);
  return &contact;
}

void Contacts::remember(const std::vector<Remembered>& peers) {
  for (const Remembered& each : peers) {
    Contact* const contact = open(each.peer, path::Found::kKnown);
    if (contact == nullptr) continue;
    contact->found = std::min(contact->found, path::Found::kKnown);
    contact->tcp = each.tcp;
    contact->met = each.met;
  }
}

void Contacts::learn(Instant now, const PeerId& peer, path::Found found, const std::vector<Endpoint>& tcp) {
  Contact* const contact = open(peer, found);
  if (contact == nullptr) return;
  contact->found = std::min(contact->found, found);
  std::vector<Endpoint> all(tcp.begin(),
                            tcp.begin() + static_cast<std::ptrdiff_t>(std::min(tcp.size(), kMaxAddresses)));
  bool is_news = false;
  for (const Endpoint& each : all) is_news |= std::ranges::find(contact->tcp, each) == contact->tcp.end();
  for (const Endpoint& each : contact->tcp) {
    if (all.size() < kMaxAddresses && std::ranges::find(all, each) == all.end()) all.push_back(each);
  }
  contact->tcp = std::move(all);
  if (is_news && contact->failures > 0) contact->next_try = now;
}

void Contacts::handle_connected(Instant, const PeerId& peer) {
  Contact* const contact = open(peer, path::Found::kInbound);
  if (contact == nullptr || contact->connected) return;
  contact->connected = true;
  contact->failures = 0;
  contact->backoff.reset();
  ++connected_;
}

void Contacts::handle_disconnected(Instant now, const PeerId& peer) {
  const auto at = contacts_.find(peer);
  if (at == contacts_.end() || !at->second.connected) return;
  at->second.connected = false;
  --connected_;
  at->second.next_try = now + at->second.backoff.fail(random_);
}

void Contacts::handle_met(Now now, const PeerId& peer, std::vector<Endpoint> tcp) {
  Contact* const contact = open(peer, path::Found::kInbound);
  if (contact == nullptr) return;
  if (tcp.size() > kMaxAddresses) tcp.resize(kMaxAddresses);
  if (!tcp.empty()) contact->tcp = std::move(tcp);
  contact->met = now.wall.unix_ms;
}

void Contacts::handle_dialled(Instant now, const PeerId& peer, bool well) {
  const auto at = contacts_.find(peer);
  if (at == contacts_.end() || !at->second.dialling) return;
  at->second.dialling = false;
  --dialling_;
  if (well) return;
  ++at->second.failures;
  at->second.next_try = now + at->second.backoff.fail(random_);
}

void Contacts::retry_now() {
  for (auto& [peer, contact] : contacts_) {
    contact.next_try = Instant();
    contact.backoff.reset();
  }
}

std::optional<Dial> Contacts::poll_dial(Instant now) {
  if (connected_ + dialling_ >= kEnough || dialling_ >= kMaxDials) return std::nullopt;
  Table::iterator best = contacts_.end();
  const auto rank = [](const Contact& of) {
    return std::tuple(of.found, of.failures, ~of.met, of.salt);  // the nearer way, then those met last
  };
  for (auto at = contacts_.begin(); at != contacts_.end(); ++at) {
    if (!may_be_dialled(at->second) || at->second.next_try > now) continue;
    if (best == contacts_.end() || rank(at->second) < rank(best->second)) best = at;
  }
  if (best == contacts_.end()) return std::nullopt;
  best->second.dialling = true;
  ++dialling_;
  return Dial{best->first, best->second.tcp, best->second.found};
}

std::optional<Instant> Contacts::poll_timeout() const {
  std::optional<Instant> next;
  if (connected_ + dialling_ >= kEnough || dialling_ >= kMaxDials) return next;
  for (const auto& [peer, contact] : contacts_) {
    if (may_be_dialled(contact) && (!next || contact.next_try < *next)) next = contact.next_try;
  }
  return next;
}

std::vector<Remembered> Contacts::remembered() const {
  std::vector<Remembered> out;
  for (const auto& [peer, contact] : contacts_) {
    if (contact.met > 0 && !contact.tcp.empty()) out.push_back({peer, contact.tcp, contact.met});
  }
  std::ranges::sort(out, std::ranges::greater(), &Remembered::met);
  if (out.size() > kMaxRemembered) out.erase(out.begin() + kMaxRemembered, out.end());
  return out;
}

}  // namespace turnpike::contacts
