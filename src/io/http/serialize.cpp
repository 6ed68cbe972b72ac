#include "io/http/serialize.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace turnpike::io::http {
namespace {

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  for (const char c : value) out += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? ' ' : c;
  out += "\r\n";
}

void append_fields(std::string& out, const Headers& headers) {
  for (const auto& [name, value] : headers.fields()) append_field(out, name, value);
}

}  // namespace

std::string http_date(WallTime time) {
  constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds = static_cast<std::time_t>(time.unix_ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %d %02d:%02d:%02d GMT",
                kDays.at(static_cast<std::size_t>(parts.tm_wday)), parts.tm_mday,
                kMonths.at(static_cast<std::size_t>(parts.tm_mon)), parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
                parts.tm_sec);
  return text.data();
}

std::string serialize(const Response& response, const ResponseFrame& frame) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += reason_of(response.status);
  out += "\r\n";
  append_fields(out, response.headers);
  if (!frame.date.empty()) append_field(out, "Date", frame.date);
  if (frame.content_length) append_field(out, "Content-Length", std::to_string(*frame.content_length));
  if (!frame.keep_alive) append_field(out, "Connection", "close");
  out += "\r\n";
  return out;
}

std::string serialize_request(Method method, std::string_view target, std::string_view host, const Headers& headers,
                              std::optional<std::uint64_t> content_length) {
  std::string out(to_string(method));
  out += ' ';
  out += target;
  out += " HTTP/1.1\r\n";
  append_field(out, "Host", host);
  append_fields(out, headers);
  if (content_length) append_field(out, "Content-Length", std::to_string(*content_length));
  out += "\r\n";
  return out;
}

}  // namespace turnpike::io::http
