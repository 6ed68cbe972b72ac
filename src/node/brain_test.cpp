#include "node/brain.h"

#include <gtest/gtest.h>

#include "crypto/random.h"
#include "io/disk/disk_test_support.h"

namespace turnpike::node {
namespace {

using sync::Mark;

/// A brain that hears of its folder. It has no bootstrap, so it orders nothing.
class NodeBrain : public testing::Test {
 protected:
  Mark mark_here() {
    const auto view = brain_.peer().store(store_);
    return view && view->mark ? *view->mark : Mark::kContested;
  }
  sync::Target bytes(std::uint8_t n) const { return {store_, {1234, Digest{n}}}; }
  void added(const sync::Target& target) { brain_.catalogue_event(io::StoreAdded{target.store, target.content}); }
  void changed(const sync::Target& target) { brain_.catalogue_event(io::StoreChanged{target.store, target.content}); }

  const store::StoreId store_ = io::id_from_seed(1);
  io::TemporaryFolder folder_;
  boost::asio::io_context loop_;
  crypto::SecureRandom random_;
  crypto::SigningKey identity_ = crypto::SigningKey::generate(random_);
  std::unique_ptr<io::StateDb> state_ = *io::StateDb::open(folder_.path() / "state.db");
  Memory memory_{*state_};
  Brain brain_{loop_.get_executor(), config(), random_, memory_};

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

TEST_F(NodeBrain, TakesAFileThatWasChangedHereForTheOwners) {
  memory_.remember_mark(bytes(1), Mark::kUnconfirmed);
  added(bytes(1));
  changed(bytes(3));
  EXPECT_EQ(mark_here(), Mark::kOwn);
}

TEST_F(NodeBrain, TakesAFileForTheOwnersThatCameAfterTheFetchedOneWasRemoved) {
  memory_.remember_mark(bytes(1), Mark::kUnconfirmed);
  added(bytes(1));
  brain_.catalogue_event(io::StoreRemoved{store_});
  added(bytes(1));
  EXPECT_EQ(mark_here(), Mark::kOwn);
}

}  // namespace
}  // namespace turnpike::node
