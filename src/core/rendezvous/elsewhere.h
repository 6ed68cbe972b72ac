// Where a peer is seen besides: a control connection has one family, and its peer may have an address of the other one.
#pragma once

#include <cstdint>
#include <optional>

#include "base/endpoint.h"

namespace turnpike::rendezvous {

class Elsewhere {
 public:
  /// The peer's statement `seq` came from `at`, while its connection comes from `main`. False: such a statement, or a
  /// later one, was there before. Of the same family as `main` it changes nothing.
  [[nodiscard]] bool show(std::uint64_t seq, const IpAddress& at, const IpAddress& main) {
    if (seq <= seq_) return false;
    seq_ = seq;
    if (at.family != main.family) address_ = at;
    return true;
  }

  /// Where the peer is seen over the family of `target`; `main` where it has not shown itself over that.
  [[nodiscard]] IpAddress seen_for(const IpAddress& target, const IpAddress& main) const {
    return address_ && address_->family == target.unmapped().family ? *address_ : main;
  }

 private:
  std::optional<IpAddress> address_;
  std::uint64_t seq_ = 0;
};

}  // namespace turnpike::rendezvous
