// What people are shown of this node's part in the DHT.
#pragma once

#include <cstddef>

namespace turnpike::node {

struct DhtView {
  bool enabled = false;
  bool serves = false;        ///< Others find it in identify and ask it.
  std::size_t contacts = 0;   ///< Peers in its table.
  std::size_t records = 0;    ///< Of providers, told by others.
  std::size_t announced = 0;  ///< Stores of ours that it tells of.
};

}  // namespace turnpike::node
