// What is read as a peer id is spelled in one way, and that spelling reads as the same id; its key, if any, has that
// id.
#include <cstdlib>

#include "core/identity/any_peer_id.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  const auto check = [](const std::optional<identity::AnyPeerId>& id) {
    if (!id) return;
    if (identity::AnyPeerId::parse(id->to_string()) != id) std::abort();
    if (identity::AnyPeerId::from_bytes(id->to_bytes()) != id) std::abort();
    if (const auto key = id->key(); key && identity::AnyPeerId::of(*key) != *id) std::abort();
  };
  check(identity::AnyPeerId::from_bytes({data, size}));
  check(identity::AnyPeerId::parse(text_of({data, size})));
  if (const auto key = identity::PublicKey::decode({data, size})) {
    if (key->encode() != Bytes(data, data + size)) std::abort();
    check(identity::AnyPeerId::of(*key));
    if (key->verify({data, size}, {data, size / 2}) && key->type != identity::KeyType::kEd25519) std::abort();
  }
  return 0;
}
