#include "core/noise/transport.h"

#include <gtest/gtest.h>

namespace turnpike::noise {
namespace {

const Digest kKey = {1, 2, 3};

Bytes frame_of(ByteView plain) {
  Bytes frame(kLengthSize, 0);
  frame.insert(frame.end(), plain.begin(), plain.end());
  frame.resize(frame.size() + crypto::kTagSize);
  return frame;
}

TEST(NoiseTransport, OpensWhatWasSealedInOrder) {
  Sealer sealer(kKey);
  Opener opener(kKey);
  FrameReader reader;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1000}, kMaxPlain}) {
    const Bytes plain(size, 0x5a);
    Bytes frame = frame_of(plain);
    ASSERT_TRUE(sealer.seal(frame));
    ByteView in = frame;
    const auto message = reader.read(in);
    ASSERT_TRUE(message);
    Bytes out(kMaxPlain);
    const auto opened = opener.open(*message, out);
    ASSERT_EQ(opened, size);
    out.resize(size);
    EXPECT_EQ(out, plain);
  }
}

TEST(NoiseTransport, RefusesAMessageTwice) {
  Sealer sealer(kKey);
  Opener opener(kKey);
  Bytes frame = frame_of(bytes_of("once"));
  ASSERT_TRUE(sealer.seal(frame));
  const ByteView message = ByteView(frame).subspan(kLengthSize);
  Bytes out(4);
  EXPECT_TRUE(opener.open(message, out));
  EXPECT_FALSE(opener.open(message, out));
}

TEST(NoiseTransport, RefusesMessagesShorterThanATag) {
  Opener opener(kKey);
  Bytes out(16);
  EXPECT_FALSE(opener.open(Bytes(crypto::kTagSize - 1, 0), out));
}

TEST(NoiseTransport, EndsWhenTheNoncesAreSpent) {
  Sealer sealer(kKey, kMaxMessages - 1);
  Opener opener(kKey, kMaxMessages - 1);
  Bytes frame = frame_of(bytes_of("last"));
  ASSERT_TRUE(sealer.seal(frame));
  Bytes out(4);
  EXPECT_TRUE(opener.open(ByteView(frame).subspan(kLengthSize), out));

  Bytes refused = frame_of(bytes_of("none"));
  const Bytes before = refused;
  EXPECT_FALSE(sealer.seal(refused));
  EXPECT_EQ(refused, before);
  EXPECT_FALSE(opener.open(ByteView(frame).subspan(kLengthSize), out));
}

TEST(NoiseFrameReader, CutsAStreamThatComesInAnyPieces) {
  Bytes stream;
  for (const std::size_t size : {0U, 1U, 300U, 2U}) {
    const Bytes message = framed(Bytes(size, static_cast<std::uint8_t>(size)));
    stream.insert(stream.end(), message.begin(), message.end());
  }
  for (const std::size_t piece : {1U, 2U, 3U, 100U, 1000U}) {
    FrameReader reader;
    std::vector<std::size_t> sizes;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      ByteView in = ByteView(stream).subspan(at, std::min(piece, stream.size() - at));
      while (const auto message = reader.read(in)) sizes.push_back(message->size());
      EXPECT_TRUE(in.empty());
    }
    EXPECT_EQ(sizes, (std::vector<std::size_t>{0, 1, 300, 2})) << "in pieces of " << piece;
  }
}

TEST(NoiseFrameReader, DoesNotCopyAMessageThatComesWhole) {
  const Bytes stream = framed(Bytes(100, 7));
  FrameReader reader;
  ByteView in = stream;
  const auto message = reader.read(in);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->data(), stream.data() + kLengthSize);
}

}  // namespace
}  // namespace turnpike::noise
