// The node's HTTP downloads: /download/<id>, /stores, /health and /v1/layer/<id> (docs/protocols/http.md).
#pragma once

#include "io/disk/catalogue.h"
#include "io/http/server.h"
#include "io/pace/pace.h"
#include "node/store_access.h"

namespace turnpike::node {

struct HttpFacts {
  std::string peer_id;
  std::string version;
  Instant started;
  const io::Pace* upload = nullptr;  ///< What all downloads share; none: no limit.
};

/// Adds the routes. All arguments must outlive the server. Unconfirmed stores carry `Turnpike-Mark: unconfirmed`.
void add_routes(io::http::Server& server, io::Catalogue& catalogue, const Shared& shared,
                const std::function<sync::Mark(const store::StoreId&)>& mark_of, const HttpFacts& facts);

}  // namespace turnpike::node
