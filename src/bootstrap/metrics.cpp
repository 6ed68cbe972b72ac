#include "bootstrap/metrics.h"

#include <array>
#include <charconv>
#include <string_view>

namespace turnpike::bootstrap {
namespace {

// The exposition format 0.0.4: "# HELP", "# TYPE", then one line a sample.
class Page {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += "# HELP turnpike_" + name_ + " " + std::string(help) + "\n# TYPE turnpike_" + name_ + " " +
             std::string(type) + "\n";
  }
  template <class Number>
  void sample(Number value, std::string_view labels = {}) {
    text_ += "turnpike_" + name_;
    if (!labels.empty()) text_ += "{" + std::string(labels) + "}";
    text_ += " " + std::to_string(value) + "\n";
  }
  template <class Number>
  void gauge(std::string_view name, std::string_view help, Number value) {
    family(name, "gauge", help);
    sample(value);
  }
  void counter(std::string_view name, std::string_view help, std::uint64_t value) {
    family(name, "counter", help);
    sample(value);
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

constexpr std::array kAllModes{budget::Mode::kNormal, budget::Mode::kWarning, budget::Mode::kPremiumOnly,
                               budget::Mode::kFinishQuotes, budget::Mode::kSpent};

double dollars_of(budget::MicroUsd amount) { return static_cast<double>(amount.value) / 1e6; }

void add_budget(Page& page, const budget::Figures& figures) {
  page.gauge("budget_usd", "The month's budget.", dollars_of(figures.budget));
  page.gauge("budget_spent_usd", "Spent this month, with the fixed cost.", dollars_of(figures.spent));
  page.gauge("budget_projected_usd", "At the month's end, at this rate.", dollars_of(figures.projected));
  page.family("budget_mode", "gauge", "1 for the mode that holds.");
  for (const budget::Mode mode : kAllModes) {
    page.sample(mode == figures.mode ? 1 : 0, "mode=\"" + std::string(name_of(mode)) + "\"");
  }
  page.family("budget_month_bytes", "gauge", "Relayed this month, and forfeited by crashes.");
  page.sample(figures.flowed.in, "direction=\"in\"");
  page.sample(figures.flowed.out, "direction=\"out\"");
  page.gauge("budget_promised_bytes", "Promised to running sessions and not used yet.", figures.promised.out);
  page.gauge("budget_left_bytes", "Neither used nor promised.", figures.room);
  page.family("budget_sessions", "gauge", "Sessions and transfers that are charged, by tier.");
  for (const budget::Tier tier : budget::kAllTiers) {
    page.sample(figures.sessions[static_cast<std::size_t>(tier)], "tier=\"" + std::string(name_of(tier)) + "\"");
  }
  page.gauge("budget_grants", "Peers with a tier of their own.", figures.grants);
  page.counter("budget_quotes_total", "Quotes given since the start.", figures.granted);
  page.counter("budget_refused_total", "Wishes refused since the start.", figures.refused);
  page.gauge("ledger_ok", "1 while the ledger can be written.", figures.is_writing ? 1 : 0);
}

void add_registry(Page& page, const rendezvous::Stats& stats) {
  page.gauge("control_connections", "Control WebSockets.", stats.connections);
  page.gauge("control_authenticated", "Of them, those that proved who they are.", stats.authenticated);
  page.gauge("registered_peers", "Peers with a signed registration.", stats.peers);
  page.gauge("registered_stores", "Distinct store ids.", stats.stores);
  page.gauge("registered_contents", "Distinct contents.", stats.contents);
  page.gauge("registered_entries", "Pairs of peer and content.", stats.entries);
  page.counter("registrations_total", "Registrations taken.", stats.registrations);
  page.counter("registrations_refused_total", "Registrations refused.", stats.registrations_refused);
  page.counter("lookups_total", "Ids looked up.", stats.lookups);
  page.counter("signals_total", "Signals passed on.", stats.signals);
  page.counter("requests_refused_total", "Requests beyond a rate.", stats.requests_refused);
  page.counter("proofs_asked_total", "Proofs of reachability asked for.", stats.proofs.asks);
  page.counter("proofs_proved_total", "Proofs that succeeded.", stats.proofs.proved);
}

void add_relay(Page& page, const rendezvous::Stats& stats) {
  page.gauge("relay_sessions", "Relay sessions over WebSockets.", stats.relay_sessions);
  page.counter("relay_sessions_opened_total", "Sessions granted.", stats.relay.sessions_opened);
  page.counter("relay_sessions_joined_total", "Sessions that both ends joined.", stats.relay.sessions_joined);
  page.counter("relay_refused_total", "Wishes for a session refused.", stats.relay.refused);
  page.counter("relay_bytes_total", "Bytes relayed over WebSockets, both directions.", stats.relay.bytes);
}

}  // namespace

std::string metrics_text(const MetricsInput& input) {
  Page page;
  page.family("build_info", "gauge", "The version, as a label.");
  page.sample(1, "version=\"" + input.version + "\"");
  page.gauge("uptime_seconds", "Since the start.", input.uptime_seconds);
  add_registry(page, input.stats);
  page.gauge("old_nodes", "Peers registered by the unsigned endpoints.", input.old_nodes);
  add_relay(page, input.stats);
  if (input.turn) {
    page.gauge("turn_allocations", "TURN allocations.", input.turn_allocations);
    page.counter("turn_allocations_total", "TURN allocations made.", input.turn->allocations);
    page.counter("turn_bytes_total", "Bytes relayed by TURN.", input.turn->bytes);
    page.counter("turn_refused_total", "TURN requests refused.", input.turn->refused);
  }
  if (input.budget) add_budget(page, *input.budget);
  return page.take();
}

}  // namespace turnpike::bootstrap
