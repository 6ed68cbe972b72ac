// Nothing a stranger can say makes the client believe in an allocation, or give data of a peer it did not bind.
#include <cstdlib>

#include "core/turn/client.h"
#include "core/turn/turn_test_support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  using namespace turnpike::turn;
  using namespace turnpike::turn::testing;
  SeededRandom random(1);
  Client client(kStart, {.username = "alice", .password = "secret"}, random);
  const Endpoint bound{kExternal, 50'000};
  (void)client.bind(kStart, bound);
  Bytes last;
  Instant now = kStart;
  ByteReader in(ByteView(data, size));
  while (in.remaining() > 2 && !client.is_over()) {
    while (auto out = client.poll_transmit()) last = *std::move(out);
    const std::uint8_t verb = in.u8();
    Bytes raw = copy_of(in.take(std::min<std::size_t>(in.remaining(), in.u8())));
    if (verb % 4 == 0) {
      now += std::chrono::milliseconds(100 * (verb + 1));
      client.handle_timeout(now);
    } else if (verb % 4 == 1) {
      client.handle_message(now, raw);
    } else {  // an answer to what it asked last, with attributes of the fuzzer's making
      const auto asked = MessageView::parse(last);
      MessageWriter out(verb % 4 == 2 ? Class::kError : Class::kSuccess, asked->method(), asked->id());
      for (ByteReader attributes(raw); attributes.remaining() > 3;) {
        const auto type = static_cast<AttributeType>(attributes.u16());
        out.add(type, attributes.take(std::min<std::size_t>(attributes.remaining(), attributes.u8())));
      }
      client.handle_message(now, std::move(out).take());
    }
    if (const auto received = client.receive(raw); received && received->peer != bound) std::abort();
    while (const auto event = client.poll_event()) {
      if (std::holds_alternative<Client::Allocated>(*event) || std::holds_alternative<Client::Bound>(*event)) {
        std::abort();
      }
    }
  }
  return 0;
}
