// store_hash FILE: one line "size root", then one line for each piece hash. For the oracle beside it.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <string>

#include "base/hex.h"
#include "io/disk/hash_file.h"

namespace {

using namespace turnpike;      // NOLINT(google-build-using-namespace)
using namespace turnpike::io;  // NOLINT(google-build-using-namespace)

asio::awaitable<void> print_tree(WorkerPool& pool, std::string path, int& status) {
  const auto hashed = co_await hash_file(pool, path);
  if (!hashed) {
    std::fprintf(stderr, "store_hash: %s: %s\n", path.c_str(), std::string(to_string(hashed.error())).c_str());
    co_return;
  }
  const merkle::Tree& tree = hashed->tree;
  std::printf("%llu %s\n", static_cast<unsigned long long>(tree.content.size), to_hex(tree.content.root).c_str());
  for (const Digest& hash : tree.layer) std::printf("%s\n", to_hex(hash).c_str());
  status = 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  int status = 1;
  asio::io_context loop;
  WorkerPool pool(loop.get_executor(), 1);
  asio::co_spawn(loop, print_tree(pool, argv[1], status), asio::detached);
  loop.run();
  return status;
}
