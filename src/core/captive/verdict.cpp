#include "core/captive/verdict.h"

#include <algorithm>

namespace turnpike::captive {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

// The host of an absolute URL; empty for a relative one, which stays where it is.
std::string host_of(std::string_view location) {
  const std::size_t start = location.find("://");
  const bool is_absolute = start != std::string_view::npos && location.find_first_of("/?#") > start;
  if (!is_absolute && !location.starts_with("//")) return {};
  location.remove_prefix(is_absolute ? start + 3 : 2);
  std::string_view authority = location.substr(0, location.find_first_of("/?#"));
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  if (authority.starts_with('[')) return lowered(authority.substr(1, authority.find(']') - 1));
  return lowered(authority.substr(0, authority.find(':')));
}

bool leads_elsewhere(const WebAnswer& answer, const std::string& host) {
  if (answer.status < 300 || answer.status >= 400) return false;
  const std::string there = host_of(answer.location);
  return !there.empty() && there != lowered(host);
}

std::string printable(std::string_view text) {
  constexpr std::size_t kMaxShown = 100;
  std::string out(text.substr(0, kMaxShown));
  std::ranges::replace_if(out, [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

Verdict captive(const Facts& facts, const WebAnswer& sign) {
  std::string what = "it answers in the place of " + facts.host;
  if (leads_elsewhere(sign, facts.host)) what = "it sends " + facts.host + " to " + printable(sign.location);
  if (sign.is_network) what = "it says so itself (HTTP 511)";
  return {Finding::kCaptive, "this network has a captive portal: " + what +
                                 "; open any page in a browser and log in, everything goes on by itself then"};
}

// The answer that gives the network away, if one does.
const WebAnswer* portal_sign(const Facts& facts) {
  const auto is_sign = [&](const WebAnswer& answer) {
    return answer.is_network || leads_elsewhere(answer, facts.host);
  };
  if (facts.at_port && (is_sign(*facts.at_port) || facts.at_port->is_html)) return &*facts.at_port;
  // A page at port 80 may well be the host's own: only what no host says of itself counts there.
  if (facts.at_80 && !facts.at_port && is_sign(*facts.at_80)) return &*facts.at_80;
  return nullptr;
}

}  // namespace

WebAnswer read_answer(unsigned status, std::string_view location, std::string_view type, ByteView body) {
  WebAnswer out{.status = status, .location = std::string(location)};
  out.is_network = status == 511;
  const std::string_view text = text_of(body);
  const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n\xef\xbb\xbf"), text.size());
  out.is_html = lowered(type).starts_with("text/html") || text.substr(begin).starts_with('<');
  out.is_ours = status == 200 && text.find("\"turnpike bootstrap\"") != std::string_view::npos &&
                text.find("\"peer_id\"") != std::string_view::npos && !out.is_html;
  return out;
}

Verdict judge(const Facts& facts) {
  const bool ours = facts.at_port && facts.at_port->is_ours;
  const bool proved = facts.tls == Tls::kTrusted;
  if (ours && facts.tls != Tls::kUntrusted) return {Finding::kOurs, {}};
  if (ours) {
    return {Finding::kWrongKey, "TLS failed: a Turnpike bootstrap answers there, but its key (pin " + facts.seen_pin +
                                    ") is not the expected one: compare --bootstrap-pin with the pin that it prints"};
  }
  const WebAnswer* const sign = portal_sign(facts);
  if (sign != nullptr && !proved && !facts.another_works) return captive(facts, *sign);
  if (facts.tls == Tls::kUntrusted) {
    return {Finding::kStranger, "TLS failed: what answers there shows another key (pin " + facts.seen_pin +
                                    ") and does not answer as a Turnpike bootstrap: check --bootstrap and its pin"};
  }
  if (facts.at_port) {
    return {Finding::kStranger, "what answers there (HTTP " + std::to_string(facts.at_port->status) +
                                    ") is no Turnpike bootstrap: check --bootstrap"};
  }
  if (facts.reached) {
    return {Finding::kStranger, "something answers there, but not as a Turnpike bootstrap: check --bootstrap"};
  }
  return {Finding::kUnreachable, {}};
}

}  // namespace turnpike::captive
