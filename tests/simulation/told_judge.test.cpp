#define CAF_SUITE told_judge

#include <caf/test/dsl.hpp>

#include "tests/simulation/told_judge.hpp"

using namespace tk;
using namespace tk::sim;

namespace {

/// Three events of two orders, each told and counted.
struct fixture {
  outbox_model rows;
  told_judge judge{rows};
  tally sums;

  fixture() {
    for (uint64_t n : {1, 2, 3}) rows.commit(rows.begin(), {row(n)});
  }
  static outbox_row row(uint64_t n) {
    outbox_row out;
    out.shard = 3;
    out.id = {1, n};
    out.topic = "reservation-events";
    out.key = n == 2 ? "b" : "a";
    out.type = "CREATED";
    return out;
  }
  void tell(uint64_t n) {
    judge.told(row(n));
    sums.take(row(n));
  }
  void pass(size_t last, std::vector<dead_row> dead = {}) {
    std::array<int64_t, shard_count> epochs{};
    auto all = std::make_shared<const outbox_rows>(rows.rows());
    rows.move({{{{{3, 0}, all->at(last).at}}, std::move(dead)}, all, "kafka"}, epochs);
  }
  [[nodiscard]] std::string missing() const { return judge.missing(sums); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(told_judge_tests, fixture)

CAF_TEST(I13 what is told and counted once is right however often it is told) {
  for (uint64_t n : {1, 2, 1, 3, 2}) tell(n);
  pass(2);
  CAF_CHECK(judge.wrong().empty() && missing().empty());
  CAF_CHECK_EQUAL(sums.again, 2u);
}

CAF_TEST(I13 orders may overtake each other and nothing overtakes within one) {
  tell(2);
  tell(1);
  CAF_CHECK(judge.wrong().empty());
  told_judge other{rows};
  other.told(row(3));
  other.told(row(1));
  CAF_CHECK(other.wrong().find("behind what came after it") != std::string::npos);
}

CAF_TEST(I13 what is not on record is not told) {
  tell(4);
  CAF_CHECK(judge.wrong().find("is not on record") != std::string::npos);
}

CAF_TEST(I13 what is passed without being told is missed) {
  tell(1);
  tell(2);
  pass(2);
  CAF_CHECK(missing().find("was never told") != std::string::npos);
}

CAF_TEST(I13 a cursor that stands still is missed) {
  for (uint64_t n : {1, 2, 3}) tell(n);
  pass(1);
  CAF_CHECK(missing().find("the cursor") != std::string::npos);
}

CAF_TEST(I13 a dead letter stands for what was refused and for nothing else) {
  tell(1);
  tell(2);
  pass(2, {{2, 4, "bad"}});
  CAF_CHECK(missing().empty());
  judge.may_be_dead = [](const domain_event_id&) { return false; };
  CAF_CHECK(missing().find("nobody has refused it") != std::string::npos);
}

CAF_TEST(I13 a dead letter says why) {
  tell(1);
  tell(2);
  pass(2, {{2, 4, ""}});
  CAF_CHECK(missing() == "I13: a dead letter does not say why");
}

CAF_TEST(I13 a letter that was replayed is told behind others and counted) {
  tell(1);
  tell(2);
  pass(2, {{2, 4, "bad"}});
  rows.commit(rows.begin(), {row(5)});
  tell(5);
  pass(3);
  CAF_CHECK(missing().empty());
  rows.end_letter(0);
  CAF_CHECK(missing().find("was never told") != std::string::npos);
  judge.told(row(3));
  CAF_CHECK(judge.wrong().empty());
  CAF_CHECK(missing().find("was told and never counted") != std::string::npos);
  sums.take(row(3));
  sums.take(row(3));
  CAF_CHECK(missing().empty());
}

CAF_TEST(I13 an id is of one event) {
  rows.commit(rows.begin(), {row(2)});
  tell(1);
  CAF_CHECK(judge.wrong() == "I13: two domain events have one id");
}

CAF_TEST(I14 what is not on record is not counted) {
  for (uint64_t n : {1, 2, 3}) tell(n);
  pass(2);
  sums.take(row(4));
  CAF_CHECK(missing() == "I14: a CREATED was counted that is not on record");
}

CAF_TEST(I14 what is told and not counted or counted otherwise is seen) {
  for (uint64_t n : {1, 2, 3}) tell(n);
  pass(2);
  ++sums.counts["CREATED"];
  CAF_CHECK(missing() == "I14: the sums are not those of the rows");
  sums = {};
  CAF_CHECK(missing().find("was told and never counted") != std::string::npos);
  tell(1);
  CAF_CHECK(missing().find("of b was told and never counted") != std::string::npos);
}

CAF_TEST_FIXTURE_SCOPE_END()
