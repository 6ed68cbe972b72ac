#include "node/brain.h"

#include <gtest/gtest.h>

#include "crypto/random.h"
#include "io/disk/disk_test_support.h"
#include "node/file_notes.h"

namespace turnpike::node {
namespace {

using sync::Mark;

/// Nobody reads over a brain's paths here.
struct NobodyReads final : io::StoreReader {
  template <class T>
  static boost::asio::awaitable<Result<T, io::Refusal>> nothing() {
    io::Refusal refusal;
    co_return fail(refusal);
  }
  boost::asio::awaitable<Result<std::unique_ptr<io::ReadableStore>, io::Refusal>> open(store::StoreId,
                                                                                       store::Content) override {
    return nothing<std::unique_ptr<io::ReadableStore>>();
  }
  boost::asio::awaitable<Result<Bytes, io::Refusal>> layer_page(store::StoreId, store::Content,
                                                                std::uint32_t) override {
    return nothing<Bytes>();
  }
  boost::asio::awaitable<Result<Bytes, io::Refusal>> leaves(store::StoreId, store::Content, std::uint32_t) override {
    return nothing<Bytes>();
  }
  boost::asio::awaitable<Result<Manifest, io::Refusal>> manifest(store::StoreId) override {
    return nothing<Manifest>();
  }
};

/// A brain that hears of its folder. It has no bootstrap, so it fetches nothing.
class NodeBrain : public testing::Test {
 protected:
  NodeBrain() { brain_.connect(links_, paths_, downloads_); }
  Mark mark_here() {
    const auto view = brain_.peer().store(store_);
    return view && view->mark ? *view->mark : Mark::kContested;
  }
  sync::Target bytes(std::uint8_t n) const { return {store_, {1234, Digest{n}}}; }
  void added(const sync::Target& target) {
    brain_.catalogue_event(io::StoreAdded{target.store, target.content, stamp_});
  }
  void changed(const sync::Target& target) {
    brain_.catalogue_event(io::StoreChanged{target.store, target.content, stamp_});
  }

  const store::StoreId store_ = io::id_from_seed(1);
  const io::FileStamp stamp_{.size = 1234, .mtime_ns = 5, .inode = 6};
  io::TemporaryFolder folder_;
  boost::asio::io_context loop_;
  crypto::SecureRandom random_;
  crypto::SigningKey identity_ = crypto::SigningKey::generate(random_);
  std::unique_ptr<io::StateDb> state_ = *io::StateDb::open(folder_.path() / "state.db");
  Memory memory_{*state_};
  NobodyReads nobody_;
  io::WorkerPool pool_{loop_.get_executor(), 1};
  Brain brain_{loop_.get_executor(), config(), random_, memory_};
  io::Catalogue catalogue_{pool_, folder_.path(),
                           [this](const io::CatalogueEvent& event) { brain_.catalogue_event(event); }};
  io::Dialer dialer_{connect::Proxies(), random_};
  Links links_{loop_.get_executor(), {}, {}, dialer_, brain_};
  Paths paths_{loop_.get_executor(), {.identity = &identity_}, nobody_, random_, brain_};
  Downloads downloads_{loop_.get_executor(), {folder_.path(), 0}, pool_, catalogue_, paths_, brain_};

