#define CAF_SUITE password_hasher
#include "gateways/password/hasher.hpp"

#include "caf/test/dsl.hpp"

namespace {

using namespace tk;

struct counting_entropy : entropy {
  uint64_t at = 0;
  uint64_t next() override { return ++at * 0x9e3779b97f4a7c15ull; }
};

struct fixture {
  counting_entropy random;
  password_hasher cheap{{password_scheme::bcrypt, 4, 1}, random};
  password_hasher dearer{{password_scheme::bcrypt, 5, 1}, random};
  password_hasher memory_hard{{password_scheme::yescrypt, 4, 1}, random};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(password_hasher_tests, fixture)

CAF_TEST(a password matches its own hash only) {
  auto hash = cheap.hash("Test1234!");
  CAF_REQUIRE(hash);
  CAF_CHECK(hash->starts_with("$2b$04$"));
  CAF_CHECK(cheap.verify("Test1234!", *hash).matches);
  CAF_CHECK(!cheap.verify("Test1234?", *hash).matches);
  CAF_CHECK(!cheap.verify("", *hash).matches);
  CAF_CHECK(*cheap.hash("Test1234!") != *hash);
}

CAF_TEST(nothing is cut off silently) {
  for (size_t size : {71u, 72u, 73u, 200u, 600u}) {
    std::string base(size, 'x');
    auto hash = cheap.hash(base + "a");
    CAF_REQUIRE(hash);
    CAF_CHECK(cheap.verify(base + "a", *hash).matches);
    CAF_CHECK(!cheap.verify(base + "b", *hash).matches);
    CAF_CHECK(!cheap.verify(base, *hash).matches);
    CAF_CHECK_EQUAL(hash->starts_with("sha512+"), size + 1 > 72);
  }
}

CAF_TEST(a zero byte ends nothing) {
  std::string with_zero{"Secret\0tail", 11};
  auto hash = cheap.hash(with_zero);
  CAF_REQUIRE(hash);
  CAF_CHECK(cheap.verify(with_zero, *hash).matches);
  CAF_CHECK(!cheap.verify("Secret", *hash).matches);
}

CAF_TEST(hashes of both schemes are accepted and renewed when the setting is stronger) {
  auto old = *cheap.hash("Test1234!");
  auto strong = *memory_hard.hash("Test1234!");
  CAF_CHECK(strong.starts_with("$y$"));
  CAF_CHECK(cheap.verify("Test1234!", strong).matches);
  CAF_CHECK(memory_hard.verify("Test1234!", old).matches);
  CAF_CHECK(!cheap.verify("Test1234!", old).needs_rehash);
  CAF_CHECK(dearer.verify("Test1234!", old).needs_rehash);
  CAF_CHECK(memory_hard.verify("Test1234!", old).needs_rehash);
  CAF_CHECK(!cheap.verify("Test1234!", strong).needs_rehash);
  CAF_CHECK(!dearer.verify("wrong", old).needs_rehash);
}

CAF_TEST(an account without a hash matches nothing) {
  for (auto stored : {"", "*", "$2b$", "garbage", "sha512+", "$1$salt$abc"})
    CAF_CHECK(!cheap.verify("Test1234!", stored).matches);
}

CAF_TEST(an impossible cost is an error and not a weak hash) {
  password_hasher wrong{{password_scheme::bcrypt, 99, 5}, random};
  CAF_CHECK(!wrong.hash("Test1234!"));
}

CAF_TEST_FIXTURE_SCOPE_END()
