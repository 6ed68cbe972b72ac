#include "bootstrap_commands.h"

#include <deque>
#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "budget_text.h"
#include "exit_code.h"
#include "io/ledger/ledger.h"
#include "node_client.h"
#include "text.h"

namespace turnpike::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kRowsShown = 20;

// A peer id, an address, or nothing where the row is about nobody.
std::string party_of(const budget::Row& row) {
  const budget::Party& party = row.party;
  if (party == budget::Party{}) return "";
  if (party[0] == 4) return IpAddress::v4(party[1], party[2], party[3], party[4]).to_string();
  if (party[0] == 6) {
    IpAddress network{IpAddress::Family::kV6, {}};
    std::copy_n(party.begin() + 1, 8, network.octets.begin());
    return network.to_string() + "/64";
  }
  identity::PeerId peer;
  std::copy(party.begin() + 1, party.end(), peer.public_key.begin());
  return peer.to_string();
}

json row_shape(const budget::Row& row) {
  json out{
      {"number", row.number}, {"kind", name_of(row.kind)}, {"month", row.month.to_string()}, {"at_ms", row.at.unix_ms}};
  const bool has_bytes = row.account != 0;
  out["account"] = has_bytes ? json(row.account) : json(nullptr);
  out["bytes_in"] = has_bytes ? json(row.traffic.in) : json(nullptr);
  out["bytes_out"] = has_bytes ? json(row.traffic.out) : json(nullptr);
  const std::string party = party_of(row);
  out["party"] = party.empty() ? json(nullptr) : json(party);
  if (row.kind == budget::RowKind::kGrant) {
    out["tier"] = name_of(row.tier);
    out["until_ms"] = row.until_ms == 0 ? json(nullptr) : json(row.until_ms);
  }
  return out;
}

int show_ledger(Console& console, const Invocation& invocation, const BootstrapOrder& order) {
  const std::filesystem::path file = invocation.data / ".turnpike" / "ledger.db";
  if (!std::filesystem::exists(file)) {
    return complain(console, "there is no ledger in " + invocation.data.string() + ": no bootstrap has run there yet",
                    kNotFound);
  }
  std::deque<budget::Row> rows;
  const auto books = io::read_ledger(file, [&](const budget::Row& row) {
    rows.push_back(row);
    if (!order.all && !invocation.json && rows.size() > kRowsShown) rows.pop_front();
    return true;
  });
  if (!books) return complain(console, books.error().text, books.error().row == 0 ? kFailed : kDataInvalid);
  if (invocation.json) {
    json out{{"ok", true}, {"rows", json::array()}, {"month", books->month().to_string()}};
    for (const budget::Row& row : rows) out["rows"].push_back(row_shape(row));
    out["bytes_in"] = books->spent().in;
    out["bytes_out"] = books->spent().out;
    print_json(console, out);
    return kDone;
  }
  Table table({"ROW", "WHEN", "KIND", "ACCOUNT", "IN", "OUT", "WHO"});
  for (const budget::Row& row : rows) {
    const bool has_bytes = row.account != 0;
    std::string who = shorten(party_of(row));
    if (row.kind == budget::RowKind::kGrant) who += " " + std::string(name_of(row.tier));
    table.add({std::to_string(row.number), format_date(row.at), std::string(name_of(row.kind)),
               has_bytes ? std::to_string(row.account) : "", has_bytes ? format_bytes(row.traffic.in) : "",
               has_bytes ? format_bytes(row.traffic.out) : "", who});
  }
  console.out << table.to_string() << books->rows() << " rows, all as they were written; " << books->month().to_string()
              << " has settled " << format_bytes(books->spent().out) << " out\n";
  return kDone;
}

}  // namespace

std::string show_budget(const json& answer) {
  const auto bytes = [&](const char* key) { return format_bytes(answer.value(key, std::uint64_t{0})); };
  const auto usd = [&](const char* key) { return format_usd(answer.value(key, 0.0)); };
  const auto percent = [&](const char* key) {
    return std::to_string(static_cast<int>(answer.value(key, 0.0) * 100)) + " %";
  };
  Table table({"MONTH", answer.value("month", std::string())});
  table.add({"mode", answer.value("mode", std::string())});
  table.add({"spent", usd("spent_usd") + " of " + usd("budget_usd") + " (" + percent("spent_share") + ")"});
  table.add({"projected", usd("projected_usd") + " (" + percent("projected_share") + ")"});
  table.add({"relayed", bytes("bytes_out")});
  table.add({"promised", bytes("bytes_promised") + " to running sessions"});
  table.add({"left", bytes("bytes_left")});
  std::string sessions;
  const json by_tier = answer.value("sessions", json::object());
  for (const auto& [tier, count] : by_tier.items()) {
    if (!sessions.empty()) sessions += ", ";
    sessions += std::to_string(count.get<std::uint64_t>()) + " " + tier;
  }
  table.add({"sessions", sessions});
  table.add({"resets", format_date(WallTime{answer.value("resets_ms", std::uint64_t{0})})});
  std::string out = table.to_string();
  const json grants = answer.value("grants", json::array());
  for (const json& grant : grants) {
    out += grant.value("tier", std::string()) + "  " + grant.value("peer", std::string());
    if (grant.contains("until_ms") && grant["until_ms"].is_number()) {
      out += "  until " + format_date(WallTime{grant["until_ms"].get<std::uint64_t>()});
    }
    out += "\n";
  }
  if (answer.contains("ledger_error") && answer["ledger_error"].is_string()) {
    out += "nothing is relayed: " + answer["ledger_error"].get<std::string>() + "\n";
  } else if (!answer.value("is_writing", true)) {
    out += "nothing new is relayed: the ledger cannot be written\n";
  }
  return out;
}

int run_bootstrap(Console& console, const Invocation& invocation, const BootstrapOrder& order) {
  if (order.command == "ledger") return show_ledger(console, invocation, order);
  json request{{"command", order.command}};
  if (order.command != "budget") request["peer"] = order.peer.to_string();
  if (order.command == "grant") {
    request["tier"] = name_of(order.grant.tier);
    if (order.grant.until) request["until_ms"] = order.grant.until->unix_ms;
  }
  const auto answer = ask_node(invocation.data, request);
  if (!answer) {
    const bool is_absent = answer.error().code == kNotRunning;
    return complain(console,
                    is_absent ? "no bootstrap runs on " + invocation.data.string() + ": start it, or name its --data"
                              : answer.error().text,
                    answer.error().code);
  }
  if (order.command == "budget") {
    if (invocation.json) {
      print_json(console, *answer);
    } else {
      console.out << show_budget(*answer);
    }
    return kDone;
  }
  request.erase("command");
  if (invocation.json) {
    print_json(console, request);
  } else if (order.command == "grant") {
    console.out << order.peer.to_string() << " is " << name_of(order.grant.tier)
                << (order.grant.until ? " until " + format_date(*order.grant.until) : std::string()) << "\n";
  } else {
    console.out << order.peer.to_string() << " has no tier of its own any more\n";
  }
  return kDone;
}

}  // namespace turnpike::cli
