// GB/s of one core hashing a whole store into its tree and layer, the file being in the page cache.
#include "io/disk/hash_file.h"

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/random.h"

namespace turnpike::io {
namespace {

constexpr std::uint64_t kFileSize = std::uint64_t{256} << 20U;

/// A file of random bytes, without a name, that has just been written and so stands in the page cache.
const FileHandle& cached_file() {
  static const FileHandle file = [] {
    std::string name = (std::filesystem::temp_directory_path() / "turnpike-bench-XXXXXX").string();
    FileHandle out(::mkstemp(name.data()));
    ::unlink(name.c_str());
    Bytes piece(store::kPieceSize);
    for (std::uint64_t at = 0; at < kFileSize; at += piece.size()) {
      SeededRandom(at).fill(piece);
      if (!write_exactly(system_file_ops(), out.get(), piece, at)) std::abort();
    }
    return out;
  }();
  return file;
}

void hash_a_store(benchmark::State& state) {
  for (auto _ : state) {
    FileHashing hashing(cached_file().get(), kFileSize);
    for (auto done = hashing.step(); done && !*done; done = hashing.step()) {
    }
    benchmark::DoNotOptimize(hashing.finish());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(static_cast<std::uint64_t>(state.iterations()) * kFileSize));
  state.SetLabel(thread_hasher().engine() == crypto::LeafHashEngine::kIpsecMb ? "ipsec-mb" : "openssl");
}
BENCHMARK(hash_a_store)->Unit(benchmark::kMillisecond);

/// What the tree costs above reading: the same reads, nothing hashed.
void read_a_store(benchmark::State& state) {
  Bytes piece(store::kPieceSize);
  for (auto _ : state) {
    for (std::uint64_t at = 0; at < kFileSize; at += piece.size()) {
      benchmark::DoNotOptimize(read_exactly(cached_file().get(), piece, at));
    }
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(static_cast<std::uint64_t>(state.iterations()) * kFileSize));
}
BENCHMARK(read_a_store)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace turnpike::io
