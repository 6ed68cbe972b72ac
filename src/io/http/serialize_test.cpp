#include "io/http/serialize.h"

#include <gtest/gtest.h>

namespace turnpike::io::http {
namespace {

TEST(HttpSerialize, WritesDatesAsTheRfcShows) { EXPECT_EQ(http_date({784111777000}), "Sun, 06 Nov 1994 08:49:37 GMT"); }

TEST(HttpSerialize, WritesAResponse) {
  Response response = Response::text(404, "no");
  EXPECT_EQ(serialize(response, {.content_length = 2, .keep_alive = false, .date = {}}),
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n"
            "Connection: close\r\n\r\n");
}

TEST(HttpSerialize, LetsNoValueBeginANewField) {
  Response response;
  response.headers.add("X", "a\r\nSet-Cookie: b");
  EXPECT_EQ(serialize(response, {.content_length = {}, .keep_alive = true, .date = {}}),
            "HTTP/1.1 200 OK\r\nX: a  Set-Cookie: b\r\n\r\n");
}

TEST(HttpSerialize, WritesARequest) {
  EXPECT_EQ(serialize_request(Method::kPost, "/a?b", "h:1", {{"X", "1"}}, 3),
            "POST /a?b HTTP/1.1\r\nHost: h:1\r\nX: 1\r\nContent-Length: 3\r\n\r\n");
}

}  // namespace
}  // namespace turnpike::io::http
