#define CAF_SUITE tokens

#include "http/api/tokens.hpp"

#include <sodium.h>

#include "caf/test/dsl.hpp"

using namespace tk;
using namespace tk::http;

namespace {

struct counting_entropy : entropy {
  uint64_t n = 0;
  uint64_t next() override { return ++n * 0x9e3779b97f4a7c15ull; }
};

std::string base64url(const std::string& text) {
  std::string out(sodium_base64_encoded_len(text.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                  '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(text.data()),
                    text.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  out.resize(out.size() - 1);
  return out;
}

struct fixture {
  std::string key = std::string(32, 'k');
  token_service tokens{{key, 1800, 604'800}};
  counting_entropy random;
  instant now = from_ms(1'790'000'000'123);
  user_row user;
  family_id family{7, 8};

  fixture() {
    user.id = make_id<user_id>(random);
    user.email = "a@example.com";
    user.role = user_role::admin;
  }

  /// A token with any header and payload, signed by HMAC-SHA256 with `with`.
  std::string forge(const std::string& header, const std::string& payload,
                    const std::string& with) {
    auto body = base64url(header) + "." + base64url(payload);
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state st;
    crypto_auth_hmacsha256_init(&st, reinterpret_cast<const unsigned char*>(with.data()),
                                with.size());
    crypto_auth_hmacsha256_update(&st, reinterpret_cast<const unsigned char*>(body.data()),
                                  body.size());
    crypto_auth_hmacsha256_final(&st, mac);
    return body + "." + base64url({reinterpret_cast<char*>(mac), sizeof mac});
  }

  std::string payload(const std::string& more = "", const std::string& type = "access") {
    auto id = to_string(user.id);
    return R"({"sub":")" + id + R"(","userId":")" + id +
           R"(","email":"a@x","role":"user","type":")" + type +
           R"(","iat":1790000000,"exp":1790001800)" + more + "}";
  }

  bool accepted(const std::string& token) { return tokens.verify_access(token, now).has_value(); }

  const std::string hs256 = R"({"alg":"HS256","typ":"JWT"})";
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(tokens_tests, fixture)

CAF_TEST(an issued access token says who and since when to the millisecond) {
  auto claims = tokens.verify_access(tokens.issue_access(user, family, now, random), now);
  CAF_REQUIRE(claims.has_value());
  CAF_CHECK_EQUAL(claims->user, user.id);
  CAF_CHECK_EQUAL(claims->email, user.email);
  CAF_CHECK(claims->role == user_role::admin);
  CAF_CHECK_EQUAL(to_ms(claims->issued_at), to_ms(now));
}

CAF_TEST(the claims of the contract alone pass and extra ones must be right) {
  CAF_CHECK(accepted(forge(hs256, payload(), key)));
  CAF_CHECK(accepted(forge(hs256, payload(R"(,"iss":"tiketi","aud":"tiketi-api")"), key)));
  CAF_CHECK(!accepted(forge(hs256, payload(R"(,"iss":"mallory")"), key)));
  CAF_CHECK(!accepted(forge(hs256, payload(R"(,"aud":"elsewhere")"), key)));
}

CAF_TEST(S1 forged tokens are refused) {
  auto good = forge(hs256, payload(), key);
  CAF_CHECK(!accepted(forge(hs256, payload(), std::string(32, 'x'))));
  CAF_CHECK(!accepted(forge(R"({"alg":"none","typ":"JWT"})", payload(), key)));
  CAF_CHECK(!accepted(base64url(R"({"alg":"none"})") + "." + base64url(payload()) + "."));
  CAF_CHECK(!accepted(forge(R"({"alg":"HS512","typ":"JWT"})", payload(), key)));
  CAF_CHECK(!accepted(forge(R"({"alg":"RS256","typ":"JWT"})", payload(), key)));
  CAF_CHECK(!accepted(good.substr(0, good.rfind('.') + 1)));
  CAF_CHECK(!accepted(good + ".x"));
  CAF_CHECK(!accepted(good.substr(0, good.rfind('.'))));
  CAF_CHECK(!accepted(""));
  CAF_CHECK(!accepted("a.b.c"));
  CAF_CHECK(!accepted(std::string(5000, 'a')));
}

CAF_TEST(S3 times and required claims are exact) {
  auto token = tokens.issue_access(user, family, now, random);
  auto end = now + std::chrono::seconds{1800};
  CAF_CHECK(tokens.verify_access(token, end - std::chrono::seconds{1}).has_value());
  CAF_CHECK(!tokens.verify_access(token, end).has_value());
  CAF_CHECK(!tokens.verify_access(token, now - std::chrono::seconds{31}).has_value());
  auto id = to_string(user.id);
  CAF_CHECK(!accepted(forge(hs256, R"({"sub":")" + id + R"(","type":"access"})", key)));
  CAF_CHECK(!accepted(forge(hs256, R"({"type":"access","iat":1790000000,"exp":1790001800})", key)));
  CAF_CHECK(!accepted(
    forge(hs256, R"({"sub":"x","type":"access","iat":1790000000,"exp":1790001800})", key)));
}

CAF_TEST(S4 kinds of tokens are not exchangeable) {
  family = make_id<family_id>(random);
  auto refresh = tokens.issue_refresh(user.id, family, now, random);
  CAF_CHECK(!accepted(refresh));
  CAF_CHECK(
    !tokens.verify_refresh(tokens.issue_access(user, family, now, random), now).has_value());
  auto claims = tokens.verify_refresh(refresh, now);
  CAF_REQUIRE(claims.has_value());
  CAF_CHECK_EQUAL(claims->family, family);
}

CAF_TEST(a token of the gate says its position and is good for ten minutes) {
  const event_id event{1, 2};
  auto token = issue_gate({event, "anon-1", 501, 10'501}, key, now);
  auto claims = verify_gate(token, key, now);
  CAF_REQUIRE(claims);
  CAF_CHECK(claims->event == event && claims->user == "anon-1");
  CAF_CHECK(claims->position == 501 && claims->order == 10'501);
  auto end = now + std::chrono::seconds{600};
  CAF_CHECK(verify_gate(token, key, end - std::chrono::seconds{1}));
  CAF_CHECK(!verify_gate(token, key, end));
  CAF_CHECK(!verify_gate(token, std::string(32, 'x'), now));
  CAF_CHECK(!verify_gate(issue_gate({event, "x", 0, 0}, key, now), key, now));
  CAF_CHECK(!verify_gate(issue_gate({event, "x", 7, 6}, key, now), key, now));
  const auto id = R"("sub":")" + to_string(event) + R"(","iat":1790000000,"exp":4102444800)";
  claims = verify_gate(forge(hs256, "{" + id + R"(,"tier":1,"position":9})", key), key, now);
  CAF_REQUIRE(claims); // As the contract has it.
  CAF_CHECK_EQUAL(claims->order, 9);
  CAF_CHECK(!verify_gate(forge(hs256, "{" + id + R"(,"tier":1})", key), key, now));
  CAF_CHECK(!verify_gate(forge(hs256, "{" + id + R"(,"position":9})", key), key, now));
}

CAF_TEST(S4 a token of the gate does not open what an entry token opens nor the other way round) {
  const event_id event{1, 2};
  // One key for both, and a visitor who names a user.
  auto gate = issue_gate({event, to_string(user.id), 1, 1}, key, now);
  CAF_CHECK(verify_gate(gate, key, now));
  CAF_CHECK(!verify_entry(gate, key, now));
  CAF_CHECK(!accepted(gate));
  auto entry = issue_entry({event, user.id, 1, 1}, key, now, now + std::chrono::seconds{600});
  CAF_CHECK(verify_entry(entry, key, now));
  CAF_CHECK(!verify_gate(entry, key, now));
}

CAF_TEST(a stored hash tells nothing and is stable) {
  CAF_CHECK_EQUAL(token_hash("abc"),
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

CAF_TEST_FIXTURE_SCOPE_END()
