// What the brain knows of our own doors and of other peers, as those who tell it to others need it.
#pragma once

#include <vector>

#include "node/brain.h"
#include "node/old_node_service.h"

namespace turnpike::node {

/// Where our HTTP downloads are registered.
[[nodiscard]] std::vector<Endpoint> registered_http(const Brain& brain);
/// Strangers can connect: that is proved of one global address of the libp2p host at least.
[[nodiscard]] bool is_reachable(const Brain& brain);
/// Both outlive what is given; `turn` is where we relay for others, if we do.
[[nodiscard]] OldNodeFacts old_node_facts(const Brain& brain, const io::Host& host,
                                          std::function<std::optional<Endpoint>()> turn);

}  // namespace turnpike::node
