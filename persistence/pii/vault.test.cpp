#define CAF_SUITE pii_vault
#include "persistence/pii/vault.hpp"

#include "caf/test/dsl.hpp"

namespace {

using namespace tk;

pii_key key_of_byte(uint8_t id, unsigned char byte) {
  pii_key key;
  key.id = id;
  key.bytes.fill(byte);
  return key;
}

struct fixture {
  pii_keys keys{key_of_byte(1, 0x11), std::nullopt, {}};
  pii_vault vault{keys};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(pii_vault_tests, fixture)

CAF_TEST(what is encrypted comes back and is not in clear) {
  for (std::string clear : {"", "a", "hong@example.com", "홍길동"}) {
    auto cipher = vault.encrypt("email", clear);
    CAF_REQUIRE(cipher);
    CAF_CHECK(clear.size() < 2 || cipher->find(clear) == std::string::npos);
    auto back = vault.decrypt("email", *cipher);
    CAF_REQUIRE(back);
    CAF_CHECK_EQUAL(*back, clear);
    auto again = vault.encrypt("email", clear);
    CAF_CHECK(*again != *cipher);
  }
}

CAF_TEST(any changed byte is noticed) {
  auto cipher = *vault.encrypt("email", "hong@example.com");
  for (size_t i = 0; i < cipher.size(); ++i) {
    auto bad = cipher;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    CAF_CHECK(!vault.decrypt("email", bad));
  }
  for (size_t n = 0; n < cipher.size(); ++n)
    CAF_CHECK(!vault.decrypt("email", cipher.substr(0, n)));
  CAF_CHECK(!vault.decrypt("name", cipher));
}

CAF_TEST(S37 values under the previous key stay readable) {
  auto old = *vault.encrypt("email", "hong@example.com");
  pii_keys next{key_of_byte(2, 0x22), key_of_byte(1, 0x11), {}};
  pii_vault after{next};
  auto back = after.decrypt("email", old);
  CAF_REQUIRE(back);
  CAF_CHECK_EQUAL(*back, "hong@example.com");
  auto fresh = *after.encrypt("email", "hong@example.com");
  CAF_CHECK_EQUAL(fresh[1], 2);
  CAF_CHECK(!vault.decrypt("email", fresh));
  CAF_CHECK_EQUAL(after.lookup("x"), vault.lookup("x"));
}

CAF_TEST(look-ups depend on key and text) {
  CAF_CHECK_EQUAL(vault.lookup("a@x.kr").size(), 32u);
  CAF_CHECK(vault.lookup("a@x.kr") != vault.lookup("b@x.kr"));
  pii_keys other = keys;
  other.lookup[0] = 1;
  CAF_CHECK(pii_vault{other}.lookup("a@x.kr") != vault.lookup("a@x.kr"));
}

CAF_TEST(keys are read as base64 or hex) {
  CAF_CHECK(parse_pii_key(std::string(64, 'a')));
  CAF_CHECK(parse_pii_key("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
  CAF_CHECK(parse_pii_key("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
  for (auto bad : {"", "abc", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=x"})
    CAF_CHECK(!parse_pii_key(bad));
}

CAF_TEST_FIXTURE_SCOPE_END()
