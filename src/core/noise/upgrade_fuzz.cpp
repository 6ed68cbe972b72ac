// Neither role of the handshake is ever done with bytes a fuzzer made up, nor crashes on an honest one changed
// anywhere.
#include <cstdlib>

#include "core/noise/upgrade.h"

namespace {

using namespace turnpike;
using noise::Role;
using noise::Upgrade;

const std::vector<std::string> kMuxers = {"/yamux/1.0.0"};

Bytes changed(Bytes message, ByteView& script, bool& honest) {
  ByteReader in(script);
  const std::uint8_t kind = in.u8();
  const std::size_t at = in.u8();
  const std::uint8_t value = in.u8();
  script = script.subspan(std::min<std::size_t>(script.size(), 3));
  if (kind % 4 == 1 && at < message.size() && value != 0) {
    message[at] ^= value;
    honest = false;
  } else if (kind % 4 == 2 && at < message.size()) {
    message.resize(at);
    honest = false;
  } else if (kind % 4 == 3) {
    message = copy_of(script);
    honest = false;
  }
  return message;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  SeededRandom random(size);
  static const crypto::SigningKey kAlice{Digest{1}};
  static const crypto::SigningKey kBob{Digest{2}};
  Upgrade initiator({Role::kInitiator, &kAlice, std::nullopt, kMuxers}, random);
  Upgrade responder({Role::kResponder, &kBob, std::nullopt, kMuxers}, random);
  ByteView script(data, size);
  bool honest = true;
  for (int message = 0; message < 3; ++message) {
    Upgrade& writer = message % 2 == 0 ? initiator : responder;
    Upgrade& reader = message % 2 == 0 ? responder : initiator;
    const auto out = writer.poll_message();
    if (!out) break;
    reader.handle_message(changed(*out, script, honest));
  }
  if (responder.is_done() != honest) std::abort();
  if (honest && (!initiator.is_done() || initiator.keys().send != responder.keys().receive)) std::abort();
  return 0;
}
