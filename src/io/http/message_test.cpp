#include "io/http/message.h"

#include <gtest/gtest.h>

namespace turnpike::io::http {
namespace {

TEST(HttpHeaders, AreFoundWithoutCase) {
  const Headers headers{{"Content-Type", "text/plain"}, {"X", "1"}, {"x", "2"}};
  EXPECT_EQ(headers.find("content-type"), "text/plain");
  EXPECT_EQ(headers.find("X"), "1");
  EXPECT_FALSE(headers.find("Content"));
}

TEST(HttpHeaders, HoldListsOfTokens) {
  const Headers headers{{"Connection", "keep-alive, Upgrade"}, {"Connection", " x ,,y"}};
  EXPECT_TRUE(headers.has_token("connection", "upgrade"));
  EXPECT_TRUE(headers.has_token("Connection", "Y"));
  EXPECT_FALSE(headers.has_token("Connection", "up"));
  EXPECT_FALSE(headers.has_token("Connection", "keep"));
}

TEST(HttpRequest, TakesItsTargetApart) {
  Request request;
  request.target = "/v1/layer/ab?root=12%2f3&from=&empty&bad=%zz&cut=%4";
  EXPECT_EQ(request.path(), "/v1/layer/ab");
  EXPECT_EQ(request.query("root"), "12/3");
  EXPECT_EQ(request.query("from"), "");
  EXPECT_EQ(request.query("empty"), "");
  EXPECT_FALSE(request.query("bad"));
  EXPECT_FALSE(request.query("cut"));
  EXPECT_FALSE(request.query("none"));
  EXPECT_FALSE(request.query("roo"));
}

TEST(HttpResponse, NamesItsStatus) {
  EXPECT_EQ(reason_of(206), "Partial Content");
  EXPECT_EQ(reason_of(799), "Unknown");
  EXPECT_EQ(Response::json(200, "{}").headers.find("content-type"), "application/json");
}

}  // namespace
}  // namespace turnpike::io::http
