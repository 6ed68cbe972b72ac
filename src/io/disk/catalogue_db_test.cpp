#include "io/disk/catalogue_db.h"

#include <gmock/gmock.h>

#include "io/disk/disk_test_support.h"

namespace turnpike::io {
namespace {

using testing::IsEmpty;

CatalogueDb::Row row_from_seed(std::uint64_t seed) {
  SeededRandom random(seed);
  const std::uint64_t size = 1 + random.below(store::kMaxStoreSize);
  const auto mtime = static_cast<std::int64_t>(random.below(~0ULL));
  return {{size, mtime, random.below(~0ULL)}, {size, random.array<32>()}};
}

TEST(CatalogueDb, KeepsItsRowsToTheNanosecondAndTheInode) {
  const TemporaryFolder folder;
  std::map<store::StoreId, CatalogueDb::Row> rows;
  {
    CatalogueDb db(folder.path() / "db");
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      rows[id_from_seed(seed)] = row_from_seed(seed);
      db.put(id_from_seed(seed), row_from_seed(seed));
    }
  }
  CatalogueDb db(folder.path() / "db");
  EXPECT_EQ(db.load(), rows);
  db.remove(id_from_seed(3));
  rows.erase(id_from_seed(3));
  db.put(id_from_seed(4), row_from_seed(99));
  rows[id_from_seed(4)] = row_from_seed(99);
  EXPECT_EQ(db.load(), rows);
}

TEST(CatalogueDb, StartsAfreshWhereTheFileIsNoDatabase) {
  const TemporaryFolder folder;
  write_file(folder.path() / "db", bytes_from_seed(10'000, 1));
  CatalogueDb db(folder.path() / "db");
  EXPECT_THAT(db.load(), IsEmpty());
  db.put(id_from_seed(1), row_from_seed(1));
  EXPECT_EQ(db.load().size(), 1U);
}

TEST(CatalogueDb, KeepsNothingWhereNoFileCanBeMade) {
  const TemporaryFolder folder;
  CatalogueDb db(folder.path() / "missing" / "db");
  db.put(id_from_seed(1), row_from_seed(1));
  EXPECT_THAT(db.load(), IsEmpty());
}

}  // namespace
}  // namespace turnpike::io
