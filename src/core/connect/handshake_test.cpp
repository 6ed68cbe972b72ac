#include "core/connect/handshake.h"

#include <gtest/gtest.h>

namespace turnpike::connect {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{};

Handshake begun(const std::optional<Credentials>& credentials = {}) {
  return {kStart, "boot.example", 443, credentials};
}

/// What comes of an answer that arrives at once.
Handshake::Event after(std::string_view answer, const std::optional<Credentials>& credentials = {}) {
  Handshake handshake = begun(credentials);
  handshake.handle_bytes(kStart, bytes_of(answer));
  auto event = handshake.poll_event();
  EXPECT_TRUE(event) << answer;
  return event ? *std::move(event) : Handshake::Event();
}

Refused refused(std::string_view answer, const std::optional<Credentials>& credentials = {}) {
  const auto event = after(answer, credentials);
  const auto* out = std::get_if<Refused>(&event);
  EXPECT_NE(out, nullptr) << answer;
  return out != nullptr ? *out : Refused{};
}

std::string early(std::string_view answer) {
  const auto event = after(answer);
  const auto* out = std::get_if<Opened>(&event);
  EXPECT_NE(out, nullptr) << answer;
  return out != nullptr ? std::string(text_of(out->early)) : "";
}

TEST(ConnectHandshake, AsksForTheFarEndByItsAuthority) {
  Handshake handshake = begun();
  EXPECT_EQ(text_of(*handshake.poll_write()), "CONNECT boot.example:443 HTTP/1.1\r\nHost: boot.example:443\r\n\r\n");
  EXPECT_FALSE(handshake.poll_write());
  Handshake v6(kStart, "2001:db8::1", 443, {});
  EXPECT_TRUE(text_of(*v6.poll_write()).starts_with("CONNECT [2001:db8::1]:443 HTTP/1.1\r\n"));
}

TEST(ConnectHandshake, SendsBasicCredentialsWithTheFirstRequest) {
  Handshake handshake = begun(Credentials{"Aladdin", "open sesame"});
  EXPECT_NE(text_of(*handshake.poll_write()).find("\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"),
            std::string_view::npos);
}

TEST(ConnectHandshake, OpensATunnelOnAny2xxWhateverItsFramingSays) {
  EXPECT_EQ(early("HTTP/1.1 200 OK\r\n\r\n"), "");
  EXPECT_EQ(early("HTTP/1.0 200 Connection established\r\nProxy-agent: tinyproxy\r\n\r\n"), "");
  EXPECT_EQ(early("HTTP/1.1 204\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello world"), "hello world");
  EXPECT_EQ(early("HTTP/1.1 200 OK\n\nx"), "x");
}

TEST(ConnectHandshake, PassesInterimAnswersOver) {
  EXPECT_EQ(early("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nabc"), "abc");
}

TEST(ConnectHandshake, MayBeAnsweredInAnyPieces) {
  const std::string answer = "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\ntunnel";
  const std::size_t head = answer.size() - 6;
  for (std::size_t cut = 0; cut <= answer.size(); ++cut) {
    Handshake handshake = begun();
    handshake.handle_bytes(kStart, bytes_of(std::string_view(answer).substr(0, cut)));
    if (cut < head) {
      EXPECT_FALSE(handshake.poll_event()) << cut;
      handshake.handle_bytes(kStart, bytes_of(std::string_view(answer).substr(cut)));
    }
    const auto event = handshake.poll_event();
    ASSERT_TRUE(event && std::holds_alternative<Opened>(*event)) << cut;
    EXPECT_EQ(text_of(std::get<Opened>(*event).early), cut < head ? "tunnel" : answer.substr(head, cut - head)) << cut;
  }
}

TEST(ConnectHandshake, SaysThatCredentialsAreMissingOrWrong) {
  constexpr std::string_view kAnswer =
      "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"p\"\r\n\r\n<html>no</html>";
  const Refused missing = refused(kAnswer);
  EXPECT_EQ(missing.reason, RefusalReason::kCredentials);
  EXPECT_EQ(missing.status, 407U);
  EXPECT_EQ(missing.text, "it asks for credentials (HTTP 407); put user:password@ before its host");
  EXPECT_EQ(refused(kAnswer, Credentials{"ann", "x"}).text, "it does not take these credentials (HTTP 407)");
}

TEST(ConnectHandshake, SaysThatAProxyWantsAnotherKindOfCredentials) {
  EXPECT_NE(refused("HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nproxy-authenticate: Negotiate\r\n\r\n")
                .text.find("not Basic"),
            std::string::npos);
}

TEST(ConnectHandshake, TellsAForbiddenPlaceFromAFarEndThatIsDown) {
  const Refused forbidden = refused("HTTP/1.1 403 Forbidden\r\n\r\n<h1>Policy</h1>");
  EXPECT_EQ(forbidden.reason, RefusalReason::kForbidden);
  EXPECT_EQ(forbidden.text, "it does not let us connect there (HTTP 403 Forbidden)");
  EXPECT_EQ(refused("HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n<html>").reason,
            RefusalReason::kFarEnd);
  EXPECT_EQ(refused("HTTP/1.0 504 Gateway Timeout\r\n\r\n").reason, RefusalReason::kFarEnd);
  EXPECT_EQ(refused("HTTP/1.1 302 Found\r\nLocation: http://login/\r\n\r\n").reason, RefusalReason::kProtocol);
}

TEST(ConnectHandshake, RefusesWhatIsNoHttp) {
  for (const char* answer :
       {"<html><body>hello</body></html>\n\n", "\n\n", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n", "HTTP/1.1\r\n\r\n"}) {
    EXPECT_EQ(refused(answer).reason, RefusalReason::kProtocol) << answer;
  }
}

TEST(ConnectHandshake, ReadsNoMoreThanItsLimitOfHeaders) {
  Handshake handshake = begun();
  handshake.handle_bytes(kStart, bytes_of("HTTP/1.1 200 OK\r\nX: "));
  const std::string part(kMaxHead - 30, 'x');
  handshake.handle_bytes(kStart, bytes_of(part));
  EXPECT_FALSE(handshake.poll_event());
  handshake.handle_bytes(kStart, bytes_of(part));
  const auto event = handshake.poll_event();
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<Refused>(*event).reason, RefusalReason::kProtocol);
}

TEST(ConnectHandshake, CountsInterimAnswersTowardsTheLimit) {
  Handshake handshake = begun();
  for (std::size_t i = 0; i < kMaxHead / 16 + 1; ++i) handshake.handle_bytes(kStart, bytes_of("HTTP/1.1 100 \r\n\r\n"));
  const auto event = handshake.poll_event();
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<Refused>(*event).reason, RefusalReason::kProtocol);
}

