// Runs a fuzzer's entry point over its corpus and over cheap, deterministic mutations of it, so that every preset
// replays what fuzzing once found. Usage: <fuzzer> CORPUS-FOLDER. A folder that does not exist is an empty corpus.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

void run(const Input& input) { LLVMFuzzerTestOneInput(input.data(), input.size()); }

void run_mutations(const Input& seed) {
  run(seed);
  const std::size_t step = seed.size() / 64 + 1;
  for (std::size_t at = 0; at < seed.size(); at += step) {
    run(Input(seed.begin(), seed.begin() + static_cast<std::ptrdiff_t>(at)));
    Input flipped = seed;
    flipped[at] = static_cast<std::uint8_t>(flipped[at] ^ 0xffU);
    run(flipped);
  }
}

}  // namespace

int main(int argc, char** argv) {
  run({});
  std::size_t seeds = 0;
  if (argc > 1 && std::filesystem::is_directory(argv[1])) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
      std::ifstream file(entry.path(), std::ios::binary);
      run_mutations(Input(std::istreambuf_iterator<char>(file), {}));
      ++seeds;
    }
  }
  std::printf("replayed %zu seeds\n", seeds);
  return 0;
}
