#include "base/endpoint_bytes.h"

#include <gtest/gtest.h>

namespace turnpike {
namespace {

TEST(EndpointBytes, ComeBackAsTheyWereWritten) {
  for (const char* text : {"192.0.2.1:443", "[2001:db8::1]:6001"}) {
    const Endpoint endpoint = *Endpoint::parse(text);
    EXPECT_EQ(endpoint_from_bytes(endpoint_to_bytes(endpoint)), endpoint);
  }
  EXPECT_EQ(endpoint_to_bytes({IpAddress::v4(1, 2, 3, 4), 0x0506}), (Bytes{1, 2, 3, 4, 5, 6}));
}

TEST(EndpointBytes, OfAnyOtherLengthAreNone) {
  for (std::size_t size = 0; size < 30; ++size) {
    EXPECT_EQ(endpoint_from_bytes(Bytes(size, 1)).has_value(), size == 6 || size == 18) << size;
  }
}

}  // namespace
}  // namespace turnpike
