#include "io/portmap/soap.h"

#include <miniupnpc/upnpreplyparse.h>

#include <charconv>

namespace turnpike::io {

std::string soap_body(std::string_view service, std::string_view action, const SoapArguments& arguments) {
  std::string out = R"(<?xml version="1.0"?>)"
                    "\r\n"
                    R"(<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" )"
                    R"(s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>)";
  out += "<u:" + std::string(action) + " xmlns:u=\"" + std::string(service) + "\">";
  for (const auto& [name, value] : arguments) {
    out += "<" + std::string(name) + ">" + value + "</" + std::string(name) + ">";
  }
  return out + "</u:" + std::string(action) + "></s:Body></s:Envelope>\r\n";
}

std::string SoapAnswer::value(const std::string& name) const {
  const auto found = values.find(name);
  return found == values.end() ? std::string() : found->second;
}

std::optional<int> SoapAnswer::error() const {
  const auto found = values.find("errorCode");
  if (found == values.end()) return std::nullopt;
  int code = 0;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  return error == std::errc{} && end == text.data() + text.size() && code > 0 ? code : -1;
}

SoapAnswer parse_soap(ByteView body) {
  NameValueParserData data{};
  ParseNameValue(reinterpret_cast<const char*>(body.data()), static_cast<int>(body.size()), &data);
  SoapAnswer out;
  for (const NameValue* each = data.l_head; each != nullptr; each = each->l_next)
    out.values.emplace(each->name, each->value);
  ClearNameValueList(&data);
  return out;
}

}  // namespace turnpike::io
