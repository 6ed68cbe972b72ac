#include "sim/library.h"

#include <algorithm>
#include <cstring>

namespace turnpike::sim {

const Original& Library::make(Random& dice, std::uint64_t size) {
  return make(dice, size, store::StoreId{dice.array<32>()});
}

const Original& Library::make(Random& dice, std::uint64_t size, const store::StoreId& store) {
  auto original = std::make_unique<Original>();
  original->store = store;
  original->data.resize(size);
  std::uint64_t word = dice.below(UINT64_MAX);
  for (std::size_t at = 0; at < size; at += 8) {
    word = word * 6364136223846793005U + 1442695040888963407U;
    std::memcpy(original->data.data() + at, &word, std::min<std::size_t>(8, size - at));
  }
  crypto::LeafHasher hasher;
  merkle::TreeBuilder builder(size);
  for (std::uint64_t at = 0; at < size; at += store::kPieceSize) {
    const std::uint64_t length = std::min(store::kPieceSize, size - at);
    builder.add_leaves(merkle::hash_leaves(hasher, ByteView(original->data).subspan(at, length)));
  }
  original->tree = builder.finish();
  originals_.push_back(std::move(original));
  return *originals_.back();
}

const Original* Library::find(const store::StoreId& store, const store::Content& content) const {
  for (const auto& original : originals_) {
    if (original->store == store && original->content() == content) return original.get();
  }
  return nullptr;
}

}  // namespace turnpike::sim
