// The outbox in memory shows what PostgreSQL shows (tests/integration/relay.test.cpp).
#define CAF_SUITE outbox_model

#include "persistence/relay/outbox_model.hpp"

#include "caf/test/dsl.hpp"

using namespace tk;

namespace {

struct fixture {
  outbox_model rows;
  std::array<int64_t, shard_count> epochs{};

  fixture() { epochs.fill(1); }

  static outbox_row row(uint16_t shard, uint64_t n) {
    outbox_row out;
    out.shard = shard;
    out.id = {1, n};
    return out;
  }
  [[nodiscard]] std::vector<uint64_t> read(int32_t most = 10) const {
    std::vector<uint64_t> out;
    for (auto& x : rows.read({{{3, 1}, {5, 1}}, most})) out.push_back(x.id.lo);
    return out;
  }
  cursors_moved pass(uint16_t shard, int64_t epoch, size_t last, std::vector<dead_row> dead = {}) {
    auto all = std::make_shared<const outbox_rows>(rows.rows());
    return rows.move({{{{{shard, epoch}, all->at(last).at}}, std::move(dead)}, all, "kafka"},
                     epochs);
  }
};

using numbers = std::vector<uint64_t>;

} // namespace

CAF_TEST_FIXTURE_SCOPE(outbox_model_tests, fixture)

CAF_TEST(a writer that commits last with the lowest number is not skipped) {
  auto slow = rows.begin(), fast = rows.begin();
  rows.commit(fast, {row(3, 1), row(5, 2)});
  CAF_CHECK(read().empty());
  CAF_CHECK_EQUAL(rows.held_back(), 2u);
  rows.commit(slow, {row(3, 3)});
  CAF_CHECK(read() == (numbers{3, 1, 2}));
  CAF_CHECK_EQUAL(rows.out_of_order(), 1u);
}

CAF_TEST(any running writer holds back what began after it) {
  rows.commit(rows.begin(), {row(3, 1)});
  auto idle = rows.begin();
  rows.commit(rows.begin(), {row(3, 2)});
  CAF_CHECK(read() == (numbers{1}));
  rows.end(idle);
  CAF_CHECK(read() == (numbers{1, 2}));
  CAF_CHECK(read(1) == (numbers{1}));
}

CAF_TEST(cursors go forward only and for the owner of the epoch only) {
  for (uint64_t n : {1, 2, 3}) rows.commit(rows.begin(), {row(3, n)});
  CAF_CHECK_EQUAL(pass(3, 2, 1).refused, 1);
  CAF_CHECK(read() == (numbers{1, 2, 3}));
  CAF_CHECK_EQUAL(pass(3, 1, 1).moved, 1);
  CAF_CHECK_EQUAL(pass(3, 1, 0).moved, 0);
  CAF_CHECK(read() == (numbers{3}));
}

CAF_TEST(a dead letter is kept with the move that passes it and once) {
  rows.commit(rows.begin(), {row(3, 1)});
  CAF_CHECK_EQUAL(pass(3, 2, 0, {{0, 4, "bad"}}).dead, 0);
  CAF_CHECK(rows.dead().empty());
  CAF_CHECK_EQUAL(pass(3, 1, 0, {{0, 4, "bad"}}).dead, 1);
  rows.bury("kafka", rows.rows()[0], "bad");
  CAF_CHECK_EQUAL(rows.dead().size(), 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
