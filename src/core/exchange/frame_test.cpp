#include "core/exchange/frame.h"

#include <gtest/gtest.h>

namespace turnpike::exchange {
namespace {

TEST(ExchangeFrames, ComeOutWholeHoweverTheStreamIsCut) {
  const Bytes stream{3, 'o', 'n', 'e', 1, '2'};
  for (std::size_t cut = 1; cut <= stream.size(); ++cut) {
    FrameReader reader(3);
    std::vector<std::string> got;
    for (std::size_t at = 0; at < stream.size(); at += cut) {
      ByteView in = ByteView(stream).subspan(at, std::min(cut, stream.size() - at));
      while (!in.empty()) {
        const auto frame = reader.take(in);
        ASSERT_TRUE(frame);
        if (!frame->empty()) got.emplace_back(text_of(*frame));
      }
    }
    EXPECT_EQ(got, (std::vector<std::string>{"one", "2"})) << "cut every " << cut;
    EXPECT_FALSE(reader.is_inside());
  }
}

TEST(ExchangeFrames, FailAtTheAnnouncedLengthNotAfterHoldingIt) {
  FrameReader reader(300);
  const Bytes at_limit{0xac, 0x02};
  ByteView in(at_limit);
  EXPECT_TRUE(reader.take(in));
  EXPECT_TRUE(reader.is_inside());

  FrameReader strict(299);
  in = ByteView(at_limit);
  const auto frame = strict.take(in);
  ASSERT_FALSE(frame);
  EXPECT_EQ(frame.error(), ProtocolError::kTooLong);
}

TEST(ExchangeFrames, RefuseAnEmptyMessageAndAnEndlessPrefix) {
  for (const Bytes& bad : {Bytes{0}, Bytes(10, 0x80), Bytes{0x83, 0x00}}) {
    FrameReader reader(300);
    ByteView in(bad);
    const auto frame = reader.take(in);
    ASSERT_FALSE(frame);
    EXPECT_EQ(frame.error(), ProtocolError::kMalformed);
  }
}

}  // namespace
}  // namespace turnpike::exchange
