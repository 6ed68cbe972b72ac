// What the node's local API answers, as JSON, from the brain's plain values. The shapes are those of docs/commands.md.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/time.h"
#include "core/connect/roads.h"
#include "core/identity/peer_id.h"
#include "core/peer/peer.h"
#include "core/peer/view.h"
#include "core/portmap/view.h"
#include "io/host/host.h"
#include "node/dht_view.h"
#include "node/file_notes.h"

namespace turnpike::node {

/// One row of `ls`: {store, size, root, state, mark, reason, next_action_seconds, asked_for, shared,
/// announcers, bytes_verified}. What is not known is null.
[[nodiscard]] nlohmann::json store_shape(const peer::StoreView& store, Instant now);
/// One row of `transfers`: {store, size, root, state, reason, bytes_total, bytes_verified, bytes_by_rung,
/// bytes_duplicate, bytes_per_second, seconds, peers[]}.
[[nodiscard]] nlohmann::json transfer_shape(const peer::TransferView& transfer);
/// One row of `peers`: {peer_id, state, reason, found[], tcp[], http[], stores, serving, rungs[{rung, state, reason,
/// rtt_ms, bytes, next_action_seconds}], connections[]}.
[[nodiscard]] nlohmann::json peer_shape(const peer::PeerView& peer, Instant now);
/// One of `peers`[].connections: {remote, direction, found, agent, rtt_ms, streams, seconds}.
[[nodiscard]] nlohmann::json connection_shape(const io::ConnectionInfo& connection, Instant now);
/// One row of `status`.bootstraps: {url, connected, registered, captive, reason, peer_id, observed,
/// next_action_seconds}; `status` adds `via`.
[[nodiscard]] nlohmann::json bootstrap_shape(const peer::BootstrapView& bootstrap, Instant now);
/// {"http": n, "bootstrap-relay": n}: every rung is named, also those that carried nothing.
/// One row of `status`.reachability: {kind, endpoint, origin, verdict, advice, proved_seconds, next_action_seconds}.
[[nodiscard]] nlohmann::json candidate_shape(const peer::CandidateView& candidate, Instant now);
[[nodiscard]] nlohmann::json bytes_by_rung_shape(const peer::BytesByRung& bytes);

/// One row of `status`.mappings: {family, gateway, state, reason, protocol, external, group, ports[{purpose, transport,
/// internal, external, protocol, in_group, lease_seconds}], tried[{protocol, state, reason}], next_action_seconds}.
[[nodiscard]] nlohmann::json mappings_shape(const portmap::RouterView& router, Instant now);
/// The proxy that is asked where the direct way fails. Nothing secret.
struct ProxyFacts {
  std::string address;
  std::string source;  ///< --proxy, or the environment variable.
  bool credentials = false;
  std::string reason;  ///< Why it refused us last; empty if it did not.
  std::optional<Instant> next_action;
};

struct StatusFacts {
  identity::PeerId peer_id;
  std::vector<Endpoint> listen;    ///< Sockets that are bound.
  std::vector<Endpoint> external;  ///< Addresses that are registered.
  std::vector<peer::CandidateView> reachability = {};
  std::vector<peer::BootstrapView> bootstraps;
  std::vector<std::optional<connect::Road>> roads;  ///< Of the bootstraps, in their order.
  std::optional<ProxyFacts> proxy;
  std::vector<portmap::RouterView> routers;
  std::vector<peer::StoreView> stores;
  peer::BytesByRung bytes_by_rung{};
  peer::SyncMode sync = peer::SyncMode::kAll;
  std::uint64_t ignored_files = 0;  ///< In the data folder, with names that are no store's.
  std::uint64_t uptime_seconds = 0;
  DhtView dht;
};
/// {peer_id, listen[], external[], reachability[], bootstraps[], proxy{address, source, credentials, reason,
/// next_action_seconds}, mappings[], stores{complete, missing}, bytes_by_rung{}, sync, ignored_files, uptime_seconds,
/// dht{enabled, serves, contacts, records, announced}}.
/// `missing` counts the stores wanted and not complete.
[[nodiscard]] nlohmann::json status_shape(const StatusFacts& facts, Instant now);

// Whole answers, for Reply::done.

/// With what is to be said of the stores' files; one that the brain does not know of has a row too.
[[nodiscard]] nlohmann::json ls_answer(std::vector<peer::StoreView> stores, const FileNotes& notes, Instant now);
/// The same of one store; nothing where neither knows it.
[[nodiscard]] std::optional<peer::StoreView> with_note(std::optional<peer::StoreView> store, const store::StoreId& id,
                                                       const FileNotes& notes);
[[nodiscard]] nlohmann::json transfers_answer(const std::vector<peer::TransferView>& transfers);
[[nodiscard]] nlohmann::json peers_answer(const std::vector<peer::PeerView>& peers,
                                          const std::vector<io::ConnectionInfo>& connections, Instant now);
/// A row of `ls` with its history, every peer and every bootstrap: {…, history[], peers[], bootstraps[]}.
[[nodiscard]] nlohmann::json why_answer(const peer::StoreView& store, const std::vector<peer::PeerView>& peers,
                                        const std::vector<peer::BootstrapView>& bootstraps, Instant now);

/// One line of the stream that answers `get`: a row of `ls`, and of `transfers` where there is one.
[[nodiscard]] nlohmann::json get_line(const peer::StoreView& store, const peer::TransferView* transfer, Instant now);

}  // namespace turnpike::node
