// Relayed addresses that no socket is bound to: an external address of the server and a port that is unique there.
#pragma once

#include <optional>
#include <vector>

#include "base/endpoint.h"
#include "base/random.h"

namespace turnpike::turn {

constexpr std::uint16_t kFirstVirtualPort = 49152;  ///< The dynamic range (RFC 6335), which TURN uses (RFC 8656).
constexpr std::size_t kVirtualPorts = 65536 - kFirstVirtualPort;

/// Who may have a port: any, or one that is even (EVEN-PORT).
enum class PortParity : std::uint8_t { kAny, kEven };

/// Gives out virtual addresses and knows whose they are. `Owner` is a number the owner chooses.
class VirtualPorts {
 public:
  using Owner = std::uint32_t;

  /// Each address once. More addresses mean more allocations: kVirtualPorts on each.
  explicit VirtualPorts(const std::vector<IpAddress>& external) { set_external(external); }

  /// From now on ports are taken on these. Those taken on others stay whose they are until they are released.
  void set_external(const std::vector<IpAddress>& external);

  [[nodiscard]] bool is_external(const IpAddress& address) const { return pool_of(address) != nullptr; }
  [[nodiscard]] bool has_family(IpAddress::Family family) const;
  /// Something can be taken at all.
  [[nodiscard]] bool has_any() const;

  /// A free one, at random: nobody can guess the next. Nothing when all are taken.
  [[nodiscard]] std::optional<Endpoint> take(Random& random, IpAddress::Family family, Owner owner,
                                             PortParity parity = PortParity::kAny);
  void release(const Endpoint& relayed);
  void set_owner(const Endpoint& relayed, Owner owner);
  [[nodiscard]] std::optional<Owner> owner_of(const Endpoint& relayed) const;

 private:
  static constexpr Owner kFree = UINT32_MAX;

  struct Pool {
    IpAddress address;
    bool in_use = true;  // else nothing more is taken on it
    std::size_t taken = 0;
    std::vector<Owner> owners;  // by port - kFirstVirtualPort; empty until the first is taken
  };

  [[nodiscard]] const Pool* pool_of(const IpAddress& address) const;
  [[nodiscard]] Pool* pool_of(const IpAddress& address);
  [[nodiscard]] static std::optional<std::size_t> find_free(const Pool& pool, std::size_t from, PortParity parity);

  std::vector<Pool> pools_;
};

}  // namespace turnpike::turn
