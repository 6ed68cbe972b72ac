// The streams of a connection: what comes on them, their negotiation, and how each ends.
#include <algorithm>

#include "core/quic/connection_state.h"

namespace turnpike::quic {

namespace {

constexpr std::uint64_t kNoError = 0;
constexpr std::int64_t kLastStream = UINT32_MAX;

channel::StreamId told(std::int64_t id) { return channel::StreamId{static_cast<std::uint32_t>(id)}; }

}  // namespace

Stream* ConnectionState::find(channel::StreamId id) { return find_library(static_cast<std::int64_t>(id)); }

Stream* ConnectionState::find_library(std::int64_t id) {
  const auto found = streams.find(id);
  return found == streams.end() ? nullptr : &found->second;
}

void ConnectionState::accept(std::int64_t id) {
  if (id > kLastStream) {  // a thousand million streams on: the connection has lived its life
    ngtcp2_conn_shutdown_stream(conn.get(), 0, id, kNoError);
    return;
  }
  const Instant deadline = now + shared.limits.negotiation_timeout;
  streams.emplace(std::piecewise_construct, std::forward_as_tuple(id),
                  std::forward_as_tuple(id, deadline, shared.protocols));
  negotiations.emplace_back(deadline, id);
}

void ConnectionState::receive(Stream& stream, ByteView bytes, bool last) {
  const bool was_empty = stream.in.empty();
  if (!bytes.empty()) note_stream_bytes();
  stream.in.append(bytes, shared.pool);
  if (last) stream.peer_finished = true;
  if (!stream.is_agreed()) return negotiate(stream);
  if (was_empty && !bytes.empty()) events.emplace_back(channel::StreamReadable{told(stream.id)});
  tell_finished(stream);
}

void ConnectionState::negotiate(Stream& stream) {
  while (stream.outcome() == multistream::Outcome::kPending && !stream.in.empty()) {
    const ByteView front = stream.in.front();
    ByteView rest = front;
    stream.negotiate(rest);
    give_window_back(stream, front.size() - rest.size());
    if (rest.size() == front.size()) break;
  }
  const Bytes answer = stream.poll_negotiation();
  if (!answer.empty()) {
    stream.out.append(answer, shared.pool);
    queued += answer.size();
    want_to_send(stream);
  }
  switch (stream.outcome()) {
    case multistream::Outcome::kPending:
      if (stream.peer_finished) to_stop.push_back(stream.id);
      return;
    case multistream::Outcome::kAgreed:
      events.emplace_back(channel::StreamOpened{told(stream.id), stream.protocol(), stream.inbound});
      stream.end_negotiation();
      if (!stream.in.empty()) events.emplace_back(channel::StreamReadable{told(stream.id)});
      tell_finished(stream);
      return;
    case multistream::Outcome::kRefused:
      events.emplace_back(channel::StreamRefused{told(stream.id)});
      stream.refused_here = true;
      to_stop.push_back(stream.id);
      return;
    case multistream::Outcome::kBroken:
      to_stop.push_back(stream.id);
      return;
  }
}

void ConnectionState::tell_finished(Stream& stream) {
  if (!stream.peer_finished || std::exchange(stream.peer_finish_told, true)) return;
  events.emplace_back(channel::StreamFinished{told(stream.id)});
}

/// Ends both directions towards the peer; the library tells when it is over.
void ConnectionState::stop(Stream& stream) {
  queued -= stream.out.unmarked();
  const std::size_t unread = stream.in.size();
  stream.in.clear(shared.pool);
  if (unread > 0) ngtcp2_conn_extend_max_offset(conn.get(), unread);
  if (!stream.over) ngtcp2_conn_shutdown_stream(conn.get(), 0, stream.id, kNoError);
  stream.out.clear(shared.pool);  // after the library has let go of it
}

void ConnectionState::end_stream(Stream& stream, bool tell) {
  const bool known = !stream.inbound || stream.is_agreed();
  if (tell && known && !stream.refused_here) events.emplace_back(channel::StreamReset{told(stream.id)});
  stop(stream);
  const std::int64_t id = stream.id;
  streams.erase(id);
}

void ConnectionState::want_to_send(Stream& stream) {
  if (stream.queued || !stream.wants_to_send()) return;
  stream.queued = true;
  senders.push_back(stream.id);
}

void ConnectionState::erase_if_over(std::int64_t id) {
  Stream* const stream = find_library(id);
  if (stream == nullptr || !stream->over || !stream->in.empty()) return;
  if (!stream->is_agreed() && !stream->refused_here) return end_stream(*stream, true);
  queued -= stream->out.unmarked();
  stream->out.clear(shared.pool);
  streams.erase(id);
}

void ConnectionState::give_window_back(Stream& stream, std::size_t size) {
  if (size == 0) return;
  stream.in.drop(size, shared.pool);
  if (!stream.over && !stream.peer_finished) ngtcp2_conn_extend_max_stream_offset(conn.get(), stream.id, size);
  ngtcp2_conn_extend_max_offset(conn.get(), size);
}

std::size_t ConnectionState::room(const Stream& stream) const {
  if (stream.finish_wanted || stream.over) return 0;
  const Limits& limits = shared.limits;
  const std::size_t own = stream.out.unmarked();
  const std::size_t left = limits.max_queued_per_stream - std::min(limits.max_queued_per_stream, own);
  return std::min(left, limits.max_queued - std::min(limits.max_queued, queued));
}

/// After sending. A writer is woken when a good part of its queue is free, not for each packet.
void ConnectionState::tell_room() {
  for (auto& [id, stream] : streams) {
    if (!stream.wants_room || room(stream) < shared.limits.max_queued_per_stream / 2) continue;
    stream.wants_room = false;
    events.emplace_back(channel::StreamWritable{told(id)});
  }
}

/// What callbacks of the library could not do while it worked.
void ConnectionState::settle_streams() {
  while (!to_stop.empty() || !to_erase.empty()) {
    const std::vector<std::int64_t> stopped = std::exchange(to_stop, {});
    for (const std::int64_t id : stopped) {
      if (Stream* const stream = find_library(id)) end_stream(*stream, true);
    }
    const std::vector<std::int64_t> erased = std::exchange(to_erase, {});
    for (const std::int64_t id : erased) erase_if_over(id);
  }
  while (!negotiations.empty()) {
    const Stream* const stream = find_library(negotiations.front().second);
    if (stream != nullptr && !stream->is_agreed()) break;
    negotiations.pop_front();
  }
}

void ConnectionState::end_late_negotiations() {
  while (!negotiations.empty() && negotiations.front().first <= now) {
    Stream* const stream = find_library(negotiations.front().second);
    negotiations.pop_front();
    if (stream != nullptr && !stream->is_agreed()) end_stream(*stream, true);
  }
  settle_streams();
}

}  // namespace turnpike::quic
