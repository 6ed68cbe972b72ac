#include "base/base58.h"

namespace turnpike {
namespace {

constexpr std::string_view kAlphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

// number = number * from + digit, with `number` in base `to`, least significant digit first.
void push_digit(Bytes& number, unsigned digit, unsigned from, unsigned to) {
  for (std::uint8_t& place : number) {
    digit += place * from;
    place = static_cast<std::uint8_t>(digit % to);
    digit /= to;
  }
  for (; digit > 0; digit /= to) number.push_back(static_cast<std::uint8_t>(digit % to));
}

}  // namespace

std::string to_base58(ByteView bytes) {
  Bytes digits;
  std::size_t zeros = 0;
  while (zeros < bytes.size() && bytes[zeros] == 0) ++zeros;
  for (const std::uint8_t byte : bytes.subspan(zeros)) push_digit(digits, byte, 256, 58);
  std::string out(zeros, kAlphabet.front());
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) out += kAlphabet[*digit];
  return out;
}

std::optional<Bytes> from_base58(std::string_view text) {
  if (text.size() > kMaxBase58Bytes * 7 / 5) return std::nullopt;
  Bytes number;
  std::size_t zeros = 0;
  while (zeros < text.size() && text[zeros] == kAlphabet.front()) ++zeros;
  for (const char c : text.substr(zeros)) {
    const std::size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    push_digit(number, static_cast<unsigned>(digit), 58, 256);
  }
  Bytes out(zeros, 0);
  out.insert(out.end(), number.rbegin(), number.rend());
  if (out.size() > kMaxBase58Bytes) return std::nullopt;
  return out;
}

}  // namespace turnpike
