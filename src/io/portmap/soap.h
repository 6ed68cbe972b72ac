// A UPnP action as SOAP: the request's body, and the values in the answer's. No network.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace turnpike::io {

/// An answer to one of our actions is well below this.
constexpr std::size_t kMaxSoapAnswer = std::size_t{32} << 10U;

using SoapArguments = std::vector<std::pair<std::string_view, std::string>>;

/// `arguments` in the order the service wants them. Their values must need no escaping: numbers, addresses, plain
/// words.
[[nodiscard]] std::string soap_body(std::string_view service, std::string_view action, const SoapArguments& arguments);

struct SoapAnswer {
  std::map<std::string, std::string> values;  ///< By element, without its namespace. Of a few dozen bytes each.
  [[nodiscard]] std::string value(const std::string& name) const;
  /// UPnP's errorCode, where the answer is a fault.
  [[nodiscard]] std::optional<int> error() const;
};
[[nodiscard]] SoapAnswer parse_soap(ByteView body);

}  // namespace turnpike::io
