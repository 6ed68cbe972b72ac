#include "crypto/leaf_hash.h"

#include <algorithm>

#include "crypto/check.h"
#include "crypto/hash.h"

#ifdef TURNPIKE_IPSEC_MB
#include <intel-ipsec-mb.h>
#endif

namespace turnpike::crypto {
namespace {

void hash_one_by_one(ByteView data, std::size_t leaf_size, std::span<Digest> out) {
  for (Digest& digest : out) {
    const ByteView leaf = data.first(std::min(leaf_size, data.size()));
    digest = sha256(leaf);
    data = data.subspan(leaf.size());
  }
}

}  // namespace

#ifdef TURNPIKE_IPSEC_MB

namespace {

// Several lanes pay only where the processor does not already hash one lane in hardware as fast: AVX2 and SHA-NI
// decide.
bool lanes_pay() { return (imb_get_feature_flags() & IMB_FEATURE_AVX2) != 0; }

}  // namespace

struct LeafHasher::State {
  IMB_MGR* manager = nullptr;

  explicit State(bool lanes) {
    if (!lanes || !lanes_pay()) return;
    manager = alloc_mb_mgr(0);
    if (manager != nullptr) init_mb_mgr_auto(manager, nullptr);
  }
  ~State() {
    if (manager != nullptr) free_mb_mgr(manager);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void hash(ByteView data, std::size_t leaf_size, std::span<Digest> out) {
    if (manager == nullptr) return hash_one_by_one(data, leaf_size, out);
    for (Digest& digest : out) {
      const ByteView leaf = data.first(std::min(leaf_size, data.size()));
      IMB_JOB* const job = IMB_GET_NEXT_JOB(manager);
      *job = {};
      job->cipher_mode = IMB_CIPHER_NULL;
      job->hash_alg = IMB_AUTH_SHA_256;
      job->chain_order = IMB_ORDER_HASH_CIPHER;
      job->src = leaf.data();
      job->msg_len_to_hash_in_bytes = leaf.size();
      job->auth_tag_output = digest.data();
      job->auth_tag_output_len_in_bytes = digest.size();
      check_done(IMB_SUBMIT_JOB(manager));
      data = data.subspan(leaf.size());
    }
    while (IMB_JOB* const job = IMB_FLUSH_JOB(manager)) check_done(job);
  }

  static void check_done(const IMB_JOB* job) {
    if (job != nullptr && job->status != IMB_STATUS_COMPLETED) check(0);
  }
};

#else

struct LeafHasher::State {
  static constexpr void* manager = nullptr;
  explicit State(bool) {}
  static void hash(ByteView data, std::size_t leaf_size, std::span<Digest> out) {
    hash_one_by_one(data, leaf_size, out);
  }
};

#endif

LeafHasher::LeafHasher() : LeafHasher(LeafHashEngine::kIpsecMb) {}
LeafHasher::LeafHasher(LeafHashEngine engine) : state_(std::make_unique<State>(engine == LeafHashEngine::kIpsecMb)) {}
LeafHasher::~LeafHasher() = default;
LeafHasher::LeafHasher(LeafHasher&&) noexcept = default;
LeafHasher& LeafHasher::operator=(LeafHasher&&) noexcept = default;

LeafHashEngine LeafHasher::engine() const {
  return state_->manager == nullptr ? LeafHashEngine::kOpenSsl : LeafHashEngine::kIpsecMb;
}

void LeafHasher::hash(ByteView data, std::size_t leaf_size, std::span<Digest> out) {
  state_->hash(data, leaf_size, out);
}

}  // namespace turnpike::crypto
