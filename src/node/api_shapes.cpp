#include "node/api_shapes.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "base/hex.h"
#include "core/path/rung.h"
#include "core/sync/fetch.h"

namespace turnpike::node {
namespace {

using nlohmann::json;

json seconds_until(const std::optional<Instant>& when, Instant now) {
  if (!when) return nullptr;
  const auto left = std::chrono::duration<double>(*when - now).count();
  return std::max(0.0, left);
}

json text_or_null(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }

json texts_of(const std::vector<Endpoint>& endpoints) {
  json out = json::array();
  for (const Endpoint& endpoint : endpoints) out.push_back(endpoint.to_string());
  return out;
}

void put_content(json& out, const std::optional<store::Content>& content) {
  out["size"] = content ? json(content->size) : json(nullptr);
  out["root"] = content ? json(to_hex(content->root)) : json(nullptr);
}

std::uint64_t bytes_verified(const peer::StoreView& store) {
  if (!store.content) return 0;
  if (store.state == "complete") return store.content->size;
  // Pieces are equal but for the last: at most one piece too many, never more than the whole.
  return std::min(store.content->size, std::uint64_t{store.pieces_verified} * store::kPieceSize);
}

json milliseconds_or_null(const std::optional<Duration>& time) {
  return time ? json(std::chrono::duration<double, std::milli>(*time).count()) : json(nullptr);
}

json quote_shape(const path::RungView& rung) {
  if (!rung.quote) return nullptr;
  return {{"bytes", rung.quote->bytes},
          {"bytes_left", rung.quote_left},
          {"bytes_per_second", rung.quote->bytes_per_second},
          {"until_ms", rung.quote->until.unix_ms}};
}

json rung_shape(const path::RungView& rung, Instant now) {
  json out{{"rung", path::name_of(rung.rung)}, {"state", rung.state}, {"bytes", rung.bytes}};
  out["reason"] = text_or_null(rung.reason);
  out["rtt_ms"] = milliseconds_or_null(rung.rtt);
  out["next_action_seconds"] = seconds_until(rung.next_action, now);
  if (rung.rung == path::Rung::kBootstrapRelay) out["quote"] = quote_shape(rung);
  return out;
}

template <class Rows, class Shape>
json rows_of(const Rows& rows, Shape shape) {
  json out = json::array();
  for (const auto& row : rows) out.push_back(shape(row));
  return out;
}

json peers_of(const std::vector<peer::PeerView>& peers, Instant now) {
  return rows_of(peers, [now](const peer::PeerView& peer) { return peer_shape(peer, now); });
}

json bootstraps_of(const std::vector<peer::BootstrapView>& bootstraps, Instant now) {
  return rows_of(bootstraps, [now](const peer::BootstrapView& bootstrap) { return bootstrap_shape(bootstrap, now); });
}

}  // namespace

json store_shape(const peer::StoreView& store, Instant now) {
  json out{{"store", store.store.to_string()}, {"state", store.state}, {"asked_for", store.asked_for}};
  out["shared"] = !store.is_private;
  put_content(out, store.content);
  out["mark"] = store.mark ? json(sync::name_of(*store.mark)) : json(nullptr);
  out["reason"] = text_or_null(store.reason);
  out["next_action_seconds"] = seconds_until(store.next_action, now);
  out["announcers"] = store.announcers;
  out["bytes_verified"] = bytes_verified(store);
  return out;
}

json transfer_shape(const peer::TransferView& transfer) {
  json out{{"store", transfer.target.store.to_string()}, {"state", transfer.state}};
  put_content(out, transfer.target.content);
  out["reason"] = text_or_null(transfer.reason);
  out["bytes_total"] = transfer.bytes_total;
  out["bytes_verified"] = transfer.bytes_verified;
  out["bytes_by_rung"] = bytes_by_rung_shape(transfer.bytes_by_rung);
  out["bytes_duplicate"] = transfer.bytes_duplicate;
  out["bytes_per_second"] = transfer.bytes_per_second;
  out["seconds"] = transfer.seconds;
  out["peers"] = rows_of(transfer.peers, [](const identity::PeerId& peer) { return peer.to_string(); });
  return out;
}

json connection_shape(const io::ConnectionInfo& connection, Instant now) {
  const host::ConnectionView& view = connection.connection;
  json out{{"remote", view.remote.to_string()}, {"found", path::name_of(view.found)}, {"streams", view.streams}};
  out["transport"] = host::name_of(connection.transport);
  out["direction"] = view.direction == host::Direction::kInbound ? "inbound" : "outbound";
  out["agent"] = text_or_null(connection.agent);
  out["rtt_ms"] = milliseconds_or_null(connection.round_trip);
  out["seconds"] = std::chrono::duration<double>(now - view.since).count();
  return out;
}

json peer_shape(const peer::PeerView& peer, Instant now) {
  json out{{"peer_id", peer.peer.to_string()}, {"state", peer.state}, {"http", texts_of(peer.http)}};
  out["reason"] = text_or_null(peer.reason);
  out["found"] = json::array();
  for (const path::Found found : path::kAllFound) {
    if (peer.found.has(found)) out["found"].push_back(path::name_of(found));
  }
  out["tcp"] = texts_of(peer.tcp);
  out["connections"] = json::array();
  out["stores"] = peer.stores;
  out["serving"] = peer.serving;
  out["rungs"] = rows_of(peer.rungs, [now](const path::RungView& rung) { return rung_shape(rung, now); });
  return out;
}

json bootstrap_shape(const peer::BootstrapView& bootstrap, Instant now) {
  json out{{"url", bootstrap.url}, {"connected", bootstrap.connected}, {"registered", bootstrap.registered}};
  out["captive"] = bootstrap.captive;
  out["reason"] = text_or_null(bootstrap.reason);
  out["peer_id"] = bootstrap.peer ? json(bootstrap.peer->to_string()) : json(nullptr);
  out["observed"] = bootstrap.observed ? json(bootstrap.observed->to_string()) : json(nullptr);
  out["next_action_seconds"] = seconds_until(bootstrap.next_action, now);
  return out;
}

json candidate_shape(const peer::CandidateView& candidate, Instant now) {
  constexpr std::array<std::string_view, 3> kOrigins{"own", "mapped", "advertised"};
  json out{{"kind", name_of(candidate.service.kind)},
           {"endpoint", candidate.service.endpoint.to_string()},
           {"origin", kOrigins[static_cast<std::size_t>(candidate.origin)]},
           {"verdict", reach::name_of(candidate.verdict)},
           {"advice", reach::words_of(candidate.verdict)}};
  out["proved_seconds"] = seconds_until(candidate.proved_until, now);
  out["next_action_seconds"] = seconds_until(candidate.next_action, now);
  return out;
}

json bytes_by_rung_shape(const peer::BytesByRung& bytes) {
  json out = json::object();
  for (const path::Rung rung : path::kAllRungs) out[std::string(path::name_of(rung))] = bytes[path::index_of(rung)];
  return out;
}

json mappings_shape(const portmap::RouterView& router, Instant now) {
  json out{{"family", router.family == IpAddress::Family::kV4 ? "ipv4" : "ipv6"}};
  out["gateway"] = router.gateway ? json(router.gateway->to_string()) : json(nullptr);
  out["state"] = portmap::name_of(router.verdict);
  out["reason"] = router.reason;
  out["protocol"] = router.protocol ? json(portmap::name_of(*router.protocol)) : json(nullptr);
  out["external"] = router.external ? json(router.external->to_string()) : json(nullptr);
  out["group"] = router.is_group;
  out["ports"] = rows_of(router.mappings, [now](const portmap::Mapping& mapping) {
    return json{{"purpose", portmap::name_of(mapping.purpose)},
                {"transport", portmap::name_of(mapping.transport)},
                {"internal", mapping.internal.to_string()},
                {"external", mapping.external.to_string()},
                {"protocol", portmap::name_of(mapping.protocol)},
                {"in_group", mapping.in_group},
                {"lease_seconds", seconds_until(mapping.expires, now)}};
  });
  out["tried"] = rows_of(router.lanes, [](const portmap::LaneView& lane) {
    return json{
        {"protocol", portmap::name_of(lane.protocol)}, {"state", lane.state}, {"reason", text_or_null(lane.reason)}};
  });
  out["next_action_seconds"] = seconds_until(router.next_action, now);
  return out;
}

json status_shape(const StatusFacts& facts, Instant now) {
  const auto is_complete = [](const peer::StoreView& store) { return store.state == "complete"; };
  const auto is_unwanted = [](const peer::StoreView& store) { return store.state == "known"; };
  const auto complete = std::ranges::count_if(facts.stores, is_complete);
  const auto unwanted = std::ranges::count_if(facts.stores, is_unwanted);
  json out{{"peer_id", facts.peer_id.to_string()},
           {"listen", texts_of(facts.listen)},
           {"external", texts_of(facts.external)},
           {"bootstraps", bootstraps_of(facts.bootstraps, now)},
           {"bytes_by_rung", bytes_by_rung_shape(facts.bytes_by_rung)}};
  out["mappings"] =
      rows_of(facts.routers, [now](const portmap::RouterView& each) { return mappings_shape(each, now); });
  for (std::size_t i = 0; i < facts.roads.size(); ++i) {
    out["bootstraps"][i]["via"] = facts.roads[i] ? json(connect::name_of(*facts.roads[i])) : json(nullptr);
  }
  out["proxy"] = nullptr;
  if (facts.proxy) {
    out["proxy"] = {{"address", facts.proxy->address},
                    {"source", facts.proxy->source},
                    {"credentials", facts.proxy->credentials},
                    {"reason", text_or_null(facts.proxy->reason)},
                    {"next_action_seconds", seconds_until(facts.proxy->next_action, now)}};
  }
  out["reachability"] =
      rows_of(facts.reachability, [now](const peer::CandidateView& each) { return candidate_shape(each, now); });
  out["stores"] = {{"complete", complete},
                   {"missing", static_cast<std::int64_t>(facts.stores.size()) - complete - unwanted}};
  out["sync"] = sync::name_of(facts.sync);
  out["ignored_files"] = facts.ignored_files;
  out["uptime_seconds"] = facts.uptime_seconds;
  out["dht"] = {{"enabled", facts.dht.enabled},
                {"serves", facts.dht.serves},
                {"contacts", facts.dht.contacts},
                {"records", facts.dht.records},
                {"announced", facts.dht.announced}};
  return out;
}

std::optional<peer::StoreView> with_note(std::optional<peer::StoreView> store, const store::StoreId& id,
                                         const FileNotes& notes) {
  const auto note = notes.find(id);
  if (note == notes.end()) return store;
  if (!store) {
    store.emplace();
    store->store = id;
    store->state = note->second.state;
  }
  store->reason = note->second.text + (store->reason.empty() ? "" : "; " + store->reason);
  return store;
}

json ls_answer(std::vector<peer::StoreView> stores, const FileNotes& notes, Instant now) {
  FileNotes left = notes;
  for (peer::StoreView& store : stores) {
    const store::StoreId id = store.store;
    store = *with_note(std::move(store), id, notes);
    left.erase(id);
  }
  for (const auto& [id, note] : left) stores.push_back(*with_note(std::nullopt, id, notes));
  return {{"stores", rows_of(stores, [now](const peer::StoreView& store) { return store_shape(store, now); })}};
}

json transfers_answer(const std::vector<peer::TransferView>& transfers) {
  return {{"transfers", rows_of(transfers, transfer_shape)}};
}

json peers_answer(const std::vector<peer::PeerView>& peers, const std::vector<io::ConnectionInfo>& connections,
                  Instant now) {
  json rows = peers_of(peers, now);
  for (json& row : rows) {
    for (const io::ConnectionInfo& connection : connections) {
      if (row["peer_id"] != connection.connection.peer.to_string()) continue;
      row["connections"].push_back(connection_shape(connection, now));
    }
  }
  return {{"peers", std::move(rows)}};
}

json why_answer(const peer::StoreView& store, const std::vector<peer::PeerView>& peers,
                const std::vector<peer::BootstrapView>& bootstraps, Instant now) {
  json out = store_shape(store, now);
  out["history"] = store.history;
  out["peers"] = peers_of(peers, now);
  out["bootstraps"] = bootstraps_of(bootstraps, now);
  return out;
}

json get_line(const peer::StoreView& store, const peer::TransferView* transfer, Instant now) {
  json out = transfer != nullptr ? transfer_shape(*transfer) : json::object();
  const std::uint64_t verified = transfer != nullptr ? transfer->bytes_verified : bytes_verified(store);
  out.update(store_shape(store, now));  // of the two states and reasons, the store's own
  out["bytes_verified"] = verified;
  return out;
}

}  // namespace turnpike::node
