#include "core/portmap/upnp_client.h"

#include <utility>

namespace turnpike::portmap {
namespace {

Refusal refusal_of(int code) {
  switch (code) {
    case 0:
      return Refusal::kNoAnswer;
    case upnp::kInvalidAction:
    case upnp::kInvalidArguments:
    case upnp::kFirewallDisabled:
      return Refusal::kUnsupported;
    case upnp::kNotAuthorised:
    case upnp::kInboundPinholeNotAllowed:
      return Refusal::kNotAuthorised;
    case upnp::kConflict:
    case upnp::kConflictWithOtherMechanism:
      return Refusal::kTaken;
    case upnp::kNoPortMapsAvailable:
    case upnp::kPinholeSpaceExhausted:
      return Refusal::kOutOfResources;
    default:
      return Refusal::kBroken;
  }
}

}  // namespace

void UpnpClient::send(Instant now, What what) {
  open_->id = next_id_;
  open_->until = now + kUpnpPatience;
  next_id_ += 2;
  out_.push_back({.id = open_->id, .own = own_, .what = std::move(what)});
}

void UpnpClient::probe(Instant now) {
  open_ = Question{.ask = std::nullopt, .until = now};
  if (found_) return send_check(now);
  send_find(now);
}

void UpnpClient::send_find(Instant now) {
  open_->is_search = true;
  send(now, upnp::Find{});
}

void UpnpClient::send_check(Instant now) {
  open_->is_search = false;
  send(now, upnp::Check{witness_, witness_ ? pinhole_of(*witness_) : std::nullopt});
}

void UpnpClient::ask(Instant now, const Ask& ask) {
  open_ = Question{.ask = ask, .until = now};
  if (ask.is_removal()) {
    send(now, upnp::Remove{ask, pinhole_of(ask)});
    pinholes_.erase({ask.transport, ask.internal_port});
    if (witness_ && witness_->internal_port == ask.internal_port && witness_->transport == ask.transport)
      witness_.reset();
    return;
  }
  // IGD 1 lets one device take another's port: whoever minds that has to look first.
  const bool v4 = own_.family == IpAddress::Family::kV4;
  if (v4 && !(v2_ && any_works_)) return send(now, upnp::Query{ask.transport, ask.external_port});
  send_add(now, ask);
}

void UpnpClient::send_add(Instant now, const Ask& ask) {
  const bool any = v2_ && any_works_ && own_.family == IpAddress::Family::kV4;
  send(now,
       upnp::Add{.ask = ask, .lease = permanent_ ? Seconds(0) : ask.lease, .any = any, .pinhole = pinhole_of(ask)});
}

std::optional<std::uint16_t> UpnpClient::pinhole_of(const Ask& ask) const {
  const auto known = pinholes_.find({ask.transport, ask.internal_port});
  return known == pinholes_.end() ? std::nullopt : std::optional(known->second);
}

void UpnpClient::handle_answer(Instant now, const upnp::Answer& answer) {
  if (!open_ || answer.id != open_->id) return remember_late(answer);
  std::visit([this, now](const auto& what) { take(now, what); }, answer.what);
}

// Nobody asks for it any more, but the router has it: for ever, where leases are permanent.
void UpnpClient::remember_late(const upnp::Answer& answer) {
  const auto late = abandoned_.find(answer.id);
  if (late == abandoned_.end()) return;
  const auto* added = std::get_if<upnp::Added>(&answer.what);
  if (added != nullptr) {
    Ask ask = late->second;
    ask.external_port = added->external_port;
    out_.push_back({.id = next_id_, .own = own_, .what = upnp::Remove{ask, added->pinhole}});
    next_id_ += 2;
  }
  abandoned_.erase(late);
}

void UpnpClient::take(Instant now, const upnp::Found& found) {
  if (open_->ask) return;
  found_ = true;
  v2_ = found.is_v2;
  has_address_ = found.external && !found.external->is_unspecified();
  if (open_->is_search && witness_) return send_check(now);  // found again: does it still know us?
  if (!found.witness_stands) {
    witness_.reset();
    pinholes_.clear();
    events_.emplace_back(Restarted{});
  }
  finish(Present{found.external});
}

void UpnpClient::take(Instant now, const upnp::Owner& owner) {
  if (!open_->ask) return;
  const Ask ask = *open_->ask;
  if (!owner.internal || owner.is_ours) return send_add(now, ask);
  finish(Refused{.ask = ask,
                 .why = Refusal::kTaken,
                 .again = std::nullopt,
                 .external = std::nullopt,
                 .detail = "port " + std::to_string(ask.external_port) + " goes to " + owner.internal->to_string()});
}

void UpnpClient::take(Instant, const upnp::Added& added) {
  if (!open_->ask || open_->ask->is_removal()) return;
  const Ask ask = *open_->ask;
  if (added.pinhole) pinholes_[{ask.transport, ask.internal_port}] = *added.pinhole;
  witness_ = ask;
  witness_->external_port = added.external_port;
  // A mapping for ever ends with the router's memory; asking for it again daily costs nothing.
  finish(Granted{.ask = ask,
                 .external_port = added.external_port,
                 .external = std::nullopt,
                 .lease = permanent_ ? kMaxLease : ask.lease});
}

void UpnpClient::take(Instant, const upnp::Removed&) {
  if (!open_->ask || !open_->ask->is_removal()) return;
  finish(Granted{.ask = *open_->ask, .external_port = open_->ask->external_port, .external = {}, .lease = Seconds(0)});
}

void UpnpClient::take(Instant now, const upnp::Failed& failed) {
  const auto& ask = open_->ask;
  if (ask && !ask->is_removal()) {
    const bool v4 = own_.family == IpAddress::Family::kV4;
    if (failed.code == upnp::kOnlyPermanentLeases && !permanent_) {
      permanent_ = true;
      return send_add(now, *ask);
    }
    // Some that call themselves IGD 2 know no AddAnyPortMapping, or want a login for it.
    const bool unknown = failed.code == upnp::kInvalidAction || failed.code == upnp::kNotAuthorised;
    if (v4 && v2_ && any_works_ && unknown) {
      any_works_ = false;
      return send(now, upnp::Query{ask->transport, ask->external_port});
    }
    // A pinhole that went with the router's memory cannot be updated: make it anew.
    if (pinholes_.erase({ask->transport, ask->internal_port}) > 0) return send_add(now, *ask);
  }
  if (!ask) found_ = false;
  if (!ask && !open_->is_search) return send_find(now);  // after a restart it is spoken to elsewhere
  // A router that is not connected, or hides that its address is private, has no better word than "action failed".
  const bool v4 = own_.family == IpAddress::Family::kV4;
  const bool no_address = ask && v4 && failed.code == upnp::kActionFailed && !has_address_;
  finish(Refused{.ask = ask,
                 .why = no_address ? Refusal::kNoAddress : refusal_of(failed.code),
                 .again = std::nullopt,
                 .external = std::nullopt,
                 .detail = failed.text});
}

void UpnpClient::finish(LaneEvent event) {
  open_.reset();
  events_.push_back(std::move(event));
}

void UpnpClient::handle_timeout(Instant now) {
  if (!open_ || now < open_->until) return;
  const auto ask = open_->ask;
  if (ask && !ask->is_removal() && abandoned_.size() < kMaxLeftovers) abandoned_[open_->id] = *ask;
  if (!ask) found_ = false;
  finish(Refused{.ask = ask, .why = Refusal::kNoAnswer, .again = std::nullopt, .external = std::nullopt, .detail = {}});
}

std::optional<upnp::Command> UpnpClient::poll_command() {
  if (out_.empty()) return std::nullopt;
  upnp::Command command = std::move(out_.front());
  out_.pop_front();
  return command;
}

std::optional<LaneEvent> UpnpClient::poll_event() {
  if (events_.empty()) return std::nullopt;
  LaneEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::optional<Instant> UpnpClient::poll_timeout() const { return open_ ? std::optional(open_->until) : std::nullopt; }

}  // namespace turnpike::portmap
