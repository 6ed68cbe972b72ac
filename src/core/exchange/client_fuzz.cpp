// A client fed anything, in two different cuts, sees the same headers, the same body bytes and the same end; and never
// more body than it asked for.
#include <cstdlib>

#include "core/exchange/client.h"

using namespace turnpike;
using namespace turnpike::exchange;

namespace {

constexpr store::Content kContent{.size = 8 * store::kPieceSize, .root = {7}};

struct Seen {
  std::vector<Header> headers;
  Bytes body;
  bool failed = false;
  friend bool operator==(const Seen&, const Seen&) = default;
};

Seen feed(ByteView stream, std::size_t cut) {
  Client client;
  (void)client.ask({.store = {}, .content = kContent, .ask = AskRange{0, 16}});
  (void)client.ask({.store = {}, .content = kContent, .ask = AskLeaves{0}});
  (void)client.ask({.store = {}, .content = {}, .ask = AskManifest{}});
  Seen seen;
  while (!stream.empty() && !seen.failed) {
    ByteView in = stream.first(std::min(cut, stream.size()));
    stream = stream.subspan(in.size());
    while (true) {
      const auto event = client.read(in);
      if (!event) seen.failed = true;
      if (!event || !*event) break;
      if (const auto* answered = std::get_if<Client::Answered>(&**event)) seen.headers.push_back(answered->header);
      if (const auto* body = std::get_if<Client::Body>(&**event)) {
        seen.body.insert(seen.body.end(), body->bytes.begin(), body->bytes.end());
      }
    }
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const Seen whole = feed(input, size + 1);
  if (whole.headers.size() > 3 || whole.body.size() > 16 + kMaxLeavesSize + kMaxManifestSize) std::abort();
  if (whole != feed(input, 1) || whole != feed(input, 7)) std::abort();
  return 0;
}
