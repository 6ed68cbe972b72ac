#include "core/budget/row.h"

#include "crypto/hash.h"

namespace turnpike::budget {

std::string_view name_of(RowKind kind) {
  switch (kind) {
    case RowKind::kMonth:
      return "month";
    case RowKind::kReserve:
      return "reserve";
    case RowKind::kSettle:
      return "settle";
    case RowKind::kForfeit:
      return "forfeit";
    case RowKind::kGrant:
      return "grant";
    case RowKind::kRevoke:
      return "revoke";
  }
  return "";
}

Bytes encode(const Row& row) {
  Bytes out;
  out.reserve(kRowSize);
  ByteWriter writer(out);
  writer.u64(row.number);
  writer.u8(static_cast<std::uint8_t>(row.kind));
  writer.u32(row.month.number);
  writer.u64(row.at.unix_ms);
  writer.u64(row.account);
  writer.u64(row.traffic.in);
  writer.u64(row.traffic.out);
  out.insert(out.end(), row.party.begin(), row.party.end());
  writer.u8(static_cast<std::uint8_t>(row.tier));
  writer.u64(row.until_ms);
  return out;
}

std::optional<Row> decode_row(ByteView bytes) {
  ByteReader in(bytes);
  Row row;
  row.number = in.u64();
  const std::uint8_t kind = in.u8();
  row.month.number = in.u32();
  row.at.unix_ms = in.u64();
  row.account = in.u64();
  row.traffic.in = in.u64();
  row.traffic.out = in.u64();
  row.party = in.array<std::tuple_size_v<Party>>();
  const std::uint8_t tier = in.u8();
  row.until_ms = in.u64();
  if (in.failed() || in.remaining() > 0) return std::nullopt;
  if (kind < static_cast<std::uint8_t>(RowKind::kMonth) || kind > static_cast<std::uint8_t>(RowKind::kRevoke)) {
    return std::nullopt;
  }
  if (tier >= kAllTiers.size()) return std::nullopt;
  row.kind = static_cast<RowKind>(kind);
  row.tier = static_cast<Tier>(tier);
  return row;
}

Digest chained(const Digest& before, const Row& row) { return crypto::sha256({before, encode(row)}); }

}  // namespace turnpike::budget
