// Hashing a store's leaves on one core: bytes per second, by engine.
#include <benchmark/benchmark.h>

#include "crypto/leaf_hash.h"

namespace turnpike::crypto {
namespace {

void hash_leaves(benchmark::State& state, LeafHashEngine engine) {
  LeafHasher hasher(engine);
  const Bytes data(8U << 20U, 0x5a);
  std::vector<Digest> digests(data.size() / 16384);
  for (auto _ : state) {
    hasher.hash(data, 16384, digests);
    benchmark::DoNotOptimize(digests.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(data.size()));
  state.SetLabel(hasher.engine() == LeafHashEngine::kIpsecMb ? "ipsec-mb" : "OpenSSL");
}
BENCHMARK_CAPTURE(hash_leaves, openssl, LeafHashEngine::kOpenSsl);
BENCHMARK_CAPTURE(hash_leaves, ipsec_mb, LeafHashEngine::kIpsecMb);

}  // namespace
}  // namespace turnpike::crypto
