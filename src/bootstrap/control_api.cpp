#include "bootstrap/control_api.h"

#include <nlohmann/json.hpp>

#include "io/loop/convert.h"

namespace turnpike::bootstrap {
namespace {

using nlohmann::json;

// Exit codes of docs/commands.md.
constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kNotFound = 4;

double in_dollars(budget::MicroUsd amount) { return static_cast<double>(amount.value) / 1e6; }
double share(budget::Ratio ratio) { return static_cast<double>(ratio) / budget::kWhole; }

identity::PeerId peer_of(const budget::Party& party) {
  identity::PeerId out;
  std::copy(party.begin() + 1, party.end(), out.public_key.begin());
  return out;
}

}  // namespace

json budget_shape(const budget::Figures& figures) {
  json sessions;
  for (const budget::Tier tier : budget::kAllTiers) {
    sessions[std::string(name_of(tier))] = figures.sessions[static_cast<std::size_t>(tier)];
  }
  return {{"month", figures.month.to_string()},
          {"resets_ms", figures.resets.unix_ms},
          {"mode", name_of(figures.mode)},
          {"budget_usd", in_dollars(figures.budget)},
          {"spent_usd", in_dollars(figures.spent)},
          {"projected_usd", in_dollars(figures.projected)},
          {"spent_share", share(figures.spent_ratio)},
          {"projected_share", share(figures.projected_ratio)},
          {"bytes_in", figures.flowed.in},
          {"bytes_out", figures.flowed.out},
          {"bytes_promised", figures.promised.out},
          {"bytes_left", figures.room},
          {"sessions", std::move(sessions)},
          {"granted", figures.granted},
          {"refused", figures.refused},
          {"is_writing", figures.is_writing}};
}

ControlApi::Outcome ControlApi::show() {
  const budget::Figures figures = treasury_.budget().figures(io::both_now());
  treasury_.pump();
  Outcome out{.body = budget_shape(figures)};
  out.body["ledger_error"] = treasury_.damage() ? json(treasury_.damage()->text) : json(nullptr);
  json grants = json::array();
  for (const auto& [party, grant] : treasury_.budget().grants()) {
    grants.push_back({{"peer", peer_of(party).to_string()},
                      {"tier", name_of(grant.tier)},
                      {"until_ms", grant.until ? json(grant.until->unix_ms) : json(nullptr)}});
  }
  out.body["grants"] = std::move(grants);
  return out;
}

ControlApi::Outcome ControlApi::change(const json& request, bool is_grant) {
  const auto peer = identity::PeerId::parse(request.value("peer", std::string()));
  if (!peer) return {.refusal = "a peer id, 12D3KooW…, is needed", .code = kUsage};
  const Now now = io::both_now();
  budget::Budget& budget = treasury_.budget();
  if (!is_grant) {
    const bool had = budget.revoke(now, *peer);
    treasury_.pump();
    if (!had) return {.refusal = peer->to_string() + " has no grant", .code = kNotFound};
    return {};
  }
  const auto tier = budget::parse_tier(request.value("tier", std::string()));
  if (!tier) return {.refusal = "a tier is premium, standard, basic or free", .code = kUsage};
  budget::TierGrant grant{.tier = *tier};
  if (request.contains("until_ms")) grant.until = WallTime{request["until_ms"].get<std::uint64_t>()};
  const bool done = budget.grant(now, *peer, grant);
  treasury_.pump();
  if (!done) return {.refusal = "it cannot be granted: the ledger is out of order, or holds too many", .code = kFailed};
  return {};
}

asio::awaitable<void> ControlApi::answer(json request, io::Reply& reply) {
  const std::string command = request.value("command", std::string());
  Outcome outcome;
  if (command == "budget") {
    outcome = show();
  } else if (command == "grant" || command == "revoke") {
    outcome = change(request, command == "grant");
    co_await treasury_.flush();  // done is what is on disk
    const bool written = treasury_.budget().figures(io::both_now()).is_writing;
    if (outcome.refusal.empty() && !written) {
      outcome.refusal = "the ledger cannot be written; look at the bootstrap's log";
      outcome.code = kFailed;
    }
  } else {
    outcome.refusal = "a bootstrap knows no command \"" + command + "\", only budget, grant, revoke";
    outcome.code = kUsage;
  }
  if (outcome.refusal.empty()) {
    (void)co_await reply.done(std::move(outcome.body));
  } else {
    (void)co_await reply.refuse(outcome.refusal, outcome.code);
  }
}

}  // namespace turnpike::bootstrap
