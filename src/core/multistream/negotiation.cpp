#include "core/multistream/negotiation.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace turnpike::multistream {

Dialer::Dialer(std::vector<std::string> proposals) : proposals_(std::move(proposals)) {
  if (proposals_.empty() || proposals_.size() > kMaxProposals) std::abort();
  append_message(out_, kHeader);
  append_message(out_, proposals_.front());
}

void Dialer::handle_bytes(ByteView& in) {
  while (outcome_ == Outcome::kPending) {
    const auto message = reader_.read(in);
    if (!message) {
      outcome_ = Outcome::kBroken;
      return;
    }
    if (!*message) return;
    handle_answer(**message);
  }
}

void Dialer::handle_answer(const std::string& text) {
  if (!greeted_) {
    greeted_ = text == kHeader;
    if (!greeted_) outcome_ = Outcome::kBroken;
  } else if (text == protocol()) {
    outcome_ = Outcome::kAgreed;
  } else if (text != kNotAvailable) {
    outcome_ = Outcome::kBroken;
  } else if (at_ + 1 == proposals_.size()) {
    outcome_ = Outcome::kRefused;
  } else {
    append_message(out_, proposals_[++at_]);
  }
}

Bytes Dialer::poll_write() { return std::exchange(out_, {}); }

void Listener::handle_bytes(ByteView& in) {
  while (outcome_ == Outcome::kPending) {
    auto message = reader_.read(in);
    if (!message) {
      outcome_ = Outcome::kBroken;
      return;
    }
    if (!*message) return;
    handle_proposal(std::move(**message));
  }
}

void Listener::handle_proposal(std::string text) {
  if (!greeted_) {
    greeted_ = text == kHeader;
    if (!greeted_) {
      outcome_ = Outcome::kBroken;
      return;
    }
    append_message(out_, kHeader);
  } else if (std::find(accepted_->begin(), accepted_->end(), text) != accepted_->end()) {
    append_message(out_, text);
    protocol_ = std::move(text);
    outcome_ = Outcome::kAgreed;
  } else {
    append_message(out_, kNotAvailable);
    refused_ = std::move(text);
    if (++refusals_ == kMaxProposals) outcome_ = Outcome::kBroken;
  }
}

Bytes Listener::poll_write() { return std::exchange(out_, {}); }

}  // namespace turnpike::multistream
