// How many transfers run at once, in all and for whom: old nodes have no identity, so their addresses are counted.
#pragma once

#include <cstddef>
#include <map>

#include "base/endpoint.h"

namespace turnpike::dig {

struct SlotLimits {
  std::size_t all = 32;
  std::size_t per_address = 4;   ///< IPv4 address, or /64 for IPv6
  std::size_t per_network = 12;  ///< /24, or /48 for IPv6
};

class Slots {
 public:
  explicit Slots(SlotLimits limits = {}) : limits_(limits) {}

  /// False, and nothing taken, where a limit is reached. Each taken one is to be given back, once.
  [[nodiscard]] bool take(const IpAddress& from);
  void give_back(const IpAddress& from);
  [[nodiscard]] bool has_room(const IpAddress& from) const;
  [[nodiscard]] std::size_t taken() const { return taken_; }

 private:
  SlotLimits limits_;
  std::size_t taken_ = 0;
  std::map<IpAddress, std::size_t> by_address_;
  std::map<IpAddress, std::size_t> by_network_;
};

}  // namespace turnpike::dig
