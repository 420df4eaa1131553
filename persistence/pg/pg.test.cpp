// The libpq layer against a real server: values there and back, limits, warnings.
#define CAF_SUITE pg

#include "persistence/pg/connection.hpp"

#include <caf/test/dsl.hpp>

#include "tests/integration/pg_fixture.hpp"

using namespace tk;
using namespace tk::test;

namespace {

struct fixture {
  test_database home{false};
  pg::connection db = home.connect();
};

/// True when `sql` returns true for `p`.
bool holds(pg::connection& db, const char* sql, const pg::params& p) {
  return must(db, sql, p).boolean(0, 0);
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(pg_tests, fixture)

CAF_TEST(single values arrive as they are) {
  pg::params p;
  user_id id{0x0123456789abcdef, 0xfedcba9876543210};
  p.add_int4(-7).add_int8(-5'000'000'000).add_bool(true).add_text("안녕").add_text("");
  p.add_bytes(std::string_view{"\0\xff", 2}).add_id(id);
  p.add_text_or_null("").add_id_or_null(user_id{});
  CAF_CHECK(holds(db,
                  "SELECT $1 = -7 AND $2 = -5000000000 AND $3 AND $4 = '안녕' AND $5 = '' "
                  "AND $6 = '\\x00ff'::bytea AND "
                  "$7 = '01234567-89ab-cdef-fedc-ba9876543210'::uuid AND "
                  "$8 IS NULL AND $9 IS NULL",
                  p));
  auto back = must(db, "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9", p);
  CAF_CHECK_EQUAL(back.int4(0, 0), -7);
  CAF_CHECK_EQUAL(back.integer(0, 1), -5'000'000'000);
  CAF_CHECK(back.boolean(0, 2));
  CAF_CHECK_EQUAL(std::string{back.text(0, 3)}, "안녕");
  CAF_CHECK(back.text(0, 4).empty() && !back.null(0, 4));
  CAF_CHECK(back.bytes(0, 5) == std::string_view("\0\xff", 2));
  CAF_CHECK(back.uuid<user_id>(0, 6) == id);
  CAF_CHECK(back.null(0, 7) && back.uuid<user_id>(0, 8).nil());
}

CAF_TEST(times keep their milliseconds on both sides of 1970 and 2000) {
  for (int64_t ms : {int64_t{0}, int64_t{-1}, int64_t{1}, int64_t{946'684'799'999},
                     int64_t{946'684'800'000}, int64_t{1'770'000'000'123}}) {
    pg::params p;
    p.add_time(from_ms(ms)).add_int8(ms);
    CAF_CHECK(holds(db, "SELECT (extract(epoch FROM $1) * 1000)::bigint = $2", p));
    auto back = must(db, "SELECT $1, $2", p).time(0, 0);
    CAF_CHECK_EQUAL(to_ms(back), ms);
  }
  pg::params ends;
  ends.add_time(instant::max()).add_time(instant::min());
  CAF_CHECK(holds(db, "SELECT $1 = 'infinity' AND $2 = '-infinity'", ends));
  auto back = must(db, "SELECT $1, $2", ends);
  CAF_CHECK(back.time(0, 0) == instant::max() && back.time(0, 1) == instant::min());
}

CAF_TEST(times are rounded down) {
  auto rows = must(db, "SELECT '1969-12-31 23:59:59.9999Z'::timestamptz, "
                       "'1970-01-01 00:00:00.0019Z'::timestamptz");
  auto before = to_ms(rows.time(0, 0)), after = to_ms(rows.time(0, 1));
  CAF_CHECK_EQUAL(before, -1);
  CAF_CHECK_EQUAL(after, 1);
}

CAF_TEST(arrays carry nulls and can be used again) {
  pg::array ints{pg::oid::int4}, texts{pg::oid::text}, ids{pg::oid::uuid};
  for (int round = 0; round < 2; ++round) {
    ints.clear();
    texts.clear();
    ids.clear();
    for (int i = 0; i < 3; ++i) {
      ints.push_int(i - 1);
      texts.push_text_or_null(i == 1 ? "" : "x,\"{}");
      ids.push_id_or_null(user_id{0, static_cast<uint64_t>(i)});
    }
    pg::params p;
    p.add(ints).add(texts).add(ids);
    CAF_CHECK(holds(db,
                    "SELECT $1 = '{-1,0,1}'::int[] AND cardinality($2) = 3 AND "
                    "$2[2] IS NULL AND $2[3] = 'x,\"{}' AND $3[1] IS NULL AND "
                    "$3[3] = '00000000-0000-0000-0000-000000000002'",
                    p));
  }
}

CAF_TEST(every element type has its array) {
  pg::array bools{pg::oid::boolean}, small{pg::oid::int2}, big{pg::oid::int8};
  pg::array times{pg::oid::timestamptz}, bytes{pg::oid::bytea}, none{pg::oid::uuid};
  bools.push_bool(true);
  small.push_int(-3);
  big.push_int(1ll << 40);
  times.push_time(from_ms(1500));
  bytes.push_bytes("ab");
  pg::params p;
  p.add(bools).add(small).add(big).add(times).add(bytes).add(none);
  CAF_CHECK(holds(db,
                  "SELECT $1[1] AND $2[1] = -3 AND $3[1] = 1099511627776 AND "
                  "$4[1] = to_timestamp(1.5) AND $5[1] = 'ab'::bytea AND "
                  "cardinality($6) = 0",
                  p));
}

CAF_TEST(arrays come back as they went) {
  pg::array ints{pg::oid::int4}, ids{pg::oid::uuid};
  for (auto x : {7, INT32_MIN, INT32_MAX, 0}) ints.push_int(x);
  ids.push_id(user_id{1, 2});
  ids.push_id(user_id{UINT64_MAX, 0});
  pg::params p;
  p.add(ints).add(ids);
  auto rows = must(db, "SELECT $1::int[], $2::uuid[], '{}'::int[], NULL::int[]", p);
  std::vector<int32_t> numbers{5};
  std::vector<user_id> users;
  rows.int4s(0, 0, numbers);
  rows.uuids(0, 1, users);
  rows.int4s(0, 2, numbers);
  rows.int4s(0, 3, numbers);
  CAF_CHECK(numbers == (std::vector<int32_t>{5, 7, INT32_MIN, INT32_MAX, 0}));
  CAF_CHECK(users == (std::vector<user_id>{{1, 2}, {UINT64_MAX, 0}}));
}

CAF_TEST(errors carry their state and leave the connection usable) {
  auto bad = db.query("SELECT 1 / 0");
  CAF_CHECK(!bad.ok() && !bad.lost());
  CAF_CHECK_EQUAL(std::string{bad.sqlstate()}, "22012");
  CAF_CHECK(db.alive());
  auto script = db.run_script("SELECT 1; SELECT 1 / 0; SELECT 2");
  CAF_CHECK_EQUAL(std::string{script.sqlstate()}, "22012");
  CAF_CHECK_EQUAL(number(db, "SELECT 5::bigint"), 5);
}

CAF_TEST(an answer that does not come in time closes the connection) {
  auto late = db.query("SELECT pg_sleep(5)", {}, millis{100});
  CAF_CHECK(late.lost());
  CAF_CHECK(!db.alive());
  CAF_CHECK(db.query("SELECT 1").lost());
}

CAF_TEST(a backend that is ended is noticed) {
  auto other = home.connect();
  pg::params p;
  p.add_int4(db.backend_pid());
  must(other, "SELECT pg_terminate_backend($1, 5000)", p);
  CAF_CHECK(!db.query("SELECT 1").ok());
  CAF_CHECK(!db.alive());
}

CAF_TEST(warnings are kept and notices are not) {
  must(db, "DO $$ BEGIN RAISE NOTICE 'x'; RAISE WARNING 'y' USING ERRCODE = '01TK1'; END $$");
  auto seen = db.take_warnings();
  CAF_REQUIRE_EQUAL(seen.size(), 1u);
  CAF_CHECK_EQUAL(seen.front(), "01TK1");
  CAF_CHECK(db.take_warnings().empty());
}

CAF_TEST(a server that is not there is an error in words) {
  auto none = pg::connection::open("host=/nowhere password=secret", millis{500});
  CAF_REQUIRE(!none.has_value());
  CAF_CHECK(!none.error().empty());
  CAF_CHECK(none.error().find("secret") == std::string::npos);
}

CAF_TEST_FIXTURE_SCOPE_END()
