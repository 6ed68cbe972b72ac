#include "core/portmap/nat_pmp.h"

#include <gtest/gtest.h>

namespace turnpike::portmap::nat_pmp {
namespace {

TEST(NatPmpRequest, IsWrittenAsTheRfcDrawsIt) {
  EXPECT_EQ(make_request(AddressRequest{}), (Bytes{0, 0}));
  const MapRequest map{Transport::kTcp, 0x1389, 0x0fa1, 7200};
  EXPECT_EQ(make_request(map), (Bytes{0, 2, 0, 0, 0x13, 0x89, 0x0f, 0xa1, 0, 0, 0x1c, 0x20}));
  EXPECT_EQ(make_request(MapRequest{.transport = Transport::kUdp})[1], 1);
}

TEST(NatPmpResponse, ReadsWhatMiniupnpdSends) {
  const auto address = parse_response(Bytes{0, 128, 0, 0, 0, 0, 0, 3, 25, 0, 1, 1});
  ASSERT_TRUE(address);
  EXPECT_EQ(address->epoch, 3U);
  EXPECT_EQ(std::get<AddressAnswer>(address->body).external, IpAddress::v4(25, 0, 1, 1));
  const auto map = parse_response(Bytes{0, 130, 0, 0, 0, 0, 0, 3, 0x13, 0x89, 0x13, 0x8a, 0, 0, 0x1c, 0x20});
  ASSERT_TRUE(map);
  EXPECT_EQ(std::get<MapAnswer>(map->body), (MapAnswer{Transport::kTcp, 5001, 5002, 7200}));
}

TEST(NatPmpResponse, ReadsARefusalThatRepeatsNothing) {
  const auto response = parse_response(Bytes{0, 129, 0, 2, 0, 0, 0, 9});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->code, Code::kNotAuthorised);
  EXPECT_EQ(std::get<ErrorAnswer>(response->body), (ErrorAnswer{1, std::nullopt}));
}

TEST(NatPmpResponse, ComesBackAsItWasWritten) {
  for (const Response& response :
       {Response{Code::kSuccess, 1, AddressAnswer{IpAddress::v4(1, 2, 3, 4)}},
        Response{Code::kSuccess, 0xffffffffU, MapAnswer{Transport::kUdp, 1, 65535, 0xffffffffU}},
        Response{Code::kOutOfResources, 5, ErrorAnswer{2, 4001}},
        Response{static_cast<Code>(99), 5, ErrorAnswer{0, {}}}}) {
    const auto read = parse_response(make_response(response));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, response);
  }
}

TEST(NatPmpResponse, RefusesEveryTruncation) {
  const Bytes whole = make_response({Code::kSuccess, 1, MapAnswer{Transport::kTcp, 4001, 4001, 7200}});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_response(ByteView(whole).first(size))) << "at " << size << " bytes";
  }
}

TEST(NatPmpResponse, RefusesPcpRequestsAndUnknownOpcodes) {
  const auto error_of = [](const Bytes& bytes) { return parse_response(bytes).error(); };
  EXPECT_EQ(error_of({2, 128, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4}), ParseError::kNotNatPmp);
  EXPECT_EQ(error_of({0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4}), ParseError::kNotAResponse);
  EXPECT_EQ(error_of({0, 131, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4}), ParseError::kUnknownOpcode);
}

TEST(NatPmpRequest, ComesBackAsItWasWritten) {
  for (const Request& request : {Request{AddressRequest{}}, Request{MapRequest{Transport::kUdp, 1, 2, 3}}}) {
    const auto read = parse_request(make_request(request));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, request);
  }
  EXPECT_FALSE(parse_request(Bytes{0, 1, 0, 0, 1, 1, 2, 2, 0, 0, 0}));
}

}  // namespace
}  // namespace turnpike::portmap::nat_pmp
