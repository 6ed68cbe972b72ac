#include "node/old_node_client.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "core/dig/json_object_reader.h"
#include "core/dig/peer_request.h"
#include "core/exchange/message.h"
#include "io/disk/hash_file.h"
#include "io/log/log.h"
#include "io/loop/convert.h"

namespace turnpike::node {
namespace {

constexpr std::string_view kFolder = "old";
constexpr Duration kAskTime = std::chrono::seconds(20);
constexpr std::size_t kMaxStoresAnswer = std::size_t{2} << 20U;  // 16,000 ids; old nodes send several frames

bool is_old_node(const identify::Info& info) {
  const bool speaks_old = info.speaks(dig::kPeerProtocol) || info.speaks(dig::kDiscoveryProtocol);
  return speaks_old && !info.speaks(exchange::kProtocol);
}

}  // namespace

/// One store on its way from one old node.
struct OldNodeClient::Download {
  store::StoreId store;
  std::shared_ptr<io::HostConnection> connection;
  std::filesystem::path path;
  io::FileHandle file;
  std::uint64_t total = 0;  ///< Told with the first range; every later one must tell the same.
  std::string failure;      ///< One line for people.
};

void OldNodeClient::peer_identified(const std::shared_ptr<io::HostConnection>& connection) {
  const identity::PeerId peer = connection->peer();
  if (!connection->info() || !is_old_node(*connection->info()) || !asking_.insert(peer).second) return;
  asio::co_spawn(pool_.loop(), ask_stores(connection), asio::detached);
}

asio::awaitable<std::optional<Bytes>> OldNodeClient::ask(io::HostConnection& connection, std::string_view protocol,
                                                         Bytes request) {
  const Bytes sent = std::move(request);
  const std::unique_ptr<io::LinkStream> stream = connection.open(protocol);
  if (!stream) co_return std::nullopt;
  const std::optional<Duration> stall = kAskTime;
  const Status<io::StreamError> written = co_await stream->write(sent, stall);
  if (!written) co_return std::nullopt;
  stream->finish();
  dig::JsonObjectReader reader(kMaxStoresAnswer);
  const std::optional<Instant> deadline = io::now() + kAskTime;
  while (true) {
    const Status<io::StreamError> ready = co_await stream->wait_readable(deadline);
    if (!ready) co_return std::nullopt;
    const ByteView came = stream->readable();
    ByteView rest = came;
    auto object = reader.read(rest);
    stream->consume(came.size());
    if (!object) co_return std::nullopt;
    if (*object) co_return *std::move(*object);
  }
}

asio::awaitable<void> OldNodeClient::ask_stores(std::shared_ptr<io::HostConnection> connection) {
  const identity::PeerId peer = connection->peer();
  const bool has_discovery = connection->info()->speaks(dig::kDiscoveryProtocol);
  std::optional<Bytes> answer;
  if (has_discovery) {
    Bytes request = dig::make_list_stores_request();
    answer = co_await ask(*connection, dig::kDiscoveryProtocol, std::move(request));
  }
  if (!answer && connection->info()->speaks(dig::kPeerProtocol)) {
    Bytes request = dig::make_peer_info_request();
    answer = co_await ask(*connection, dig::kPeerProtocol, std::move(request));
  }
  asking_.erase(peer);
  auto stores = answer ? dig::parse_stores(*answer) : std::nullopt;
  if (!stores || !connection->is_open()) co_return;
  io::log_debug("old node {} has {} stores", peer.to_string(), stores->size());
  stores_.set_stores(io::now(), peer, *std::move(stores));
}

asio::awaitable<void> OldNodeClient::run() {
  const Duration period = kOldPollPeriod;
  while (!stopping_) {
    for (const identity::PeerId& peer : stores_.stale(io::now())) {
      const auto connection = host_.find(peer);
      if (connection) {
        peer_identified(connection);
      } else {
        stores_.forget(peer);
      }
    }
    while (const auto what = stores_.next(io::now(), wanted_)) {
      asio::co_spawn(pool_.loop(), fetch(*what), asio::detached);
    }
    const std::optional<Instant> next = io::now() + period;
    (void)co_await wake_.wait(next);
  }
}

asio::awaitable<void> OldNodeClient::fetch(dig::OldStores::Fetch what) {
  Download download{.store = what.store,
                    .connection = host_.find(what.peer),
                    .path = io::state_folder(settings_.data) / kFolder / (what.store.to_string() + ".part"),
                    .file = {},
                    .failure = "the node is gone"};
  bool is_here = false;
  if (download.connection) is_here = co_await this->download(download);
  if (is_here) is_here = co_await put_in_place(download);
  if (is_here) {
    io::log_info("store {} fetched from the old node {}: {} bytes, unconfirmed", what.store.to_string(),
                 what.peer.to_string(), download.total);
    ++fetched_;
    bytes_ += download.total;
  } else {
    io::log_info("store {} not fetched from the old node {}: {}", what.store.to_string(), what.peer.to_string(),
                 download.failure);
  }
  std::error_code ignored;
  std::filesystem::remove(download.path, ignored);
  stores_.handle_ended(io::now(), what.store, is_here);
}

asio::awaitable<bool> OldNodeClient::download(Download& download) {
  const io::HostConnection::Use use(download.connection);
  const auto folder = io::make_state_folder(settings_.data, kFolder);
  download.file = io::FileHandle(::open(download.path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!folder || !download.file) {
    download.failure = "the data folder cannot be written to";
    co_return false;
  }
  const bool began = co_await fetch_range(download, 0, 0);  // the first byte, and with it the size
  if (!began) co_return false;
  std::error_code unknown;
  const auto space = std::filesystem::space(settings_.data, unknown);
  if (download.total > settings_.max_store) {
    download.failure = "it is larger than max-store";
    co_return false;
  }
  if (!unknown && space.available < download.total + settings_.reserve) {
    download.failure = "no space for it is left on the disk";
    co_return false;
  }
  for (std::uint64_t first = 1; first < download.total;) {
    const std::uint64_t last = std::min(first + kOldRange, download.total) - 1;
    const bool came = co_await fetch_range(download, first, last);
    if (!came || stopping_) co_return false;
    first = last + 1;
  }
  co_return true;
}

asio::awaitable<bool> OldNodeClient::fetch_range(Download& download, std::uint64_t first, std::uint64_t last) {
  const std::unique_ptr<io::LinkStream> stream = download.connection->open(dig::kPeerProtocol);
  download.failure = "the connection broke";
  if (!stream) co_return false;
  const Bytes request = dig::make_range_request(download.store, first, last);
  const std::optional<Duration> stall = kOldSilence;
  const Status<io::StreamError> written = co_await stream->write(request, stall);
  if (!written) co_return false;
  stream->finish();

  dig::JsonObjectReader reader;
  std::optional<dig::RangeHeader> header;
  bool at_newline = true;
  Bytes body;
  while (!header || body.size() < header->size) {
    const Status<io::StreamError> ready = co_await stream->wait_readable(io::now() + kOldSilence);
    if (!ready) co_return false;
    const ByteView came = stream->readable();
    ByteView rest = came;
    if (!header) {
      auto object = reader.read(rest);
      const bool is_whole = object && *object;
      if (!object) co_return false;
      if (is_whole) {
        header = dig::parse_range_header(**object);
        const bool is_asked =
            header && header->size == last - first + 1 && (download.total == 0 || header->total == download.total);
        if (!is_asked) {
          download.failure = "it answers something else than was asked";
          co_return false;
        }
        download.total = header->total;
      }
    }
    if (header && at_newline && !rest.empty()) {
      if (rest.front() == '\n') rest = rest.subspan(1);
      at_newline = false;
    }
    if (header) {
      const ByteView piece = rest.first(std::min<std::size_t>(rest.size(), header->size - body.size()));
      body.insert(body.end(), piece.begin(), piece.end());
    }
    stream->consume(came.size());
  }
  const int fd = download.file.get();
  const auto write = [fd, first, &body] {
    return static_cast<bool>(io::write_exactly(io::system_file_ops(), fd, body, first));
  };
  const bool kept = co_await pool_.run(write);
  if (!kept) download.failure = "the disk refuses it";
  co_return kept;
}

asio::awaitable<bool> OldNodeClient::put_in_place(Download& download) {
  auto hashed = co_await io::hash_file(pool_, download.path);
  download.failure = "its bytes cannot be read back";
  if (!hashed || hashed->tree.content.size != download.total) co_return false;
  const bool still_wanted = wanted_(download.store);
  download.failure = "somebody else brought it meanwhile";
  if (!still_wanted) co_return false;
  const sync::Target target{download.store, hashed->tree.content};
  memory_.remember_mark(target, sync::Mark::kUnconfirmed);
  const std::filesystem::path name = settings_.data / download.store.file_name();
  const int fd = download.file.get();
  const auto place = [fd, from = download.path, name, folder = settings_.data] {
    if (::fsync(fd) != 0) return false;
    // Never in the place of a file that is there.
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) != 0) return false;
    return static_cast<bool>(io::sync_folder(io::system_file_ops(), folder));
  };
  const bool placed = co_await pool_.run(place);
  download.failure = "it cannot be renamed into place";
  if (!placed) co_return false;
  const auto adopted = co_await catalogue_.adopt(download.store, std::move(hashed->tree));
  co_return static_cast<bool>(adopted);
}

}  // namespace turnpike::node