 private:
  [[nodiscard]] peer::Config config() const {
    peer::Config out;
    out.identity = &identity_;
    return out;
  }
};

TEST_F(NodeBrain, TakesAFileOfTheFolderForItsOwners) {
  added(bytes(1));
  EXPECT_EQ(mark_here(), Mark::kOwn);
}

TEST_F(NodeBrain, KnowsAFetchedStoreAgainAfterARestart) {
  memory_.remember_mark(bytes(1), Mark::kUnconfirmed);
  added(bytes(1));
  EXPECT_EQ(mark_here(), Mark::kUnconfirmed);
}

TEST_F(NodeBrain, DoesNotTakeAFetchedStoreThatReplacedAnotherForTheOwners) {
  memory_.remember_mark(bytes(1), Mark::kUnconfirmed);
  added(bytes(1));
  memory_.remember_mark(bytes(2), Mark::kConfirmed);  // as when it is put in place
  changed(bytes(2));
  EXPECT_EQ(mark_here(), Mark::kConfirmed);
  EXPECT_EQ(memory_.mark_of(bytes(2)), Mark::kConfirmed);
  EXPECT_EQ(memory_.mark_of(bytes(1)), Mark::kOwn);
}

TEST_F(NodeBrain, TakesOtherBytesThanItFetchedForDamage) {
  memory_.remember_mark(bytes(1), Mark::kConfirmed);
  added(bytes(1));
  changed(bytes(3));
  const auto view = brain_.peer().store(store_);
  ASSERT_TRUE(view);
  EXPECT_NE(view->state, "complete");
  EXPECT_EQ(view->content, bytes(1).content) << "what was fetched is still what is wanted";
  EXPECT_TRUE(memory_.has_mark(bytes(1)));
  EXPECT_FALSE(memory_.has_mark(bytes(3)));
}

TEST_F(NodeBrain, TakesThemForDamageAlsoAfterARestart) {
  memory_.remember_mark(bytes(1), Mark::kConfirmed);
  added(bytes(3));
  EXPECT_NE(brain_.peer().store(store_)->state, "complete");
}

TEST_F(NodeBrain, TakesWhatTheOwnerPutsThereForTheOwners) {
  memory_.remember_mark(bytes(1), Mark::kConfirmed);
  added(bytes(1));
  memory_.remember_given(store_, stamp_);  // as `turnpike add --replace` does
  changed(bytes(3));
  EXPECT_EQ(mark_here(), Mark::kOwn);
  EXPECT_FALSE(memory_.fetched(store_));
}

TEST_F(NodeBrain, TakesTheOwnersFileThatWasChangedForTheOwners) {
  added(bytes(1));
  changed(bytes(3));
  EXPECT_EQ(mark_here(), Mark::kOwn);
}

TEST_F(NodeBrain, DoesNotTakeARottenFileOfTheOwnersForNewBytesOfHis) {
  added(bytes(1));
  brain_.catalogue_event(io::StoreChanged{store_, bytes(3).content, stamp_, true});
  const auto view = brain_.peer().store(store_);
  EXPECT_NE(view->state, "complete");
  EXPECT_EQ(view->content, bytes(1).content);
}

TEST_F(NodeBrain, TakesAFileForTheOwnersThatCameAfterTheFetchedOneWasRemoved) {
  memory_.remember_mark(bytes(1), Mark::kUnconfirmed);
  added(bytes(1));
  brain_.catalogue_event(io::StoreRemoved{.id = store_, .is_gone = true});
  added(bytes(3));
  EXPECT_EQ(mark_here(), Mark::kOwn);
}

TEST_F(NodeBrain, RemembersWhatItFetchedWhileTheFileIsOnlyInDoubt) {
  memory_.remember_mark(bytes(1), Mark::kUnconfirmed);
  added(bytes(1));
  brain_.catalogue_event(io::StoreRemoved{.id = store_, .is_gone = false});
  EXPECT_TRUE(memory_.has_mark(bytes(1)));
  EXPECT_EQ(brain_.peer().store(store_)->state, "checking");
  added(bytes(1));
  EXPECT_EQ(mark_here(), Mark::kUnconfirmed);
  EXPECT_EQ(brain_.peer().store(store_)->state, "complete");
}

TEST_F(NodeBrain, PutsADamagedFileAsideAndDeletesNothing) {
  const Bytes good = io::bytes_from_seed(100'000, 1);
  Bytes bad = good;
  bad[77] ^= 1U;
  const auto path = folder_.path() / store_.file_name();
  io::write_file(path, bad);
  io::set_mtime(path, std::chrono::seconds(1'600'000'000));
  memory_.remember_mark({store_, io::tree_of(good).content}, Mark::kConfirmed);
  ASSERT_TRUE(io::wait_for(loop_, catalogue_.scan()));
  loop_.restart();
  while (catalogue_.aside().empty() && loop_.run_one() > 0) {
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(io::read_file(folder_.path() / catalogue_.aside().at(store_)), bad);
  EXPECT_EQ(catalogue_.find(store_), std::nullopt);
  const auto notes = file_notes(catalogue_, brain_.damaged());
  EXPECT_NE(notes.at(store_).text.find(".dig.damaged"), std::string::npos);
}

TEST_F(NodeBrain, NeverTellsOfAPrivateStore) {
  ASSERT_TRUE(memory_.set_private(store_, true));
  added(bytes(1));
  EXPECT_TRUE(brain_.peer().store(store_)->is_private);
}

}  // namespace
}  // namespace turnpike::node