TEST(ConnectHandshake, EndsAtItsDeadlineThoughTheProxyDripsAByteASecond) {
  Handshake handshake = begun();
  EXPECT_EQ(handshake.poll_timeout(), kStart + kAnswerLimit);
  const std::string answer = "HTTP/1.1 200 OK\r\nX-Slow: very\r\n\r\n";
  Instant now = kStart;
  std::size_t sent = 0;
  std::optional<Handshake::Event> event;
  while (!event && sent < answer.size()) {
    now += 1s;
    handshake.handle_bytes(now, bytes_of(std::string_view(answer).substr(sent++, 1)));
    event = handshake.poll_event();
  }
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<Refused>(*event).reason, RefusalReason::kSilent);
  EXPECT_EQ(now, kStart + kAnswerLimit);
  EXPECT_FALSE(handshake.poll_timeout());
}

TEST(ConnectHandshake, SaysThatTheProxyHungUp) {
  Handshake silent = begun();
  silent.handle_closed(kStart);
  EXPECT_EQ(std::get<Refused>(*silent.poll_event()).text, "it hung up without an answer");
  Handshake half = begun();
  half.handle_bytes(kStart, bytes_of("HTTP/1.1 200 OK\r\n"));
  half.handle_closed(kStart);
  EXPECT_EQ(std::get<Refused>(*half.poll_event()).text, "it hung up in the middle of its answer");
}

TEST(ConnectHandshake, MakesOnePrintableLineOfTheProxysWords) {
  const Refused out = refused("HTTP/1.1 418 \x1b[31mred\xff" + std::string(200, 'y') + "\r\n\r\n");
  EXPECT_EQ(out.text.find('\x1b'), std::string::npos);
  EXPECT_LT(out.text.size(), 200U);
}

}  // namespace
}  // namespace turnpike::connect
