#include "core/rendezvous/registration.h"

#include <gtest/gtest.h>

namespace turnpike::rendezvous {
namespace {

store::StoreId id(std::size_t n) {
  return {{static_cast<std::uint8_t>(n >> 16U), static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n)}};
}
Entry entry(std::size_t n, std::uint64_t size = 5) { return {id(n), {size, {9}}}; }

RegistrationError error_of(const Registration& registration) {
  const auto read = decode_registration(encode_registration(registration));
  EXPECT_FALSE(read);
  return read ? RegistrationError{} : read.error();
}

TEST(Registration, ComesBackSortedAsItWasWritten) {
  const Registration registration{{{IpAddress::v4(198, 51, 100, 1), 5001}, {*IpAddress::parse("2001:db8::1"), 5001}},
                                  {entry(2), entry(1, store::kMaxStoreSize)},
                                  {{ServiceKind::kQuic, {IpAddress::v4(198, 51, 100, 1), 4001}},
                                   {ServiceKind::kTurnTcp, {*IpAddress::parse("2001:db8::1"), 6001}}}};
  const auto read = decode_registration(encode_registration(registration));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->http, registration.http);
  EXPECT_EQ(read->services, registration.services);
  EXPECT_EQ(read->stores, (std::vector{entry(1, store::kMaxStoreSize), entry(2)}));
}

TEST(Registration, MayHoldTheLimitOfStoresAndNotOneMore) {
  Registration registration;
  for (std::size_t n = 0; n < kMaxStoresPerPeer; ++n) registration.stores.push_back(entry(n));
  EXPECT_TRUE(decode_registration(encode_registration(registration)));
  registration.stores.push_back(entry(kMaxStoresPerPeer));
  EXPECT_EQ(error_of(registration), RegistrationError::kTooManyStores);
}

TEST(Registration, RefusesAMillionStores) {
  Registration registration;
  for (std::size_t n = 0; n < 1'000'000; ++n) registration.stores.push_back(entry(n));
  EXPECT_EQ(error_of(registration), RegistrationError::kTooManyStores);
}

TEST(Registration, MayHoldTheLimitOfEndpointsAndNotOneMore) {
  Registration registration;
  for (std::size_t n = 0; n < kMaxHttpEndpoints; ++n) registration.http.push_back({IpAddress::v4(10, 0, 0, 1), 80});
  EXPECT_TRUE(decode_registration(encode_registration(registration)));
  registration.http.push_back({IpAddress::v4(10, 0, 0, 1), 80});
  EXPECT_EQ(error_of(registration), RegistrationError::kTooManyEndpoints);
}

TEST(Registration, MayHoldTheLimitOfServicesAndNotOneMore) {
  Registration registration;
  registration.services.assign(kMaxServices, {ServiceKind::kTcp, {IpAddress::v4(10, 0, 0, 1), 4001}});
  EXPECT_TRUE(decode_registration(encode_registration(registration)));
  registration.services.push_back(registration.services.front());
  EXPECT_EQ(error_of(registration), RegistrationError::kTooManyEndpoints);
}

TEST(Registration, RefusesAnHttpEndpointAmongTheOtherServices) {
  EXPECT_EQ(error_of({{}, {}, {{ServiceKind::kHttp, {IpAddress::v4(10, 0, 0, 1), 5001}}}}),
            RegistrationError::kBadEndpoint);
}

TEST(Registration, PassesOverAKindOfANewerVersion) {
  const Registration registration{{},
                                  {},
                                  {{static_cast<ServiceKind>(99), {IpAddress::v4(10, 0, 0, 1), 1}},
                                   {ServiceKind::kTcp, {IpAddress::v4(10, 0, 0, 1), 4001}}}};
  const auto read = decode_registration(encode_registration(registration));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->services, std::vector{registration.services.back()});
}

TEST(Registration, RefusesWhatNobodyCanDial) {
  for (const char* text : {"198.51.100.1:0", "0.0.0.0:80", "0.1.2.3:80", "224.0.0.1:80", "255.255.255.255:80",
                           "[::]:80", "[ff02::1]:80"}) {
    EXPECT_EQ(error_of({{*Endpoint::parse(text)}, {}}), RegistrationError::kBadEndpoint) << text;
  }
}

TEST(Registration, RefusesSizesThatNoStoreHas) {
  EXPECT_EQ(error_of({{}, {entry(1, 0)}}), RegistrationError::kBadStore);
  EXPECT_EQ(error_of({{}, {entry(1, store::kMaxStoreSize + 1)}}), RegistrationError::kBadStore);
}

TEST(Registration, RefusesTwoContentsForOneStore) {
  EXPECT_EQ(error_of({{}, {entry(1, 5), entry(2), entry(1, 6)}}), RegistrationError::kRepeatedStore);
}

TEST(Registration, RefusesEveryTruncation) {
  const Registration registration{{{IpAddress::v4(198, 51, 100, 1), 5001}}, {entry(1), entry(2)}};
  const Bytes body = encode_registration(registration);
  for (std::size_t size = 0; size < body.size(); ++size) {
    const auto read = decode_registration(ByteView(body).first(size));
    EXPECT_FALSE(read && *read == registration) << "at " << size;
  }
}

TEST(Registration, TakesAMappedAddressForTheV4AddressItIs) {
  const Bytes mapped = endpoint_bytes({*IpAddress::parse("::ffff:198.51.100.1"), 80});
  EXPECT_EQ(mapped.size(), 6U);
  EXPECT_EQ(endpoint_of(mapped), (Endpoint{IpAddress::v4(198, 51, 100, 1), 80}));
}

}  // namespace
}  // namespace turnpike::rendezvous
