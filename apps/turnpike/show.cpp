#include "show.h"

#include "budget_text.h"
#include "text.h"

namespace turnpike::cli {
namespace {

using nlohmann::json;

bool has(const json& object, const char* key) { return object.contains(key) && !object[key].is_null(); }

std::string joined(const json& rows) {
  std::string out;
  for (const json& row : rows) {
    if (!row.is_string()) continue;
    if (!out.empty()) out += ", ";
    out += row.get<std::string>();
  }
  return out;
}

std::string size_at(const json& object, const char* key) {
  return has(object, key) ? format_bytes(count_at(object, key)) : "?";
}

// "quote: 1.0 GiB left of 1.1 GiB, 610.4 KiB/s, until 2026-11-30 18:20 UTC"
std::string quote_of(const json& quote) {
  const std::uint64_t rate = count_at(quote, "bytes_per_second");
  return "quote: " + format_bytes(count_at(quote, "bytes_left")) + " left of " +
         format_bytes(count_at(quote, "bytes")) + (rate == 0 ? "" : ", " + format_rate(static_cast<double>(rate))) +
         ", until " + format_date(WallTime{count_at(quote, "until_ms")});
}

// "timed out; next in 5 s"
std::string reason_of(const json& row) {
  std::string out = text_at(row, "reason");
  if (has(row, "quote") && row["quote"].is_object()) out += (out.empty() ? "" : "; ") + quote_of(row["quote"]);
  if (!has(row, "next_action_seconds")) return out;
  if (!out.empty()) out += "; ";
  return out + "next in " + format_duration(number_at(row, "next_action_seconds"));
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "?";
  return std::to_string(static_cast<unsigned>(100.0 * static_cast<double>(part) / static_cast<double>(whole))) + "%";
}

// "http 12.0 MiB, bootstrap-relay 3.0 MiB"; rungs that carried nothing are left out.
std::string rungs_of(const json& row) {
  std::string out;
  if (!has(row, "bytes_by_rung") || !row["bytes_by_rung"].is_object()) return out;
  for (const auto& [rung, bytes] : row["bytes_by_rung"].items()) {
    const std::uint64_t count = count_at(row["bytes_by_rung"], rung.c_str());
    if (count == 0) continue;
    if (!out.empty()) out += ", ";
    out += rung + " " + format_bytes(count);
  }
  return out;
}

std::string line(const std::string& name, const std::string& value) {
  constexpr std::size_t kWidth = 12;
  return name + std::string(name.size() < kWidth ? kWidth - name.size() : 1, ' ') + value + "\n";
}

std::string show_bootstraps(const json& answer) {
  std::string out;
  for (const json& row : rows_at(answer, "bootstraps")) {
    const bool connected = row.value("connected", false);
    std::string state = !connected ? "not connected" : row.value("registered", false) ? "registered" : "connected";
    if (row.value("captive", false)) state = "captive";
    if (text_at(row, "via") == "proxy") state += " through the proxy";
    const std::string reason = reason_of(row);
    out += line("bootstrap", text_at(row, "url") + "  " + state + (reason.empty() ? "" : ": " + reason));
  }
  return out;
}

std::string show_mappings(const json& answer) {
  std::string out;
  for (const json& row : rows_at(answer, "mappings")) {
    const std::string state = text_at(row, "state");
    const bool v6 = text_at(row, "family") == "ipv6";
    if (state == "off" || (v6 && state == "no-gateway")) continue;
    std::string ports;
    for (const json& port : rows_at(row, "ports")) {
      ports += (ports.empty() ? "" : ", ") + text_at(port, "external") + "/" + text_at(port, "transport");
    }
    const std::string by = text_at(row, "protocol");
    out += line(v6 ? "pinholes" : "port map",
                state + (by.empty() ? "" : " by " + by) + ": " + (ports.empty() ? text_at(row, "reason") : ports));
    if (!ports.empty() && state != "mapped") out += line("", text_at(row, "reason"));
  }
  return out;
}

std::string show_connections(const json& peers) {
  Table table({"CONNECTED PEER", "ADDRESS", "MADE BY", "RTT", "STREAMS", "AGENT"});
  bool any = false;
  for (const json& peer : peers) {
    for (const json& row : rows_at(peer, "connections")) {
      const std::string rtt = has(row, "rtt_ms") ? format_duration(number_at(row, "rtt_ms") / 1000) : "-";
      table.add({text_at(peer, "peer_id"), text_at(row, "remote"),
                 text_at(row, "direction") == "inbound" ? "the peer" : "us", rtt,
                 std::to_string(count_at(row, "streams")), text_at(row, "agent", "-")});
      any = true;
    }
  }
  return any ? "\n" + table.to_string() : "";
}

}  // namespace

std::string text_at(const json& object, const char* key, const std::string& otherwise) {
  return has(object, key) && object[key].is_string() ? object[key].get<std::string>() : otherwise;
}

double number_at(const json& object, const char* key) {
  return has(object, key) && object[key].is_number() ? object[key].get<double>() : 0;
}

std::uint64_t count_at(const json& object, const char* key) {
  if (!has(object, key) || !object[key].is_number_integer()) return 0;
  return object[key].is_number_unsigned() || object[key].get<std::int64_t>() >= 0 ? object[key].get<std::uint64_t>()
                                                                                  : 0;
}

const json& rows_at(const json& object, const char* key) {
  static const json kNone = json::array();
  return has(object, key) && object[key].is_array() ? object[key] : kNone;
}

std::string show_ls(const json& answer) {
  const json& rows = rows_at(answer, "stores");
  if (rows.empty()) return "no stores yet; add one with: turnpike add FILE\n";
  Table table({"STORE", "SIZE", "STATE", "MARK", "WHY"});
  for (const json& row : rows) {
    std::string state = text_at(row, "state", "?");
    if (state != "complete" && count_at(row, "bytes_verified") > 0) {
      state += " " + percent(count_at(row, "bytes_verified"), count_at(row, "size"));
    }
    table.add({text_at(row, "store"), size_at(row, "size"), state, text_at(row, "mark", "-"), reason_of(row)});
  }
  return table.to_string();
}

std::string show_transfers(const json& answer) {
  const json& rows = rows_at(answer, "transfers");
  if (rows.empty()) return "nothing was fetched since the node started\n";
  Table table({"STORE", "STATE", "DONE", "SIZE", "RATE", "TIME", "BY RUNG", "PEERS", "WHY"});
  for (const json& row : rows) {
    table.add({shorten(text_at(row, "store")), text_at(row, "state", "?"),
               percent(count_at(row, "bytes_verified"), count_at(row, "bytes_total")), size_at(row, "bytes_total"),
               format_rate(number_at(row, "bytes_per_second")), format_duration(number_at(row, "seconds")),
               rungs_of(row), std::to_string(rows_at(row, "peers").size()), text_at(row, "reason")});
  }
  return table.to_string();
}

std::string show_peers(const json& answer) {
  const json& rows = rows_at(answer, "peers");
  if (rows.empty()) return "no peers yet; see the bootstraps in: turnpike status\n";
  Table table({"PEER", "STATE", "FOUND", "STORES", "RUNG", "RUNG STATE", "RTT", "BYTES", "WHY"});
  for (const json& row : rows) {
    std::vector<std::string> head{text_at(row, "peer_id"), text_at(row, "state", "?"), joined(rows_at(row, "found")),
                                  std::to_string(count_at(row, "stores"))};
    if (rows_at(row, "rungs").empty()) {
      table.add({head[0], head[1], head[2], head[3], "-", "-", "-", "-", reason_of(row)});
    }
    for (const json& rung : rows_at(row, "rungs")) {
      const std::string rtt = has(rung, "rtt_ms") ? format_duration(number_at(rung, "rtt_ms") / 1000) : "-";
      table.add({head[0], head[1], head[2], head[3], text_at(rung, "rung"), text_at(rung, "state"), rtt,
                 size_at(rung, "bytes"), reason_of(rung)});
      head = {"", "", "", ""};
    }
  }
  return table.to_string() + show_connections(rows);
}

std::string show_status(const json& answer) {
  std::string out = line("peer id", text_at(answer, "peer_id"));
  out += line("up for", format_duration(number_at(answer, "uptime_seconds")));
  out += line("listens on", joined(rows_at(answer, "listen")));
  const std::string external = joined(rows_at(answer, "external"));
  out += line("registered", external.empty() ? "no address" : external);
  out += show_mappings(answer);
  for (const json& door : rows_at(answer, "reachability")) {
    const std::string verdict = text_at(door, "verdict");
    if (verdict == "local") continue;
    const std::string advice = verdict == "proved" ? "" : ": " + text_at(door, "advice");
    out += line("outside", text_at(door, "kind") + " " + text_at(door, "endpoint") + " " + verdict + advice);
  }
  const json stores = answer.value("stores", json::object());
  out += line("stores", std::to_string(count_at(stores, "complete")) + " complete, " +
                            std::to_string(count_at(stores, "missing")) + " missing; sync " +
                            text_at(answer, "sync", "?"));
  if (has(answer, "dht") && answer["dht"].is_object()) {
    const json& dht = answer["dht"];
    const std::string part =
        (has(dht, "serves") && dht["serves"] == true) ? "we answer others" : "we only ask: nobody can reach us";
    out += line("DHT", has(dht, "enabled") && dht["enabled"] == true
                           ? std::to_string(count_at(dht, "contacts")) + " peers known, " +
                                 std::to_string(count_at(dht, "announced")) + " stores told of; " + part
                           : "off");
  }
  const std::string rungs = rungs_of(answer);
  out += line("fetched", rungs.empty() ? "nothing since the start" : rungs);
  if (has(answer, "proxy")) {
    const json& proxy = answer["proxy"];
    const std::string reason = reason_of(proxy);
    out += line("proxy", text_at(proxy, "address") + " (" + text_at(proxy, "source") + ")" +
                             (reason.empty() ? "" : ": " + reason));
  }
  const std::string bootstraps = show_bootstraps(answer);
  return out + (bootstraps.empty() ? line("bootstrap", "none; name one with --bootstrap URL") : bootstraps);
}

std::string show_why(const json& answer) {
  std::string out = line("store", text_at(answer, "store"));
  const std::string reason = reason_of(answer);
  out += line("state", text_at(answer, "state", "?") + (reason.empty() ? "" : ": " + reason));
  if (has(answer, "size")) {
    out += line("content", size_at(answer, "size") + ", root " + text_at(answer, "root") + ", " +
                               text_at(answer, "mark", "unranked"));
  }
  out += line("announced", "by " + std::to_string(count_at(answer, "announcers")) + " peers");
  for (const json& event : rows_at(answer, "history")) {
    if (event.is_string()) out += line("then", event.get<std::string>());
  }
  out += show_bootstraps(answer);
  if (rows_at(answer, "peers").empty()) return out;
  return out + "\n" + show_peers(answer);
}

}  // namespace turnpike::cli
