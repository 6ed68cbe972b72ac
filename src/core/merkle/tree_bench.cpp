// What the tree costs above its leaves: the inner nodes of one piece, and the proof of one full layer page.
#include "core/merkle/tree.h"

#include <benchmark/benchmark.h>

#include "core/merkle/layer_page.h"

namespace turnpike::merkle {
namespace {

void piece_hash_from_leaves(benchmark::State& state) {
  const Content content{2 * store::kPieceSize, {}};
  const std::vector<Digest> leaves(store::kLeavesPerPiece, Digest{7});
  for (auto _ : state) benchmark::DoNotOptimize(piece_hash(content, 0, leaves));
  state.SetItemsProcessed(state.iterations() * 63);
}
BENCHMARK(piece_hash_from_leaves);

void verify_a_full_page(benchmark::State& state) {
  Tree tree{{}, std::vector<Digest>(2 * kMaxPageHashes, Digest{9})};
  tree.content = {tree.layer.size() * store::kPieceSize, root_of_layer(tree.layer)};
  const LayerPage page = make_layer_page(tree, kMaxPageHashes);
  for (auto _ : state) benchmark::DoNotOptimize(verify_layer_page(tree.content, page));
}
BENCHMARK(verify_a_full_page);

}  // namespace
}  // namespace turnpike::merkle
