#include "node/store_access.h"

#include <gtest/gtest.h>

#include <set>

#include "core/identity/statement.h"
#include "core/merkle/layer_page.h"
#include "core/store/manifest.h"
#include "io/disk/disk_test_support.h"

namespace turnpike::node {
namespace {

using namespace std::chrono_literals;
using exchange::StatusCode;
using store::Content;
using store::StoreId;

constexpr std::uint64_t kSize = (std::uint64_t{2} << 20U) + 5;

/// What peers may read of a real folder with one store.
class Access : public testing::Test {
 protected:
  Access() {
    put(bytes_);
    scan();
  }

  void put(ByteView bytes, std::chrono::nanoseconds written = 1'600'000'000s) {
    const auto path = folder_.path() / store_.file_name();
    io::write_file(path, bytes);
    io::set_mtime(path, written);
  }
  void scan() { ASSERT_TRUE(wait(catalogue_.scan())); }
  template <class T>
  T wait(boost::asio::awaitable<T> work) {
    return io::wait_for(loop_, std::move(work));
  }

  const StoreId store_ = io::id_from_seed(1);
  const Bytes bytes_ = io::bytes_from_seed(kSize, 1);
  const merkle::Tree tree_ = io::tree_of(bytes_);
  const Content content_ = tree_.content;
  const Content other_ = io::tree_of(io::bytes_from_seed(kSize, 2)).content;
  std::set<StoreId> hidden_;

  io::TemporaryFolder folder_;
  boost::asio::io_context loop_;
  io::WorkerPool pool_{loop_.get_executor(), 2};
  io::Catalogue catalogue_{pool_, folder_.path(), [](const io::CatalogueEvent&) {}};
  StoreAccess access_{catalogue_, [this](const StoreId& id) { return !hidden_.contains(id); },
                      [](StoreId id, Content content) { return store::encode_manifest({id, content}); }};
};

TEST_F(Access, ReadsAnyPartOfAStore) {
  const auto opened = wait(access_.open(store_, content_));
  ASSERT_TRUE(opened);
  Bytes part(100);
  ASSERT_TRUE(wait((*opened)->read_at(kSize - 100, part)));
  EXPECT_EQ(part, Bytes(bytes_.end() - 100, bytes_.end()));
}

TEST_F(Access, GivesPagesLeavesAndTheSignedManifest) {
  const auto page = wait(access_.layer_page(store_, content_, 0));
  ASSERT_TRUE(page);
  EXPECT_TRUE(merkle::open_layer_page(content_, 0, *page));
  const auto leaves = wait(access_.leaves(store_, content_, 2));
  ASSERT_TRUE(leaves);
  EXPECT_TRUE(merkle::open_leaves(content_, 2, tree_.layer.at(2), *leaves));
  const auto manifest = wait(access_.manifest(store_));
  ASSERT_TRUE(manifest);
  EXPECT_EQ(manifest->content, content_);
  EXPECT_EQ(manifest->signed_statement, store::encode_manifest({store_, content_}));
}

TEST_F(Access, SaysWhatItHoldsWhenOtherBytesAreAskedFor) {
  const auto opened = wait(access_.open(store_, other_));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().status, StatusCode::kWrongRoot);
  EXPECT_EQ(opened.error().content, content_);
  EXPECT_EQ(wait(access_.layer_page(store_, other_, 0)).error().status, StatusCode::kWrongRoot);
  EXPECT_EQ(wait(access_.leaves(store_, other_, 0)).error().status, StatusCode::kWrongRoot);
}

TEST_F(Access, KnowsNoStrangersAndNothingThatIsHidden) {
  const StoreId stranger = io::id_from_seed(9);
  hidden_.insert(store_);
  for (const StoreId& id : {stranger, store_}) {
    EXPECT_EQ(wait(access_.open(id, content_)).error().status, StatusCode::kNotFound);
    EXPECT_EQ(wait(access_.open(id, other_)).error().status, StatusCode::kNotFound);  // not even that it is another
    EXPECT_EQ(wait(access_.layer_page(id, content_, 0)).error().status, StatusCode::kNotFound);
    EXPECT_EQ(wait(access_.leaves(id, content_, 0)).error().status, StatusCode::kNotFound);
    EXPECT_EQ(wait(access_.manifest(id)).error().status, StatusCode::kNotFound);
  }
}

TEST_F(Access, BlamesTheAskerForPiecesThatCannotBe) {
  EXPECT_EQ(wait(access_.layer_page(store_, content_, 1)).error().status, StatusCode::kBadRequest);
  EXPECT_EQ(wait(access_.layer_page(store_, content_, 2048)).error().status, StatusCode::kBadRequest);
  EXPECT_EQ(wait(access_.leaves(store_, content_, 3)).error().status, StatusCode::kBadRequest);
}

TEST_F(Access, StopsReadingAFileThatChangesWhileItIsServed) {
  const auto opened = wait(access_.open(store_, content_));
  ASSERT_TRUE(opened);
  Bytes part(100);
  ASSERT_TRUE(wait((*opened)->read_at(0, part)));
  put(io::bytes_from_seed(kSize, 3), 1'600'000'001s);
  EXPECT_FALSE(wait((*opened)->read_at(100, part)));
  EXPECT_EQ(wait(access_.open(store_, content_)).error().status, StatusCode::kNotFound);
  scan();
  EXPECT_EQ(wait(access_.open(store_, content_)).error().status, StatusCode::kWrongRoot);
}

}  // namespace
}  // namespace turnpike::node
