// Whatever is asked, however it is cut: an answer is JSON that fits one frame, or a range within the file.
#include <cstdlib>

#include "core/dig/peer_answer.h"

namespace {

using namespace turnpike;

std::optional<Bytes> cut(ByteView bytes, std::size_t piece) {
  dig::JsonObjectReader reader;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    ByteView in = bytes.subspan(at, std::min(piece, bytes.size() - at));
    auto object = reader.read(in);
    if (!object) return std::nullopt;
    if (*object) return std::move(*object);
  }
  return std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  const auto object = cut(bytes, size + 1);
  if (cut(bytes, 1) != object) std::abort();
  if (!object) return 0;

  dig::SelfView self;
  self.stores.assign(2000, store::StoreId());
  self.peers.assign(100, {.peer = {}, .last_seen_ms = 1, .stores = self.stores, .tcp = {}});
  dig::TurnSessions sessions;
  SeededRandom random(1);
  constexpr std::uint64_t kSize = 1000;
  for (const bool discovery : {false, true}) {
    const auto request = dig::parse_peer_request(*object, discovery);
    if (!request) continue;
    const dig::PeerAnswer answer = dig::answer_peer({}, *request, self, kSize, sessions, random);
    if (const auto* text = std::get_if<dig::JsonAnswer>(&answer)) {
      if (text->text.size() > dig::kMaxAnswer || !dig::parse_object(text->text, {.bytes = dig::kMaxAnswer}))
        std::abort();
    }
    if (const auto* file = std::get_if<dig::FileAnswer>(&answer)) {
      if (file->offset + file->length > kSize || file->length == 0 || file->header.back() != '\n') std::abort();
    }
  }
  (void)dig::parse_identification(*object);
  (void)dig::parse_stores(*object);
  (void)dig::parse_range_header(*object);
  return 0;
}
