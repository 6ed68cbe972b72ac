// Any bytes, in any pieces: both parties take no byte behind their agreement and answer a bounded number of them.
#include <cstdlib>

#include "core/multistream/negotiation.h"

namespace {

using namespace turnpike;
using multistream::Outcome;

template <class Party>
void play(Party party, ByteView input, std::size_t piece) {
  std::size_t written = party.poll_write().size();
  std::size_t taken = 0;
  while (!input.empty() && party.outcome() == Outcome::kPending) {
    ByteView in = input.first(std::min(piece, input.size()));
    const std::size_t offered = in.size();
    party.handle_bytes(in);
    if (party.outcome() == Outcome::kPending && !in.empty()) std::abort();
    taken += offered - in.size();
    input = input.subspan(offered - in.size());
    written += party.poll_write().size();
  }
  if (written > 64 + 4 * multistream::kMaxProposals + 2 * multistream::kMaxMessage) std::abort();
  if (taken > (multistream::kMaxProposals + 1) * (multistream::kMaxMessage + 2)) std::abort();
  ByteView rest = input;
  const std::size_t before = rest.size();
  party.handle_bytes(rest);
  if (party.outcome() != Outcome::kPending && rest.size() != before) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::string> kKnown = {"/noise", "/yamux/1.0.0"};
  if (size == 0) return 0;
  const ByteView input(data + 1, size - 1);
  const std::size_t piece = data[0] % 64U + 1U;
  play(multistream::Listener(kKnown), input, piece);
  play(multistream::Dialer({"/noise", "/yamux/1.0.0"}), input, piece);
  return 0;
}
