#include "core/peer/link.h"

namespace turnpike::peer {

void Link::handle_up(Now now) {
  if (state_ != State::kConnecting) return;
  state_ = State::kUp;
  reason_ = "connected, not welcomed yet";
  client.handle_link_up(now);
}

void Link::handle_down(Now now, std::string_view reason) {
  if (state_ == State::kDown) return;
  if (state_ == State::kUp) client.handle_link_down(now);
  if (state_ != State::kClosing) reason_ = reason;  // a closing link's reason is why it was closed
  state_ = State::kDown;
  close_due_ = false;
  next_ = now.mono + backoff_.fail(random_);
}

// No back-off grows behind a portal: it is nobody's failure, and ends at a moment of the user's choosing.
void Link::handle_judged(Now now, bool captive, std::string_view text) {
  if (state_ != State::kDown) return;
  captive_ = captive;
  if (!text.empty()) reason_ = text;
  if (!captive) return;
  backoff_.reset();
  next_ = now.mono + path::Backoff::jittered(random_, kCaptiveRetry);
}

void Link::handle_welcomed(const rendezvous::Welcomed& welcomed) {
  captive_ = false;
  bootstrap_ = welcomed.bootstrap;
  observed_ = welcomed.observed;
  reason_.clear();
  backoff_.reset();
}

void Link::handle_failed(Now now, const rendezvous::Failed& failed) {
  reason_ = failed.text;
  if (failed.reason == rendezvous::FailureReason::kRegistration || state_ != State::kUp) return;
  client.handle_link_down(now);
  state_ = State::kClosing;
  close_due_ = true;
  next_ = now.mono + kLinkAttemptLimit;
}

void Link::retry_now(Now now) {
  client.show_elsewhere(now);
  backoff_.reset();
  if (state_ == State::kDown) next_ = now.mono;
}

void Link::handle_timeout(Now now) {
  if (state_ == State::kUp) client.handle_timeout(now);
  if (state_ == State::kConnecting && now.mono >= next_) {
    reason_ = "no answer";
    state_ = State::kClosing;
    close_due_ = true;
    next_ = now.mono + kLinkAttemptLimit;
  } else if (state_ == State::kClosing && now.mono >= next_) {
    handle_down(now, {});
  }
}

Link::Wish Link::poll_wish(Now now) {
  if (close_due_) {
    close_due_ = false;
    return Wish::kClose;
  }
  if (state_ != State::kDown || now.mono < next_) return Wish::kNone;
  state_ = State::kConnecting;
  next_ = now.mono + kLinkAttemptLimit;
  return Wish::kConnect;
}

std::optional<Instant> Link::poll_timeout() const {
  if (state_ == State::kUp) return client.poll_timeout();
  return next_;
}

BootstrapView Link::view() const {
  BootstrapView out{.url = url_, .reason = reason_, .next_action = {}, .peer = bootstrap_, .observed = observed_};
  out.captive = captive_;
  out.connected = state_ == State::kUp && client.is_welcomed();
  out.registered = out.connected && client.is_registered();
  if (state_ != State::kUp) out.next_action = next_;
  return out;
}

}  // namespace turnpike::peer
