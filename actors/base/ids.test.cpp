#define CAF_SUITE ids

#include "actors/base/ids.hpp"

#include <random>
#include <set>

#include <caf/test/dsl.hpp>

#include "tests/support/check_that.hpp"

#include "actors/base/entropy.hpp"

using namespace tk;

namespace {

struct seeded : entropy {
  std::mt19937_64 engine{7};
  uint64_t next() override { return engine(); }
};

struct all_bits : entropy {
  uint64_t value = 0;
  uint64_t next() override { return value; }
};

constexpr char text[] = "01234567-89ab-4cde-8123-456789abcdef";

} // namespace

CAF_TEST(a uuid is read in either case and printed in lower case) {
  auto x = parse_id<seat_id>(text);
  CAF_REQUIRE(x);
  CAF_CHECK_EQUAL(x->hi, 0x0123456789ab4cdeull);
  CAF_CHECK_EQUAL(x->lo, 0x8123456789abcdefull);
  CAF_CHECK_EQUAL(to_string(*x), text);
  CAF_CHECK(parse_id<seat_id>("01234567-89AB-4CDE-8123-456789ABCDEF") == x);
}

CAF_TEST(every version of uuid is read and the nil one means none) {
  CAF_CHECK(parse_id<user_id>("01234567-89ab-1cde-8123-456789abcdef"));
  auto nil = parse_id<user_id>("00000000-0000-0000-0000-000000000000");
  CAF_REQUIRE(nil);
  CAF_CHECK(nil->nil());
  CAF_CHECK(user_id{}.nil());
  CAF_CHECK(!(user_id{0, 1}.nil()));
  CAF_CHECK(!(user_id{1, 0}.nil()));
}

CAF_TEST(what is not a canonical uuid is refused) {
  for (std::string_view bad : std::initializer_list<std::string_view>{
         "", "0", "0123456789ab4cde8123456789abcdef", "{01234567-89ab-4cde-8123-456789abcdef}",
         "01234567-89ab-4cde-8123-456789abcde", "01234567-89ab-4cde-8123-456789abcdef0",
         "01234567 89ab-4cde-8123-456789abcdef", "01234567-89ab-4cde-8123-456789abcdeg",
         "0123456-789ab-4cde-8123-456789abcdef", " 1234567-89ab-4cde-8123-456789abcdef",
         "+1234567-89ab-4cde-8123-456789abcdef", "------------------------------------",
         "01234567-89ab-4cde-8123-456789abcd\xc3\xa9",
         std::string_view{"01234567-89ab-4cde-8123-456789abcd\0f", 36}})
    CHECK_THAT(!parse_id<seat_id>(bad), bad);
}

CAF_TEST(no single changed character makes another valid uuid unless it is a digit) {
  seeded random;
  for (int round = 0; round < 20'000; ++round) {
    std::string mutated = text;
    auto at = random.next() % mutated.size();
    auto c = static_cast<char>(random.next() & 0xff);
    mutated[at] = c;
    bool dash_place = text[at] == '-';
    bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    bool fine = dash_place ? c == '-' : hex;
    if (parse_id<seat_id>(mutated).has_value() != fine)
      CAF_FAIL("position " << at << ", character " << static_cast<int>(c));
  }
  CAF_CHECK(parse_id<seat_id>(text));
}

CAF_TEST(fresh ids carry version 4 and variant 1 whatever the entropy) {
  all_bits bits;
  for (uint64_t value : {uint64_t{0}, ~uint64_t{0}}) {
    bits.value = value;
    auto x = to_string(make_id<reservation_id>(bits));
    CAF_CHECK_EQUAL(x[14], '4');
    CAF_CHECK(x[19] == '8' || x[19] == '9' || x[19] == 'a' || x[19] == 'b');
  }
  seeded random;
  std::set<reservation_id> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(make_id<reservation_id>(random));
  CAF_CHECK_EQUAL(seen.size(), 1000u);
}

CAF_TEST(printing and reading are inverse) {
  seeded random;
  for (int i = 0; i < 1000; ++i) {
    user_id x{random.next(), random.next()};
    if (parse_id<user_id>(to_string(x)) != x) CAF_FAIL(to_string(x));
  }
  CAF_CHECK(parse_id<user_id>(to_string(user_id{1, 2})) == (user_id{1, 2}));
}

CAF_TEST(ids are ordered as their text is) {
  seeded random;
  for (int i = 0; i < 1000; ++i) {
    user_id x{random.next(), random.next()}, y{random.next() & 1 ? x.hi : random.next(), 5};
    if ((x < y) != (to_string(x) < to_string(y))) CAF_FAIL(to_string(x) << " and " << to_string(y));
  }
  CAF_CHECK((user_id{1, 2} < user_id{1, 3}));
}
