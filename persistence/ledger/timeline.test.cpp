#define CAF_SUITE timeline

#include "persistence/ledger/timeline.hpp"

#include <algorithm>

#include <caf/test/dsl.hpp>

#include "actors/base/time.hpp"

using namespace tk;

namespace {

constexpr int64_t cluster = 77;

op_ptr create(uint64_t n) {
  create_reservation x;
  x.id = {1, n};
  return std::make_shared<const op>(x);
}

struct fixture {
  loss_watch lane;
  std::optional<std::string> history;
  std::vector<reservation_id> rows;
  int questions = 0;

  void answer(std::vector<op_ptr> ops, uint64_t at, outcome is = outcome::ok, instant when = {}) {
    batch what{std::move(ops)};
    batch_result said{batch_status::committed, std::vector<verdict>(what.ops.size()), ""};
    for (auto& x : said.verdicts) {
      x.is = is;
      x.at = when;
    }
    lane.answered(what, said, {cluster, "00000001", at});
  }
  bool may_write(const char* timeline, int64_t system = cluster) {
    loss_watch::questions ask;
    ask.history = [this] {
      ++questions;
      return history;
    };
    ask.has = [this](const acknowledged_op& x) {
      ++questions;
      auto id = std::get<create_reservation>(*x.what).id;
      return std::find(rows.begin(), rows.end(), id) != rows.end();
    };
    lane.judge({system, timeline, 0}, ask);
    return lane.suspicion().empty();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(timeline_tests, fixture)

CAF_TEST(who has answered nothing loses nothing) {
  CAF_CHECK(may_write("00000005"));
  CAF_CHECK_EQUAL(questions, 0);
}

CAF_TEST(on the same timeline nothing is asked) {
  answer({create(1)}, 100);
  CAF_CHECK(may_write("00000001"));
  CAF_CHECK_EQUAL(questions, 0);
}

CAF_TEST(another cluster is never trusted) {
  answer({create(1)}, 100);
  rows = {{1, 1}};
  CAF_CHECK(!may_write("00000001", cluster + 1));
}

CAF_TEST(a timeline that was left behind the position has everything) {
  answer({create(1)}, 0x2000);
  history = "1\t0/2000\tno recovery target specified\n";
  CAF_CHECK(may_write("00000002"));
  history = "1\t0/1FFF\tno recovery target specified\n";
  CAF_CHECK(!may_write("00000002"));
}

CAF_TEST(beyond the switch the row of the last answer proves the rest) {
  answer({create(1), create(2)}, 0x2000);
  history = "1\t0/1000\t\n";
  rows = {{1, 1}};
  CAF_CHECK(!may_write("00000002")); // Only the last one counts.
  rows.push_back({1, 2});
  CAF_CHECK(may_write("00000002"));
  // What was refused, and what leaves nothing, proves nothing.
  answer({create(3)}, 0x3000, outcome::moved);
  answer({std::make_shared<const op>(reread_items{})}, 0x4000);
  CAF_CHECK(may_write("00000002"));
}

CAF_TEST(without a history the row decides and without both nobody knows) {
  answer({create(1)}, 0x2000);
  CAF_CHECK(!may_write("00000002"));
  history = "3\t0/9000\t\n"; // No ancestor of it.
  CAF_CHECK(!may_write("00000004"));
  rows = {{1, 1}};
  CAF_CHECK(may_write("00000004"));
}

CAF_TEST(who has promised nothing has nothing to lose) {
  answer({create(1)}, 0x2000, outcome::moved);
  answer({std::make_shared<const op>(reread_items{})}, 0x3000);
  history = "1\t0/1000\t\n";
  CAF_CHECK(may_write("00000002"));
}

CAF_TEST(an operator goes on with the server as it is) {
  answer({create(1)}, 0x2000);
  CAF_REQUIRE(!may_write("00000002"));
  lane.accept();
  CAF_CHECK(lane.suspicion().empty());
  CAF_CHECK(may_write("00000002"));
}

CAF_TEST(what was told is kept in order and nothing else is) {
  answer({create(1), std::make_shared<const op>(reread_items{}), create(2)}, 100);
  answer({create(3)}, 200, outcome::moved);
  answer({create(4)}, 300);
  std::vector<uint64_t> kept;
  for (auto& x : lane.kept()) kept.push_back(std::get<create_reservation>(*x.what).id.lo);
  CAF_CHECK((kept == std::vector<uint64_t>{1, 2, 4}));
  CAF_CHECK(!lane.forgot());
  lane.accept();
  CAF_CHECK(lane.kept().empty());
}

CAF_TEST(so much is kept and what is older is forgotten) {
  constexpr uint64_t told = kept_ops_max + 7;
  for (uint64_t i = 0; i < told; ++i) answer({create(i)}, i);
  CAF_CHECK(lane.kept().size() <= kept_ops_max);
  CAF_CHECK(lane.forgot());
  CAF_CHECK_EQUAL(std::get<create_reservation>(*lane.kept().back().what).id.lo, told - 1);
}

CAF_TEST(what is large fills the same room with less) {
  create_reservation large;
  large.items.resize(1000);
  const auto x = std::make_shared<const op>(large);
  for (uint64_t i = 0; i < 1000; ++i) answer({x}, i);
  CAF_CHECK(lane.kept().size() < 1000);
  CAF_CHECK(lane.kept().size() > 10);
  CAF_CHECK(lane.forgot());
}

CAF_TEST(only the last minutes are kept) {
  auto at = from_ms(1'800'000'000'000);
  answer({create(1)}, 100, outcome::ok, at);
  answer({create(2)}, 200, outcome::ok, at + kept_for);
  CAF_CHECK_EQUAL(lane.kept().size(), 2u);
  answer({create(3)}, 300, outcome::ok, at + kept_for + millis{1});
  CAF_CHECK_EQUAL(lane.kept().size(), 2u);
  CAF_CHECK(lane.forgot());
}

CAF_TEST_FIXTURE_SCOPE_END()
