// Whatever comes on an old node's stream, whole or cut anywhere: ids are ids, spans are spans, a header line is found
// at the same place however the bytes arrive, and every answer fits the one frame that old nodes read.
#include <cstdlib>

#include "core/dig/peer_message.h"

namespace turnpike::dig {
namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

void check_request(ByteView text) {
  const auto request = parse_peer_request(text);
  if (!request) return;
  const SelfInfo self{.peer = PeerId{Digest{1}}};
  if (const auto* range = std::get_if<AskFileRange>(&*request)) {
    must(range->span.first <= range->span.last);
    must(encode_range_header(*range, 1).size() <= kMaxHeaderLine);
    must(encode_range_failure(*range, 1).size() <= kMaxHeaderLine);
    const auto again = parse_peer_request(bytes_of(encode_request(*range)));
    must(again && std::get<AskFileRange>(*again).span == range->span);
  }
  if (const auto* info = std::get_if<AskPeerInfo>(&*request)) {
    must(encode_peer_info(*info, self, {}).size() <= kMaxAnswerFrame);
  }
  if (const auto* peers = std::get_if<AskPeers>(&*request)) must(peers->max_peers <= 64);
}

void check_header(ByteView text, std::size_t cut) {
  const auto whole = read_content_header(text, false);
  if (!whole || !*whole) return;
  must((*whole)->consumed > 0 && (*whole)->consumed <= text.size() && (*whole)->consumed <= kMaxHeaderLine);
  const auto part = read_content_header(text.first(cut % (*whole)->consumed), false);
  must(part && !*part);
}

}  // namespace
}  // namespace turnpike::dig

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  if (size == 0) return 0;
  const ByteView text(data + 1, size - 1);
  dig::check_request(text);
  dig::check_header(text, data[0]);
  (void)dig::is_identification(text);
  const auto info = dig::parse_peer_info(text);
  if (info && info->stores.size() > dig::kMaxStoresPerPeer) std::abort();
  return 0;
}
