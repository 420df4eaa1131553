// What a relay reads, hands over and puts on record.
#define CAF_SUITE relay_core

#include "persistence/relay/core.hpp"

#include "caf/test/dsl.hpp"

#include <deque>
#include <random>

using namespace tk;

namespace {

outbox_row row(uint16_t shard, uint64_t xid, int64_t seq) {
  outbox_row out;
  out.shard = shard;
  out.at = {xid, seq};
  return out;
}

std::shared_ptr<const outbox_rows> rows_of(outbox_rows x) {
  return std::make_shared<const outbox_rows>(std::move(x));
}

constexpr row_fate delivered = row_fate::delivered, refused = row_fate::refused,
                   unknown = row_fate::unknown;

std::vector<row_outcome> fates(std::initializer_list<row_fate> list) {
  std::vector<row_outcome> out;
  for (auto x : list) out.push_back({x, x == refused ? "bad" : ""});
  return out;
}

const std::vector<owned_shard> both = {{3, 7}, {5, 9}};

struct fixture {
  relay_core core{relay_settings{}};
  instant now = from_ms(1'000'000);

  relay_read read(const std::vector<owned_shard>& owned = both) {
    auto x = core.next(owned, now);
    CAF_REQUIRE(x.has_value());
    return *x;
  }
  relay_moves round(outbox_rows rows, const std::vector<row_outcome>& outcomes) {
    read();
    CAF_REQUIRE(core.took(rows_of(std::move(rows))));
    auto out = core.judge(outcomes, now);
    core.done();
    return out;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(relay_core_tests, fixture)

CAF_TEST(a cursor moves behind what was delivered and for the owner that read) {
  auto x =
    round({row(3, 1, 1), row(3, 1, 2), row(5, 2, 3)}, fates({delivered, delivered, delivered}));
  CAF_CHECK(x.moves == std::vector<cursor_move>({{{3, 7}, {1, 2}}, {{5, 9}, {2, 3}}}));
  CAF_CHECK(x.dead.empty());
}

CAF_TEST(no cursor passes a row whose outcome is not known) {
  auto x = round({row(3, 1, 1), row(3, 1, 2), row(3, 1, 3), row(5, 2, 3)},
                 fates({delivered, unknown, delivered, unknown}));
  CAF_CHECK(x.moves == std::vector<cursor_move>({{{3, 7}, {1, 1}}}));
  CAF_CHECK(core.pause() == relay_settings{}.failed_min);
}

CAF_TEST(the wait after failures grows to its end and is forgotten after a success) {
  millis last{0};
  for (int i = 0; i < 10; ++i) {
    round({row(3, 1, 1)}, fates({unknown}));
    CAF_CHECK(core.pause() >= last);
    last = core.pause();
  }
  CAF_CHECK(last == relay_settings{}.failed_max);
  round({row(3, 1, 1)}, fates({delivered}));
  CAF_CHECK(core.pause() == relay_settings{}.idle_min);
}

CAF_TEST(a refused row stops its shard alone and is a dead letter after three tries more) {
  auto one = [&] { return round({row(3, 1, 1), row(3, 1, 2)}, fates({refused, delivered})); };
  for (auto wait : relay_settings{}.retries) {
    auto x = one();
    CAF_CHECK(x.moves.empty() && x.dead.empty());
    CAF_CHECK_EQUAL(core.stuck(), 1u);
    CAF_CHECK(core.pause() < relay_settings{}.failed_min);
    now += wait - millis{1};
    auto meanwhile = read();
    CAF_CHECK(meanwhile.shards == std::vector<owned_shard>({{5, 9}}));
    CAF_REQUIRE(core.took(rows_of({})));
    core.done();
    now += millis{1};
  }
  auto x = one();
  CAF_CHECK(x.moves == std::vector<cursor_move>({{{3, 7}, {1, 2}}}));
  CAF_REQUIRE_EQUAL(x.dead.size(), 1u);
  CAF_CHECK(x.dead[0].row == 0 && x.dead[0].tries == 4 && x.dead[0].why == "bad");
  CAF_CHECK_EQUAL(core.stuck(), 0u);
}

CAF_TEST(a row that is taken at last was no dead letter) {
  round({row(3, 1, 1)}, fates({refused}));
  now += millis{1000};
  auto x = round({row(3, 1, 1)}, fates({delivered}));
  CAF_CHECK(x.moves.size() == 1u && x.dead.empty());
  CAF_CHECK_EQUAL(core.stuck(), 0u);
  round({row(3, 1, 2)}, fates({refused})); // The next one has all its tries.
  now += millis{1000};
  CAF_CHECK(round({row(3, 1, 2)}, fates({refused})).dead.empty());
}

CAF_TEST(what is given away is not remembered) {
  round({row(3, 1, 1)}, fates({refused}));
  CAF_CHECK_EQUAL(core.stuck(), 1u);
  read({{5, 9}});
  CAF_CHECK_EQUAL(core.stuck(), 0u);
}

CAF_TEST(who owns nothing reads nothing and rests) {
  for (int i = 0; i < 10; ++i) CAF_CHECK(!core.next({}, now).has_value());
  CAF_CHECK(core.pause() == relay_settings{}.idle_max);
}

CAF_TEST(shards that are behind get every other read to themselves) {
  auto first = read();
  CAF_CHECK_EQUAL(first.per_shard, relay_settings{}.rows_max / 2);
  outbox_rows full;
  for (int i = 0; i < first.per_shard; ++i) full.push_back(row(5, 1, i + 1));
  CAF_REQUIRE(core.took(rows_of(full)));
  core.judge(std::vector<row_outcome>(full.size(), {delivered, ""}), now);
  core.done();
  CAF_CHECK(core.pause() == millis{0});
  auto second = read();
  CAF_CHECK(second.shards == std::vector<owned_shard>({{5, 9}}));
  CAF_CHECK_EQUAL(second.per_shard, relay_settings{}.rows_max);
  CAF_REQUIRE(core.took(rows_of({row(5, 9, 1)})));
  core.judge(fates({delivered}), now);
  core.done();
  CAF_CHECK(read().shards == both);
}

CAF_TEST(what was not asked for or is out of order is not passed on) {
  read();
  CAF_CHECK(!core.took(rows_of({row(4, 1, 1)})));
  CAF_CHECK(!core.took(rows_of({row(3, 2, 1), row(3, 1, 2)})));
  CAF_CHECK(!core.took(rows_of({row(5, 1, 1), row(3, 1, 2)})));
  CAF_REQUIRE(core.took(rows_of({row(3, 1, 1)})));
  CAF_CHECK(core.judge({}, now).moves.empty()); // An answer about something else.
}

CAF_TEST(whatever happens on the way all is told and first told in order) {
  // A shard of rows that become visible late, a sink that loses answers after or before it took
  // something, a record that loses moves: I13 in small.
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 rng{seed};
    auto chance = [&](unsigned percent) { return rng() % 100 < percent; };
    relay_core relay{relay_settings{}};
    instant at = from_ms(0);
    constexpr int64_t count = 40;
    int64_t visible = 0, cursor = 0;
    std::vector<int64_t> told;
    for (int rounds = 0; cursor < count; ++rounds) {
      CAF_REQUIRE(rounds < 2000);
      if (chance(50)) visible = std::min(count, visible + static_cast<int64_t>(rng() % 7));
      at += relay.pause();
      auto what = relay.next({{3, 7}}, at);
      if (!what || chance(5)) {
        if (what) relay.failed();
        continue;
      }
      outbox_rows rows;
      for (auto i = cursor + 1; i <= visible; ++i) rows.push_back(row(3, 1, i));
      CAF_REQUIRE(relay.took(rows_of(rows)));
      std::vector<row_outcome> outcomes(rows.size());
      bool lost = false;
      for (size_t i = 0; i < rows.size() && !lost; ++i) {
        lost = chance(10);
        if (!lost || chance(50)) told.push_back(rows[i].at.seq);
        if (!lost) outcomes[i].is = delivered;
      }
      auto moves = relay.judge(outcomes, at);
      if (chance(10)) {
        relay.failed();
        continue;
      }
      for (auto& x : moves.moves) cursor = x.to.seq;
      relay.done();
    }
    int64_t highest = 0;
    for (auto x : told) {
      CAF_REQUIRE(x <= highest + 1);
      highest = std::max(highest, x);
    }
    CAF_REQUIRE_EQUAL(highest, count);
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
