#include "core/turn/grant.h"

#include <gtest/gtest.h>

#include "core/turn/turn_test_support.h"

namespace turnpike::turn {
namespace {

using namespace turnpike::turn::testing;

const crypto::SigningKey& server_key() {
  static const crypto::SigningKey kKey{Digest{9}};
  return kKey;
}
PeerId server_id() { return {server_key().public_key()}; }

Grant a_grant() {
  return {.session = {{1, 2, 3}},
          .requester = peer(1),
          .responder = peer(2),
          .requester_relayed = {kExternal, 50'001},
          .responder_relayed = {kExternalV6, 50'002},
          .limits = {1000, 20},
          .until = {kWall.unix_ms + 1000}};
}

TEST(TurnGrant, ComesBackAsItWasSigned) {
  const Bytes signed_grant = sign_grant(server_key(), a_grant(), kWall.unix_ms, kWall);
  const auto read = verify_grant(signed_grant, server_id(), kWall);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, a_grant());
}

TEST(TurnGrant, IsRefusedFromAnotherServerChangedOrLate) {
  const Bytes signed_grant = sign_grant(server_key(), a_grant(), kWall.unix_ms, kWall);
  EXPECT_EQ(verify_grant(signed_grant, peer(3), kWall).error(), GrantError::kWrongServer);
  Bytes changed = signed_grant;
  changed[changed.size() / 2] ^= 1;
  EXPECT_FALSE(verify_grant(changed, server_id(), kWall));
  const WallTime late{kWall.unix_ms + 1000 + identity::kClockToleranceMs + 1};
  EXPECT_EQ(verify_grant(signed_grant, server_id(), late).error(), GrantError::kExpired);
}

TEST(TurnGrant, IsRefusedWhenBothEndsAreOne) {
  Grant same_peer = a_grant();
  same_peer.responder = same_peer.requester;
  Grant same_address = a_grant();
  same_address.responder_relayed = same_address.requester_relayed;
  for (const Grant& grant : {same_peer, same_address}) {
    EXPECT_EQ(verify_grant(sign_grant(server_key(), grant, kWall.unix_ms, kWall), server_id(), kWall).error(),
              GrantError::kMalformed);
  }
}

TEST(TurnCredential, NameComesBackAsItWasWritten) {
  const SessionUsername name{1'795'000'000, {{1, 2, 3}}, peer(1)};
  const auto read = SessionUsername::parse(name.to_string());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->expiry, name.expiry);
  EXPECT_EQ(read->session, name.session);
  EXPECT_EQ(read->peer, name.peer);
  EXPECT_LE(name.to_string().size(), stun::kMaxUsernameSize);
}

TEST(TurnCredential, NameInAnyOtherFormIsNone) {
  const std::string good = SessionUsername{1'795'000'000, {{1}}, peer(1)}.to_string();
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(SessionUsername::parse(good.substr(0, size)));
  EXPECT_FALSE(SessionUsername::parse("x" + good));
  EXPECT_FALSE(SessionUsername::parse("-" + good));
  EXPECT_FALSE(SessionUsername::parse(good + "x"));
}

TEST(TurnCredential, PasswordIsTheServersMacOverTheName) {
  EXPECT_EQ(session_password(bytes_of("secret"), "name").size(), 43U);
  EXPECT_NE(session_password(bytes_of("secret"), "name"), session_password(bytes_of("secret"), "other"));
  EXPECT_NE(session_password(bytes_of("secret"), "name"), session_password(bytes_of("terces"), "name"));
}

TEST(TurnStaticUser, IsANameAndAPassword) {
  EXPECT_EQ(StaticUser::parse("a:b:c")->name, "a");
  EXPECT_EQ(StaticUser::parse("a:b:c")->password, "b:c");
  for (const char* text : {"", "a", ":b", "a:"}) EXPECT_FALSE(StaticUser::parse(text)) << text;
}

}  // namespace
}  // namespace turnpike::turn
