#include "core/portmap/pcp.h"

#include <gtest/gtest.h>

#include "base/hex.h"

namespace turnpike::portmap::pcp {
namespace {

const IpAddress kV6{IpAddress::Family::kV6, {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};

Map some_map(const IpAddress& external) {
  return {.nonce = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
          .transport = Transport::kTcp,
          .internal_port = 5001,
          .external = {external, 5001}};
}

TEST(PcpRequest, IsWrittenAsTheRfcDrawsIt) {
  const Bytes bytes =
      make_request({.lifetime = 7200, .client = IpAddress::v4(192, 168, 1, 2), .body = some_map(IpAddress{})});
  EXPECT_EQ(to_hex(bytes),
            "0201000000001c20"
            "00000000000000000000ffffc0a80102"
            "0102030405060708090a0b0c06000000"
            "13891389"
            "00000000000000000000ffff00000000");
}

TEST(PcpResponse, ReadsWhatMiniupnpdSends) {
  Bytes bytes{2, 0x81, 0, 0, 0, 0, 0, 120, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const Bytes map{0xb7, 0xe5, 0x62, 0x2f, 0xd7, 7, 0xfc, 0x63, 0x15, 0xc9, 0x65, 0xc1, 6,    0,    0,  0, 0x13, 0x89,
                  0x13, 0x8a, 0,    0,    0,    0, 0,    0,    0,    0,    0,    0,    0xff, 0xff, 25, 0, 1,    1};
  bytes.insert(bytes.end(), map.begin(), map.end());
  const auto response = parse_response(bytes);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->lifetime, 120U);
  EXPECT_EQ(response->epoch, 4U);
  EXPECT_EQ(std::get<Map>(response->body).external, (Endpoint{IpAddress::v4(25, 0, 1, 1), 5002}));
}

TEST(PcpResponse, ComesBackAsItWasWritten) {
  for (const Body& body : {Body{Announce{}}, Body{some_map(IpAddress::v4(203, 0, 113, 7))}, Body{some_map(kV6)}}) {
    const Response response{.code = Code::kNoResources, .lifetime = 30, .epoch = 0xffffffffU, .body = body};
    const auto read = parse_response(make_response(response));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, response);
  }
}

TEST(PcpRequest, ComesBackAsItWasWritten) {
  for (const IpAddress& client : {IpAddress::v4(192, 168, 1, 2), kV6}) {
    const Request request{.lifetime = 0, .client = client, .body = some_map(client)};
    const auto read = parse_request(make_request(request));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, request);
  }
}

TEST(PcpResponse, RefusesEveryTruncation) {
  const Bytes whole = make_response({.code = Code::kSuccess, .lifetime = 1, .epoch = 1, .body = some_map(kV6)});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_response(ByteView(whole).first(size))) << "at " << size << " bytes";
  }
}

TEST(PcpResponse, SkipsOptionsAndRefusesThoseThatDoNotFit) {
  Bytes bytes = make_response({.code = Code::kSuccess, .lifetime = 1, .epoch = 1, .body = some_map(kV6)});
  bytes.insert(bytes.end(), {200, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0});
  EXPECT_TRUE(parse_response(bytes));
  bytes[bytes.size() - 9] = 9;  // the option claims one byte more than its padding covers
  EXPECT_EQ(parse_response(bytes).error(), ParseError::kBadLength);
}

TEST(PcpResponse, RefusesMoreThanTheLargestMessage) {
  Bytes bytes = make_response({.code = Code::kSuccess, .lifetime = 1, .epoch = 1, .body = Announce{}});
  bytes.insert(bytes.end(), {200, 0, static_cast<std::uint8_t>((kMaxMessage - 28) >> 8U),
                             static_cast<std::uint8_t>((kMaxMessage - 28) & 0xffU)});
  bytes.resize(kMaxMessage);
  EXPECT_TRUE(parse_response(bytes));
  bytes.resize(kMaxMessage + 4);
  EXPECT_EQ(parse_response(bytes).error(), ParseError::kTooLong);
}

TEST(PcpResponse, TellsAnotherVersionFromNonsense) {
  EXPECT_EQ(parse_response(Bytes{0, 128, 0, 1, 0, 0, 0, 1}).error(), ParseError::kOtherVersion);
  EXPECT_EQ(parse_response(Bytes{2, 1, 0, 0}).error(), ParseError::kNotAResponse);
  Bytes odd = make_response({.code = Code::kSuccess, .lifetime = 1, .epoch = 1, .body = Announce{}});
  odd.push_back(0);
  EXPECT_EQ(parse_response(odd).error(), ParseError::kBadLength);
  odd.pop_back();
  odd[1] = 0x82;  // PEER, which we never ask for
  EXPECT_EQ(parse_response(odd).error(), ParseError::kUnknown);
}

}  // namespace
}  // namespace turnpike::portmap::pcp
