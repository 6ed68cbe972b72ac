// The stores of a simulated world, with their real hash trees.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "base/random.h"
#include "core/merkle/tree.h"

namespace turnpike::sim {

struct Original {
  store::StoreId store;
  Bytes data;
  merkle::Tree tree;
  [[nodiscard]] const store::Content& content() const { return tree.content; }
};

class Library {
 public:
  /// A store of so many chance bytes, under a chance id or the given one. Lives as long as the library.
  const Original& make(Random& dice, std::uint64_t size);
  const Original& make(Random& dice, std::uint64_t size, const store::StoreId& store);
  /// Null for bytes nobody made.
  [[nodiscard]] const Original* find(const store::StoreId& store, const store::Content& content) const;

 private:
  std::vector<std::unique_ptr<Original>> originals_;
};

}  // namespace turnpike::sim
