// Making a connection of the library, and what it calls back.
#include <ngtcp2/ngtcp2_crypto.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "core/quic/connection_state.h"

namespace turnpike::quic {

namespace {

ConnectionState& state_of(void* user_data) { return *static_cast<ConnectionState*>(user_data); }

void on_random(std::uint8_t* out, std::size_t size, const ngtcp2_rand_ctx* context) {
  static_cast<Random*>(context->native_handle)->fill({out, size});
}

int on_new_id(ngtcp2_conn*, ngtcp2_cid* id, std::uint8_t* token, std::size_t size, void* user_data) {
  ConnectionState& state = state_of(user_data);
  if (++state.issued_ids > state.shared.limits.issued_connection_ids) return NGTCP2_ERR_CALLBACK_FAILURE;
  *id = random_id(state.shared);
  id->datalen = size;
  const ResetSecret& secret = state.shared.reset_secret;
  if (ngtcp2_crypto_generate_stateless_reset_token(token, secret.data(), secret.size(), id) != 0) {
    return NGTCP2_ERR_CALLBACK_FAILURE;
  }
  state.ids.push_back({*id, true});
  return 0;
}

int on_id_retired(ngtcp2_conn*, const ngtcp2_cid* id, void* user_data) {
  state_of(user_data).ids.push_back({*id, false});
  return 0;
}

int on_destination(ngtcp2_conn*, ngtcp2_connection_id_status_type type, std::uint64_t, const ngtcp2_cid*,
                   const std::uint8_t* token, void* user_data) {
  if (token == nullptr) return 0;
  TokenChange change{{}, type == NGTCP2_CONNECTION_ID_STATUS_TYPE_ACTIVATE};
  std::copy_n(token, change.token.size(), change.token.begin());
  state_of(user_data).tokens.push_back(change);
  return 0;
}

int on_challenge(ngtcp2_conn*, std::uint8_t* data, void* user_data) {
  state_of(user_data).shared.random.fill({data, NGTCP2_PATH_CHALLENGE_DATALEN});
  return 0;
}

int on_handshake_completed(ngtcp2_conn*, void* user_data) {
  ConnectionState& state = state_of(user_data);
  if (!state.tls->agreed_on_libp2p() || !state.tls->peer()) return NGTCP2_ERR_CALLBACK_FAILURE;
  state.peer = state.tls->peer();
  state.established = true;
  const ngtcp2_transport_params* const theirs = ngtcp2_conn_get_remote_transport_params(state.conn.get());
  if (theirs->stateless_reset_token_present != 0) {  // of the first id: the library tells of the later ones only
    TokenChange change{{}, true};
    std::copy_n(theirs->stateless_reset_token, change.token.size(), change.token.begin());
    state.tokens.push_back(change);
  }
  state.events.emplace_back(channel::Established{*state.peer});
  return 0;
}

int on_stream_data(ngtcp2_conn*, std::uint32_t flags, std::int64_t id, std::uint64_t, const std::uint8_t* data,
                   std::size_t size, void* user_data, void*) {
  ConnectionState& state = state_of(user_data);
  Stream* const stream = state.find_library(id);
  const bool last = (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0;
  if (stream != nullptr && !stream->refused_here) {
    state.receive(*stream, {data, size}, last);
  } else if (size > 0) {  // of a stream that we have let go: the window is the connection's again
    ngtcp2_conn_extend_max_offset(state.conn.get(), size);
  }
  return 0;
}

int on_acked(ngtcp2_conn*, std::int64_t id, std::uint64_t, std::uint64_t size, void* user_data, void*) {
  ConnectionState& state = state_of(user_data);
  state.last_progress = state.now;
  state.stalled_expiries = 0;
  if (Stream* const stream = state.find_library(id)) {
    stream->out.drop(std::min<std::size_t>(size, stream->out.marked()), state.shared.pool);
  }
  return 0;
}

int on_stream_open(ngtcp2_conn*, std::int64_t id, void* user_data) {
  state_of(user_data).accept(id);
  return 0;
}

int on_stream_close(ngtcp2_conn* conn, std::uint32_t, std::int64_t id, std::uint64_t, void* user_data, void*) {
  ConnectionState& state = state_of(user_data);
  const bool theirs = ngtcp2_conn_is_local_stream(conn, id) == 0;
  if (theirs) {
    ngtcp2_conn_extend_max_streams_bidi(conn, 1);
  } else {
    --state.outbound;
  }
  if (Stream* const stream = state.find_library(id)) {
    stream->over = true;
    state.to_erase.push_back(id);
  }
  return 0;
}

int on_stream_reset(ngtcp2_conn*, std::int64_t id, std::uint64_t, std::uint64_t, void* user_data, void*) {
  ConnectionState& state = state_of(user_data);
  if (state.find_library(id) != nullptr) state.to_stop.push_back(id);
  return 0;
}

int on_stop_sending(ngtcp2_conn*, std::int64_t id, std::uint64_t, void* user_data, void*) {
  ConnectionState& state = state_of(user_data);
  const Stream* const stream = state.find_library(id);
  // After our end it says only that the peer has what it wanted.
  if (stream != nullptr && !stream->finish_sent) state.to_stop.push_back(id);
  return 0;
}

int on_stream_window(ngtcp2_conn*, std::int64_t id, std::uint64_t, void* user_data, void*) {
  ConnectionState& state = state_of(user_data);
  if (Stream* const stream = state.find_library(id)) {
    stream->blocked = false;
    state.want_to_send(*stream);
  }
  return 0;
}

int on_stateless_reset(ngtcp2_conn*, const ngtcp2_pkt_stateless_reset*, void* user_data) {
  state_of(user_data).reset_by_peer = true;
  return 0;
}

int on_update_key(ngtcp2_conn* conn, std::uint8_t* rx_secret, std::uint8_t* tx_secret, ngtcp2_crypto_aead_ctx* rx,
                  std::uint8_t* rx_iv, ngtcp2_crypto_aead_ctx* tx, std::uint8_t* tx_iv, const std::uint8_t* old_rx,
                  const std::uint8_t* old_tx, std::size_t size, void* user_data) {
  ++state_of(user_data).counters.key_updates;
  return ngtcp2_crypto_update_key_cb(conn, rx_secret, tx_secret, rx, rx_iv, tx, tx_iv, old_rx, old_tx, size, user_data);
}

ngtcp2_conn* conn_of(ngtcp2_crypto_conn_ref* ref) { return static_cast<ConnectionState*>(ref->user_data)->conn.get(); }

ngtcp2_callbacks callbacks_of(TlsRole role) {
  ngtcp2_callbacks out{};
  if (role == TlsRole::kClient) {
    out.client_initial = ngtcp2_crypto_client_initial_cb;
    out.recv_retry = ngtcp2_crypto_recv_retry_cb;
  } else {
    out.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
  }
  out.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
  out.encrypt = ngtcp2_crypto_encrypt_cb;
  out.decrypt = ngtcp2_crypto_decrypt_cb;
  out.hp_mask = ngtcp2_crypto_hp_mask_cb;
  out.update_key = on_update_key;
  out.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
  out.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
  out.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
  out.get_path_challenge_data = on_challenge;
  out.rand = on_random;
  out.get_new_connection_id = on_new_id;
  out.remove_connection_id = on_id_retired;
  out.dcid_status = on_destination;
  out.handshake_completed = on_handshake_completed;
  out.recv_stream_data = on_stream_data;
  out.acked_stream_data_offset = on_acked;
  out.stream_open = on_stream_open;
  out.stream_close = on_stream_close;
  out.stream_reset = on_stream_reset;
  out.stream_stop_sending = on_stop_sending;
  out.extend_max_stream_data = on_stream_window;
  out.recv_stateless_reset = on_stateless_reset;
  return out;
}

/// What paths take beside kMinDatagram: Ethernet's over IPv6 and IPv4, PPPoE's, tunnels', IPv6's least.
constexpr std::array<std::uint16_t, 5> kProbes = {1452, kMaxDatagram, 1392, 1332, 1232};

ngtcp2_settings settings_of(const Shared& shared, Now now, const ConnectionSetup& setup) {
  ngtcp2_settings out;
  ngtcp2_settings_default(&out);
  out.cc_algo = NGTCP2_CC_ALGO_BBR;
  out.initial_ts = timestamp(now.mono);
  out.handshake_timeout = nanoseconds(shared.limits.handshake_timeout);
  out.max_tx_udp_payload_size = kMaxDatagram;
  out.max_window = shared.limits.max_window;
  out.max_stream_window = shared.limits.max_stream_window;
  out.rand_ctx.native_handle = &shared.random;
  out.pmtud_probes = kProbes.data();
  out.pmtud_probeslen = kProbes.size();
  if (!setup.token.empty()) {
    out.token = setup.token.data();
    out.tokenlen = setup.token.size();
    out.token_type = NGTCP2_TOKEN_TYPE_RETRY;
  }
  return out;
}

ngtcp2_transport_params params_of(const Limits& limits) {
  ngtcp2_transport_params out;
  ngtcp2_transport_params_default(&out);
  out.initial_max_stream_data_bidi_local = limits.stream_window;
  out.initial_max_stream_data_bidi_remote = limits.stream_window;
  out.initial_max_data = limits.window;
  out.initial_max_streams_bidi = limits.inbound_streams;
  out.initial_max_streams_uni = 0;
  out.max_idle_timeout = nanoseconds(limits.idle_timeout);
  out.active_connection_id_limit = kActiveConnectionIds;
  out.grease_quic_bit = 0;  // the demultiplexer tells QUIC by that bit
  return out;
}

ngtcp2_sockaddr_union address_of(const turnpike::Endpoint& endpoint) {
  ngtcp2_sockaddr_union out{};
  if (endpoint.address.family == IpAddress::Family::kV4) {
    out.in.sin_family = NGTCP2_AF_INET;
    out.in.sin_port = endpoint.port;  // never leaves this module: its byte order is nobody's business
    std::memcpy(&out.in.sin_addr, endpoint.address.octets.data(), 4);
  } else {
    out.in6.sin6_family = NGTCP2_AF_INET6;
    out.in6.sin6_port = endpoint.port;
    std::memcpy(&out.in6.sin6_addr, endpoint.address.octets.data(), 16);
  }
  return out;
}

ngtcp2_socklen size_of(const ngtcp2_sockaddr_union& address) {
  return address.sa.sa_family == NGTCP2_AF_INET ? sizeof(ngtcp2_sockaddr_in) : sizeof(ngtcp2_sockaddr_in6);
}

}  // namespace

void write_path(const Path& path, ngtcp2_path_storage& out) {
  const turnpike::Endpoint carrier{{path.remote.address.family, {}}, static_cast<std::uint16_t>(path.carrier)};
  const ngtcp2_sockaddr_union local = address_of(carrier);
  const ngtcp2_sockaddr_union remote = address_of(path.remote);
  ngtcp2_path_storage_init(&out, &local.sa, size_of(local), &remote.sa, size_of(remote), nullptr);
}

Path read_path(const ngtcp2_path& path) {
  Path out;
  const auto& remote = *reinterpret_cast<const ngtcp2_sockaddr_union*>(path.remote.addr);
  const auto& local = *reinterpret_cast<const ngtcp2_sockaddr_union*>(path.local.addr);
  if (remote.sa.sa_family == NGTCP2_AF_INET) {
    std::memcpy(out.remote.address.octets.data(), &remote.in.sin_addr, 4);
    out.remote.port = remote.in.sin_port;
    out.carrier = CarrierId{local.in.sin_port};
  } else {
    out.remote.address.family = IpAddress::Family::kV6;
    std::memcpy(out.remote.address.octets.data(), &remote.in6.sin6_addr, 16);
    out.remote.port = remote.in6.sin6_port;
    out.carrier = CarrierId{local.in6.sin6_port};
  }
  return out;
}

ngtcp2_cid random_id(const Shared& shared) {
  ngtcp2_cid out{};
  out.datalen = kConnectionIdSize;
  shared.random.fill({out.data, kConnectionIdSize});
  out.data[0] = shared.shard;
  return out;
}

ConnectionState::ConnectionState(const Shared& shared_, Now at, const ConnectionSetup& setup)
    : shared(shared_),
      now(at.mono),
      role(setup.role),
      path(setup.path),
      last_received(at.mono),
      last_progress(at.mono) {
  const ngtcp2_callbacks callbacks = callbacks_of(role);
  const ngtcp2_settings settings = settings_of(shared, at, setup);
  ngtcp2_transport_params params = params_of(shared.limits);
  ngtcp2_path_storage storage;
  write_path(path, storage);
  const ngtcp2_cid source = random_id(shared);
  ids.push_back({source, true});
  ngtcp2_conn* made = nullptr;
  int result = 0;
  if (role == TlsRole::kClient) {
    ngtcp2_cid destination{};
    destination.datalen = NGTCP2_MAX_CIDLEN;
    shared.random.fill({destination.data, destination.datalen});
    result = ngtcp2_conn_client_new(&made, &destination, &source, &storage.path, NGTCP2_PROTO_VER_V1, &callbacks,
                                    &settings, &params, nullptr, this);
  } else {
    params.original_dcid = setup.original_destination.value_or(setup.client_destination);
    params.original_dcid_present = 1;
    if (setup.original_destination) {
      params.retry_scid = setup.client_destination;
      params.retry_scid_present = 1;
    }
    params.stateless_reset_token_present = 1;
    ngtcp2_crypto_generate_stateless_reset_token(params.stateless_reset_token, shared.reset_secret.data(),
                                                 shared.reset_secret.size(), &source);
    ids.push_back({setup.client_destination, true});
    result = ngtcp2_conn_server_new(&made, &setup.client_source, &source, &storage.path, NGTCP2_PROTO_VER_V1,
                                    &callbacks, &settings, &params, nullptr, this);
  }
  if (result != 0) std::abort();  // only memory or our own parameters can make it fail
  conn.reset(made);
  ref.base.get_conn = conn_of;
  ref.base.user_data = this;
  tls = std::make_unique<TlsSession>(shared.credentials, role, setup.expected, at.wall, ref);
  ngtcp2_conn_set_tls_native_handle(conn.get(), tls->native());
  ngtcp2_ccerr_default(&error);
}

}  // namespace turnpike::quic
