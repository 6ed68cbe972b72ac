// One stream between two channels in one process, and the ceiling it cannot pass: the same bytes sealed, opened and,
// where the channel's receiver hashes them, hashed, with nothing else. The CPU time is that of both ends together.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "core/channel/channel_pair.h"
#include "core/noise/transport.h"
#include "crypto/leaf_hash.h"

namespace turnpike::channel {
namespace {

constexpr std::size_t kTotal = std::size_t{1} << 30U;
constexpr std::size_t kLeaf = 16U << 10U;
constexpr std::size_t kPiece = 1U << 20U;
constexpr std::string_view kProtocol = "/bench/1";
const Instant kStart{std::chrono::hours(1)};

void report(benchmark::State& state) {
  const auto bytes = static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(kTotal);
  state.SetBytesProcessed(bytes);
  state.counters["cpu_s_per_GB"] =
      benchmark::Counter(static_cast<double>(bytes) / 1e9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

/// Gathers what it is given into pieces and hashes their leaves, as a store's receiver does.
class Hashing {
 public:
  void take(ByteView bytes) {
    while (!bytes.empty()) {
      const ByteView part = bytes.first(std::min(bytes.size(), kPiece - filled_));
      std::copy(part.begin(), part.end(), piece_.begin() + static_cast<std::ptrdiff_t>(filled_));
      filled_ += part.size();
      bytes = bytes.subspan(part.size());
      if (filled_ == kPiece) hash();
    }
  }

 private:
  void hash() {
    hasher_.hash(piece_, kLeaf, digests_);
    benchmark::DoNotOptimize(digests_.data());
    filled_ = 0;
  }

  crypto::LeafHasher hasher_;
  Bytes piece_ = Bytes(kPiece);
  std::vector<Digest> digests_ = std::vector<Digest>(kPiece / kLeaf);
  std::size_t filled_ = 0;
};

void ceiling(benchmark::State& state, bool hashed) {
  noise::Sealer sealer(Digest{1});
  noise::Opener opener(Digest{1});
  Bytes frame(noise::kLengthSize + noise::kMaxMessage, 0x5a);
  Bytes plain(noise::kMaxPlain);
  crypto::LeafHasher hasher;
  const Bytes piece(kPiece, 0x5a);
  std::vector<Digest> digests(kPiece / kLeaf);
  for (auto _ : state) {
    for (std::size_t done = 0; done < kTotal; done += noise::kMaxPlain) {
      if (!sealer.seal(frame)) std::abort();
      if (!opener.open(ByteView(frame).subspan(noise::kLengthSize), plain)) std::abort();
    }
    for (std::size_t done = 0; hashed && done < kTotal; done += kPiece) hasher.hash(piece, kLeaf, digests);
  }
  report(state);
}

struct Transfer {
  SeededRandom random{1};
  crypto::SigningKey alice_key = crypto::SigningKey::generate(random);
  crypto::SigningKey bob_key = crypto::SigningKey::generate(random);
  ChannelPair both{config(Role::kInitiator, alice_key), config(Role::kResponder, bob_key), random, kStart};
  StreamId from{};
  StreamId to{};

  static Config config(Role role, const crypto::SigningKey& key) {
    Config config;
    config.role = role;
    config.identity = &key;
    config.protocols = {std::string(kProtocol)};
    config.wide_protocols = config.protocols;
    return config;
  }

  Transfer() {
    both.settle();
    from = both.alice.open_stream(kProtocol).value();
    both.settle();
    to = events_of<StreamOpened>(both.bob).front().id;
  }

  /// Hands each message over as it is, as a socket would that takes 64 KiB at a time.
  void run(Hashing* hashing) {
    const Bytes source(256U << 10U, 0x5a);
    std::size_t written = 0;
    for (std::size_t read = 0; read < kTotal;) {
      const std::size_t wanted = std::min(source.size(), kTotal - written);
      written += both.alice.write(from, ByteView(source).first(wanted));
      hand_over(both.alice, both.bob);
      while (both.bob.unread(to) > 0) {
        const ByteView front = both.bob.readable(to);
        if (hashing != nullptr) hashing->take(front);
        read += front.size();
        both.bob.consume(kStart, to, front.size());
      }
      hand_over(both.bob, both.alice);
      while (both.alice.poll_event() || both.bob.poll_event()) {
      }
    }
  }

  static void hand_over(SecureChannel& sender, SecureChannel& receiver) {
    while (auto bytes = sender.poll_write()) {
      receiver.handle_bytes(kStart, *bytes);
      sender.recycle(std::move(*bytes));
    }
  }
};

void channel(benchmark::State& state, bool hashed) {
  for (auto _ : state) {
    Transfer transfer;
    Hashing hashing;
    transfer.run(hashed ? &hashing : nullptr);
  }
  report(state);
}

BENCHMARK_CAPTURE(ceiling, cipher, false)->Unit(benchmark::kMillisecond)->Iterations(1)->Repetitions(5);
BENCHMARK_CAPTURE(channel, cipher, false)->Unit(benchmark::kMillisecond)->Iterations(1)->Repetitions(5);
BENCHMARK_CAPTURE(ceiling, cipher_and_hash, true)->Unit(benchmark::kMillisecond)->Iterations(1)->Repetitions(5);
BENCHMARK_CAPTURE(channel, cipher_and_hash, true)->Unit(benchmark::kMillisecond)->Iterations(1)->Repetitions(5);

}  // namespace
}  // namespace turnpike::channel
