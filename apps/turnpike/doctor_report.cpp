#include "doctor_report.h"

#include "show.h"

namespace turnpike::cli {
namespace {

using nlohmann::json;

std::string mark_of(doctor::State state) {
  switch (state) {
    case doctor::State::kGood:
      return "ok      ";
    case doctor::State::kNote:
      return "note    ";
    case doctor::State::kProblem:
      return "PROBLEM ";
    case doctor::State::kUnknown:
      break;
  }
  return "unknown ";
}

/// What a running node tells of its IPv4 router; null if it tells nothing.
const json& router_of(const NodeStatus& node) {
  static const json kNone;
  if (!node.status) return kNone;
  for (const json& row : rows_at(*node.status, "mappings")) {
    if (text_at(row, "family") == "ipv4") return row;
  }
  return kNone;
}

doctor::MappingFacts mapping_of(const io::Examined& found, const NodeStatus& node) {
  doctor::MappingFacts out = found.mapping.value_or(doctor::MappingFacts());
  const json& router = router_of(node);
  if (!router.is_null()) {
    out = doctor::mapping_of(text_at(router, "state"), text_at(router, "reason"), text_at(router, "protocol"));
    out.external = IpAddress::parse(text_at(router, "external"));
  }
  out.behind_nat = doctor::check_nat_mapping(found.udp).value != "none";
  return out;
}

doctor::NodeFacts node_of(const NodeStatus& node) {
  doctor::NodeFacts out{.runs = node.status.has_value(), .reason = node.reason, .stores = 0};
  if (node.status) out.stores = count_at(node.status->value("stores", json::object()), "complete");
  return out;
}

// Private addresses are for neighbours: they are neither proved nor missed.
std::vector<doctor::PortFacts> ports_of(const NodeStatus& node) {
  std::vector<doctor::PortFacts> out;
  if (!node.status) return out;
  for (const json& row : rows_at(*node.status, "reachability")) {
    const std::string verdict = text_at(row, "verdict");
    if (verdict == "local") continue;
    out.push_back({.service = text_at(row, "kind") + " " + text_at(row, "endpoint"),
                   .verdict = verdict + ": " + text_at(row, "advice"),
                   .proved = verdict == "proved"});
  }
  return out;
}

}  // namespace

std::vector<io::Url> bootstraps_of(const NodeStatus& node) {
  std::vector<io::Url> out;
  if (!node.status) return out;
  for (const json& row : rows_at(*node.status, "bootstraps")) {
    if (const auto url = io::Url::parse(text_at(row, "url"))) out.push_back(*url);
  }
  return out;
}

std::vector<doctor::Check> diagnose(const io::Examined& found, const NodeStatus& node) {
  std::vector<doctor::Check> out;
  out.push_back(doctor::check_captive(found.bootstraps));
  for (const auto& bootstrap : found.bootstraps) out.push_back(doctor::check_bootstrap(bootstrap));
  out.push_back(doctor::check_proxy(found.proxy, found.bootstraps));
  out.push_back(doctor::check_clock(found.bootstraps));
  out.push_back(doctor::check_udp(found.udp));
  out.push_back(doctor::check_nat_mapping(found.udp));
  out.push_back(doctor::check_nat_filtering(found.udp));
  doctor::LayerFacts layers = found.layers;
  layers.router_external = mapping_of(found, node).external;
  out.push_back(doctor::check_nat_layers(layers));
  out.push_back(doctor::check_hairpin(found.udp));
  out.push_back(doctor::check_mapping(mapping_of(found, node)));
  out.push_back(doctor::check_ports(ports_of(node), node.status.has_value()));
  out.push_back(doctor::check_ipv6(found.ipv6));
  out.push_back(doctor::check_mtu(found.mtu));
  out.push_back(doctor::check_node(node_of(node)));
  return out;
}

json report_json(const std::vector<doctor::Check>& checks) {
  json rows = json::array();
  for (const doctor::Check& check : checks) {
    rows.push_back({{"check", check.name},
                    {"state", doctor::name_of(check.state)},
                    {"value", check.value},
                    {"text", check.text},
                    {"advice", check.advice.empty() ? json(nullptr) : json(check.advice)}});
  }
  return {{"ok", !doctor::has_problem(checks)}, {"checks", std::move(rows)}};
}

std::string report_text(const std::vector<doctor::Check>& checks) {
  std::string out;
  for (const doctor::Check& check : checks) {
    out += mark_of(check.state) + check.name + ": " + check.text + "\n";
    if (!check.advice.empty()) out += "          -> " + check.advice + "\n";
  }
  return out;
}

}  // namespace turnpike::cli
